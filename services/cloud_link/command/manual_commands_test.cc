// The manual's commands of sections 1.3, 6, 7 and 7.3 in each format
// (common/tixml/testdata): executed as the manual says, and answered in kind.
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cloud_link/command/fake_ports.h"
#include "services/cloud_link/command/interpreter.h"

namespace fieldgate::cloud_link {
namespace {

using testing::ElementsAre;
using tixml::Node;

class ManualCommandsTest : public testing::TestWithParam<const char*> {
 protected:
  static std::vector<Node> CommandsOf(const std::string& name) {
    const std::string path = absl::StrCat("common/tixml/testdata/", name, ".", GetParam());
    std::ifstream stream(path, std::ios::binary);
    EXPECT_TRUE(stream) << path;
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    const absl::StatusOr<tixml::Document> document = tixml::Parse(text, {"cmd"});
    EXPECT_TRUE(document.ok()) << path << ": " << document.status();
    return document.ok() ? document->nodes : std::vector<Node>();
  }

  FakeProcessPort process_;
  FakeConfigPort config_;
  FakeGatewayPort gateway_;
  FakeEventPort events_;
  Interpreter interpreter_{{process_, config_, gateway_, events_}};
};

INSTANTIATE_TEST_SUITE_P(Formats, ManualCommandsTest, testing::Values("tixml", "xml", "json"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(ManualCommandsTest, AMisspeltPathIsAnsweredAsTable1_4) {
  std::vector<Node> commands = CommandsOf("1_3_command");
  ASSERT_EQ(*commands.at(0).Find("_"), "/Processs/");
  for (const auto& [ver, children] : {std::pair("n", 0), std::pair("y", 3), std::pair("v", 3)}) {
    commands[0].Set("ver", ver);
    const Interpreter::Result result = interpreter_.Execute(commands, {});
    const Node& error = *result.answers.at(0).Child("Error");
    EXPECT_EQ(error.children.size(), static_cast<size_t>(children)) << ver;
    if (children == 0) {
      EXPECT_EQ(*error.Find("_"), "-2196");
      continue;
    }
    EXPECT_EQ(*error.Child("ErrNo")->Find("_"), "-2196");
    EXPECT_EQ(*error.Child("ErrText")->Find("_"), "path to key not found");
    const Node& cause = *error.Child("ErrorCause");
    EXPECT_EQ(*cause.Child("Class")->Find("_"), "Get");
    EXPECT_EQ(cause.Child("Line") != nullptr, std::string(ver) == "v");
    EXPECT_EQ(cause.Child("Module") != nullptr, std::string(ver) == "v");
  }
}

TEST_P(ManualCommandsTest, ServiceRoutingIsAConfigurationOfTheNodeIspIsp_6) {
  const Interpreter::Result result = interpreter_.Execute(CommandsOf("6_service_routing"), {});
  EXPECT_FALSE(result.failed);
  const Node& out = *config_.databases_.at("ISP/ISP").Child("OUT");
  EXPECT_EQ(*out.Child("CloudConn")->Find("_"), "Ethernet");
  EXPECT_EQ(out.children.size(), 11u);
}

TEST_P(ManualCommandsTest, TheConnectorIsAConfigurationOfIsp_7) {
  const Interpreter::Result result = interpreter_.Execute(CommandsOf("7_cloud_conn"), {});
  EXPECT_FALSE(result.failed);
  const Node& connector = *config_.databases_.at("ISP").Child("CloudConn");
  EXPECT_EQ(*connector.Child("CloudConnType")->Find("_"), "FPIL_Tixi_MQTT_1");
  EXPECT_EQ(connector.Child("Realtime1")->children.size(), 6u);
}

TEST_P(ManualCommandsTest, TheThreeFormsOfCloudSendRealtimeData_7_3) {
  const Interpreter::Result result = interpreter_.Execute(CommandsOf("7_3_send_realtime_data"), {});
  EXPECT_FALSE(result.failed);
  EXPECT_THAT(gateway_.calls_,
              ElementsAre("SendRealtimeData CloudConn", "SendRealtimeData CloudConn2 2",
                          "SendRealtimeData CloudConn 3"));
}

}  // namespace
}  // namespace fieldgate::cloud_link
