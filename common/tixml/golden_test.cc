// The manual's bodies, by section. Each exists in TiXML, as the manual has it, in
// JSON and in XML; the three say the same and must read as the same tree.
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

// The last level of the topic is the root of XML.
const std::vector<absl::string_view> kRoots = {"gatewayRollout", "gatewayRolloutResult",
                                               "gatewayInit",    "gatewayInitResult",
                                               "data",           "config",
                                               "configResult",   "cmd",
                                               "cmdResult",      "state",
                                               "stateResult",    "ISP"};

std::vector<Node> NodesOf(const std::string& file, Format format) {
  std::ifstream stream("common/tixml/testdata/" + file, std::ios::binary);
  EXPECT_TRUE(stream) << file;
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  const absl::StatusOr<Document> document = Parse(text, kRoots);
  EXPECT_TRUE(document.ok()) << file << ": " << document.status();
  if (!document.ok()) return {};
  EXPECT_EQ(document->format, format) << file;
  return document->nodes;
}

std::vector<Node> TiXml(const std::string& name) {
  return NodesOf(name + ".tixml", Format::kTiXml);
}
std::vector<Node> Json(const std::string& name) { return NodesOf(name + ".json", Format::kJson); }
std::vector<Node> Xml(const std::string& name) { return NodesOf(name + ".xml", Format::kXml); }

// The manual's two forms of a configuration differ in the order of siblings.
std::vector<Node> Sorted(std::vector<Node> nodes) {
  for (Node& node : nodes) node.children = Sorted(std::move(node.children));
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](const Node& a, const Node& b) { return a.name < b.name; });
  return nodes;
}

class AllFormatsTest : public testing::TestWithParam<const char*> {};

TEST_P(AllFormatsTest, ReadAsTheSameTree) {
  const std::vector<Node> nodes = TiXml(GetParam());
  EXPECT_FALSE(nodes.empty());
  EXPECT_EQ(Xml(GetParam()), nodes);
  EXPECT_EQ(WriteFramed(Format::kTiXml, Sorted(nodes)),
            WriteFramed(Format::kTiXml, Sorted(Json(GetParam()))));
}

TEST_P(AllFormatsTest, AreTheSameTreeAgainWhenWritten) {
  const std::vector<Node> nodes = TiXml(GetParam());
  for (const Format format : {Format::kTiXml, Format::kXml, Format::kJson}) {
    const absl::StatusOr<Document> again = Parse(WriteBody(format, nodes, "data"), {"data"});
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->format, format);
    EXPECT_EQ(again->nodes, nodes);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Manual, AllFormatsTest,
    testing::Values("1_3_command", "1_3_error_n", "1_3_error_y", "1_3_error_v", "2_1_1_rollout",
                    "2_1_2_rollout_result", "2_1_2_mandatory", "2_1_2_gateway_configuration",
                    "2_2_1_gateway_init", "2_2_1_sensor", "2_2_1_virtual_devices",
                    "2_2_2_init_result", "2_3_1_data", "2_3_2_data", "2_3_3_data", "3_config",
                    "3_config_result", "4_cmd", "4_cmd_result", "5_state", "5_state_result",
                    "6_service_routing", "7_cloud_conn", "7_1_gps", "7_1_gps_empty",
                    "7_2_hysteresis", "7_3_send_realtime_data", "7_5_get_cloud_conn"),
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
                         "POP3 Client,"));
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
  for (const auto& read : {TiXml, Xml, Json}) {
    EXPECT_THAT(read("1_3_error_n"), ElementsAre(ErrorNode(error, Verbosity::kNumber)));
    EXPECT_THAT(read("1_3_error_y"), ElementsAre(ErrorNode(error, Verbosity::kShort)));
    EXPECT_THAT(read("1_3_error_v"), ElementsAre(ErrorNode(error, Verbosity::kLong)));
  }
}

TEST(GoldenTest, Section5StateResultIsWhole) {
  const std::vector<Node> nodes = Json("5_state_result");
  const Node& system = nodes.at(2).children.at(0).children.at(0);
  EXPECT_EQ(system.name, "SYSTEM");
  EXPECT_EQ(*system.Child("Process")->Child("MB")->Child("CycleTime")->Find("_"), "1");
  EXPECT_EQ(system.Child("WLAN")->children.size(), 0u);
  EXPECT_EQ(system.children.back().name, "Components");
}

TEST(GoldenTest, Section6RoutesElevenServices) {
  const std::vector<Node> commands = TiXml("6_service_routing");
  const Node& out = commands.at(0).children.at(0);
  EXPECT_EQ(out.name, "OUT");
  EXPECT_THAT(out.children, SizeIs(11));
  EXPECT_EQ(*out.Child("CloudConn")->Find("_"), "Ethernet");
}

// What the manual's text has wrong and PROTOCOL 1 does not accept: it is refused
// where it stands, and nothing of it is used.
TEST(GoldenTest, TypingErrorsOfTheManualAreRefusedWithTheirPlace) {
  struct Case {
    const char* text;
    const char* place;
  };
  for (const Case& c : {
           // 2.1.2: comments in JSON, an object without a name
           Case{"{\n\"error_code\": 0,\n//--------- Start of optional area --------\n"
                "\"data_broker_details\": {\"qos\": 0}\n}",
                "line 3, column 1: "},
           Case{"{\n\"error_code\": 0,\n{\n  \"gateway_configuration\": \"details\"\n}\n}",
                "line 3, column 1: "},
           // 2.2.1: placeholders without quotes
           Case{"{\n<sensors>\n<$sensor_id_1 _=\"1\"/>\n</sensors>\n}", "line 3, column 2: "},
           Case{"{\n<name _=$Varname_1/>\n}", "line 2, column 9: "},
           Case{"{\"external_sensor_id\": \u201c$sensor_id_2\u201d}", "line 1, column 24: "},
           // 2.2.2: a comma too few and one too many
           Case{"{\n\"response_id\": \"the received request_id\"\n\"portal_version\": \"1\",\n}",
                "line 3, column 1: "},
           Case{"{\n\"portal_version\": \"Portal_Version\",\n}", "line 3, column 1: "},
           // 3: Set without an end, a text where an element should be
           Case{"<Set _=\"/Process/PV/Test\" value=\"10\" ver=\"y\">", "line 1, column 46: "},
           Case{"<config_result_xml>\n  <\"string with the result\">\n</config_result_xml>",
                "line 2, column 4: "},
           // 4, 5: quotes that are none
           Case{"{\n<request_id _=\u201dgenerated string\u201d/>\n}", "line 2, column 15: "},
           Case{"{\n<serial_number _=$external_gateway_serial_number/>\n}", "line 2, column 18: "},
           // 5: the attribute behind the tag; line ends in a string
           Case{"{\n<error_code> _=\"0\"/>\n<gateway_states/>\n}", "line 4, column 1: "},
           Case{"{\"HTTPConn\": \" \n   \"}", "line 1, column 16: "},
           // 7: what may be left out, in brackets
           Case{"<Datapoint1 _=\"/Process/Bus1/Device1/DP1\" [meta_...]/>", "line 1, column 43: "},
           // 7.2, 7.3: a name with a space, a number without quotes
           Case{"<Supply temp _=\"/Process/PV/Supply temp\"/>", "line 1, column 14: "},
           Case{"<CloudConn>\n<UpdateRate1 _=20 />\n</CloudConn>", "line 2, column 16: "},
           Case{"<CloudSendRealtimeData [_=\"CloudConn[,Realtime_Specifier\"]] />",
                "line 1, column 24: "},
       }) {
    const absl::StatusOr<Document> document = Parse(c.text);
    EXPECT_TRUE(absl::IsInvalidArgument(document.status())) << c.text;
    EXPECT_THAT(std::string(document.status().message()), testing::StartsWith(c.place)) << c.text;
  }
}

}  // namespace
}  // namespace fieldgate::tixml
