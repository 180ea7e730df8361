// The manual's configurations of sections 6, 7 and 7.2 in each format
// (common/tixml/testdata), as far as they are complete: read without a problem,
// to the values that the manual means.
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/config_store/validation/connector.h"
#include "services/config_store/validation/test_support.h"

namespace fieldgate::config_store {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using tixml::Node;

class ManualConfigurationTest : public testing::TestWithParam<const char*> {
 protected:
  ManualConfigurationTest() { (*device_.mutable_interfaces())["MODEM"] = "wwan0"; }

  static std::vector<Node> NodesOf(const std::string& name) {
    const std::string path = absl::StrCat("common/tixml/testdata/", name, ".", GetParam());
    std::ifstream stream(path, std::ios::binary);
    EXPECT_TRUE(stream) << path;
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    const absl::StatusOr<tixml::Document> document = tixml::Parse(text, {"cmd", "ISP"});
    EXPECT_TRUE(document.ok()) << path << ": " << document.status();
    return document.ok() ? document->nodes : std::vector<Node>();
  }

  static Node Isp(std::vector<Node> children) {
    Node isp;
    isp.name = "ISP";
    isp.children = std::move(children);
    return isp;
  }

  std::vector<v1::Connector> Read(const Node& isp) {
    Problems problems, unknown_paths, log_problems;
    std::vector<v1::Connector> connectors =
        ReadConnectors(&isp, device_, Origins({}), {}, problems, unknown_paths, log_problems);
    problems_ = Lines(problems);
    return connectors;
  }

  v1::Device device_;
  std::vector<std::string> problems_;
};

INSTANTIATE_TEST_SUITE_P(Formats, ManualConfigurationTest, testing::Values("tixml", "xml", "json"),
                         [](const auto& info) { return std::string(info.param); });

Node Element(const std::string& name, std::vector<Node> children) {
  Node node;
  node.name = name;
  node.children = std::move(children);
  return node;
}

TEST_P(ManualConfigurationTest, TheConnectorOfSection7) {
  Node isp = Isp(NodesOf("7_cloud_conn").at(0).children);
  // Its virtual_devices asks for what its [meta_...] stands for.
  for (Node& point : isp.Child("CloudConn")->Child("Realtime1")->children) {
    point.Set("meta_virtual_device", "V");
    if (point.Find("meta_type") == nullptr) point.Set("meta_type", "custom");
  }
  const std::vector<v1::Connector> connectors = Read(isp);
  ASSERT_EQ(connectors.size(), 1u);
  const v1::Connector& c = connectors[0];
  // Client certificates are not used yet.
  EXPECT_THAT(problems_, Each(HasSubstr("TLS_Client_")));
  EXPECT_EQ(c.base_url(), "tcp://URL_or_IP_of_MQTT_broker:1883");
  EXPECT_EQ(c.username(), "user");
  EXPECT_EQ(c.password(), "password");
  EXPECT_EQ(c.gateway_id(), "gateway_id");
  EXPECT_EQ(c.customer_id(), "customer_id");
  EXPECT_EQ(c.qos(), 1);
  EXPECT_EQ(c.tls().server_cert(), "servercert.crt");
  EXPECT_TRUE(c.start());
  EXPECT_EQ(c.format(), v1::TIXML);
  EXPECT_EQ(c.keep_alive_s(), 200u);
  EXPECT_TRUE(c.virtual_devices());
  ASSERT_EQ(c.sections_size(), 1);
  EXPECT_EQ(c.sections(0).send_period_ms(), 2'000u);
  ASSERT_EQ(c.sections(0).points_size(), 6);
  EXPECT_EQ(c.sections(0).points(0).name(), "Datapoint1");
  EXPECT_EQ(c.sections(0).points(0).path(), "/Process/Bus1/Device1/DP1");
  EXPECT_EQ(c.sections(0).points(5).path(), "/GNSS/Latitude");
  EXPECT_EQ(c.sections(0).points(5).second_path(), "/GNSS/Longitude");
}

TEST_P(ManualConfigurationTest, TheHysteresisOfSection7_2) {
  std::vector<Node> settings = NodesOf("7_2_hysteresis");
  for (Node& setting : settings) {
    if (setting.name != "Realtime1") continue;
    for (Node& point : setting.children) point.Set("meta_type", "custom");
  }
  settings.push_back(tixml::ValueNode("CloudBaseUrl", "tcp://b"));
  settings.push_back(tixml::ValueNode("CloudConnStart", "1"));
  settings.push_back(tixml::ValueNode("CloudConnType", "FPIL_Tixi_MQTT_1"));
  const std::vector<v1::Connector> connectors = Read(Isp({Element("CloudConn", settings)}));
  EXPECT_THAT(problems_, IsEmpty());
  ASSERT_EQ(connectors.size(), 1u);
  const v1::RealtimeSection& section = connectors[0].sections(0);
  EXPECT_FALSE(section.has_send_period_ms());
  EXPECT_EQ(section.update_period_ms(), 20'000u);
  std::vector<double> hysteresis;
  for (const v1::DataPoint& point : section.points()) hysteresis.push_back(point.hysteresis());
  EXPECT_THAT(hysteresis, testing::ElementsAre(2, 8.5, 0.5, 0.8));
}

TEST_P(ManualConfigurationTest, TheRoutingOfSection6) {
  std::vector<Node> connector = {tixml::ValueNode("CloudBaseUrl", "tcp://b"),
                                 tixml::ValueNode("CloudConnStart", "1"),
                                 tixml::ValueNode("CloudConnType", "FPIL_Tixi_MQTT_1")};
  const std::vector<v1::Connector> connectors =
      Read(Isp({Element("ISP", NodesOf("6_service_routing").at(0).children),
                Element("CloudConn", connector)}));
  EXPECT_THAT(problems_, IsEmpty());
  ASSERT_EQ(connectors.size(), 1u);
  EXPECT_EQ(connectors[0].route(), "Ethernet");
}

}  // namespace
}  // namespace fieldgate::config_store
