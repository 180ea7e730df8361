// The manual's bodies, by section: those of testdata/ that exist as .tixml and
// .json say the same and must read as the same tree.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "common/tixml/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::tixml {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

std::vector<Node> NodesOf(const std::string& file, Format format) {
  std::ifstream stream("common/tixml/testdata/" + file, std::ios::binary);
  EXPECT_TRUE(stream) << file;
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  const absl::StatusOr<Document> document = Parse(text);
  EXPECT_TRUE(document.ok()) << file << ": " << document.status();
  if (!document.ok()) return {};
  EXPECT_EQ(document->format, format) << file;
  return document->nodes;
}

std::vector<Node> TiXml(const std::string& name) {
  return NodesOf(name + ".tixml", Format::kTiXml);
}
std::vector<Node> Json(const std::string& name) { return NodesOf(name + ".json", Format::kJson); }

// The manual's two forms of a configuration differ in the order of siblings.
std::vector<Node> Sorted(std::vector<Node> nodes) {
  for (Node& node : nodes) node.children = Sorted(std::move(node.children));
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](const Node& a, const Node& b) { return a.name < b.name; });
  return nodes;
}

class BothFormatsTest : public testing::TestWithParam<const char*> {};

TEST_P(BothFormatsTest, ReadAsTheSameTree) {
  const std::vector<Node> nodes = TiXml(GetParam());
  EXPECT_FALSE(nodes.empty());
  EXPECT_EQ(WriteFramed(Format::kTiXml, Sorted(nodes)),
            WriteFramed(Format::kTiXml, Sorted(Json(GetParam()))));
}

TEST_P(BothFormatsTest, AreTheSameTreeAgainWhenWritten) {
  const std::vector<Node> nodes = TiXml(GetParam());
  for (const Format format : {Format::kTiXml, Format::kJson}) {
    const absl::StatusOr<Document> again = Parse(WriteBody(format, nodes, ""));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->nodes, nodes);
  }
}

INSTANTIATE_TEST_SUITE_P(Manual, BothFormatsTest,
                         testing::Values("1_3_command", "2_1_1_rollout", "2_1_2_rollout_result",
                                         "2_1_2_gateway_configuration", "2_2_1_sensor",
                                         "2_3_3_data", "4_cmd", "4_cmd_result", "5_state_result",
                                         "7_5_get_cloud_conn"),
                         [](const testing::TestParamInfo<const char*>& info) {
                           return absl::StrCat("Section", info.param);
                         });

TEST(GoldenTest, Section2_1_2RolloutResultWithIllFormedComments) {
  const std::vector<Node> nodes = TiXml("2_1_2_rollout_result");
  ASSERT_THAT(nodes, SizeIs(6));
  EXPECT_EQ(nodes[0], ValueNode("error_code", "0"));
  EXPECT_EQ(nodes[0].line, 4);
  EXPECT_EQ(nodes[3], ValueNode("customer_id", "Object_ID"));
  EXPECT_THAT(nodes[4].children,
              ElementsAre(ValueNode("url", "broker.juconn.io"), ValueNode("qos", "0")));
  EXPECT_EQ(nodes[5].text, "gateway configuration details");
  EXPECT_EQ(nodes[5].line, 15);
}

TEST(GoldenTest, Section2_1_2GatewayConfigurationHasTwoSetConfigs) {
  for (const std::vector<Node>& nodes :
       {TiXml("2_1_2_gateway_configuration"), Json("2_1_2_gateway_configuration")}) {
    ASSERT_THAT(nodes, SizeIs(1));
    ASSERT_THAT(nodes[0].children, SizeIs(2));
    EXPECT_EQ(*nodes[0].children[0].Find("_"), "USER");
    EXPECT_EQ(*nodes[0].children[1].Find("_"), "ISP");
    const Node* access = nodes[0].children[1].Child("WLAN_AP");
    ASSERT_NE(access, nullptr);
    EXPECT_EQ(*access->Child("AllowedConnections")->Find("_"), "1");
  }
}

TEST(GoldenTest, Section2_2_1DegreeSignIsAnEntityInTiXmlAndItselfInJson) {
  const std::vector<Node> nodes = TiXml("2_2_1_sensor");
  EXPECT_THAT(WriteBody(Format::kTiXml, nodes, ""), testing::HasSubstr("<unit _=\"&#xb0;C\"/>"));
  EXPECT_THAT(WriteBody(Format::kJson, nodes, ""),
              testing::HasSubstr("\"unit\":{\"-_\":\"\u00b0C\"}"));
}

TEST(GoldenTest, Section5FeatureListKeepsItsLineEnds) {
  EXPECT_THAT(
      WriteBody(Format::kTiXml, Json("5_state_result"), ""),
      testing::HasSubstr("<FeatureList _=\"Debug,&#xd;&#xa;Default,&#xd;&#xa;TSAdapter,&#xd;&#xa;"
                         "POP3 Client\"/>"));
}

TEST(GoldenTest, Section4CmdResultIsTheManualsJson) {
  EXPECT_EQ(WriteBody(Format::kJson, TiXml("4_cmd_result"), ""),
            "{\"error_code\":0,\"response_id\":\"the request id for the config\","
            "\"cmd_result\":{\"SetConfig\":null}}");
}

TEST(GoldenTest, Table1_4ErrorsOfEachVerbosity) {
  const Error error = {.number = kPathNotFound,
                       .class_name = "TXSTCPGetSetValueCmd",
                       .line = 127,
                       .module = "SSet.cpp"};
  EXPECT_THAT(TiXml("1_3_error_n"), ElementsAre(ErrorNode(error, Verbosity::kNumber)));
  EXPECT_THAT(TiXml("1_3_error_y"), ElementsAre(ErrorNode(error, Verbosity::kShort)));
  EXPECT_THAT(TiXml("1_3_error_v"), ElementsAre(ErrorNode(error, Verbosity::kLong)));
}

}  // namespace
}  // namespace fieldgate::tixml
