// The feedback channel's bodies: those of the manual's sections 3, 4 and 5 in
// each format, both directions, and what is wrong with others.
#include "services/cloud_link/payload/request.h"

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/tixml/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using tixml::Format;
using tixml::Node;

Node Element(const std::string& name, std::vector<Node> children = {}) {
  Node node;
  node.name = name;
  node.children = std::move(children);
  return node;
}

class GoldenRequestTest : public testing::TestWithParam<Format> {
 protected:
  std::string Read(const std::string& name) const {
    const char* suffix = GetParam() == Format::kJson  ? "json"
                         : GetParam() == Format::kXml ? "xml"
                                                      : "tixml";
    const std::string path =
        absl::StrCat("services/cloud_link/payload/testdata/", name, "_", suffix, ".txt");
    std::ifstream file(path);
    EXPECT_TRUE(file.good()) << path;
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
  }

  Request Parse(RequestKind kind, const std::string& name) const {
    Request request = ParseRequest(kind, Read(name));
    EXPECT_TRUE(request.valid.ok()) << request.valid;
    EXPECT_EQ(request.format, GetParam());
    EXPECT_EQ(request.request_id, "generated string");
    EXPECT_EQ(request.serial_number, "01234567");
    return request;
  }

  void ExpectGolden(const std::string& name, const std::string& body) const {
    EXPECT_EQ(absl::StripSuffix(body, "\n"), absl::StripSuffix(Read(name), "\n"));
  }

  static void ExpectSetConfigOfUser(const Node& command) {
    EXPECT_EQ(command.name, "SetConfig");
    EXPECT_EQ(*command.Find("_"), "USER");
    const Node* groups = command.Child("AccRights")->Child("Groups");
    EXPECT_EQ(*groups->Child("Webserver")->Child("WebServer")->Find("AccLevel"), "20");
  }
};

INSTANTIATE_TEST_SUITE_P(Formats, GoldenRequestTest,
                         testing::Values(Format::kTiXml, Format::kXml, Format::kJson),
                         [](const auto& info) {
                           return std::string(info.param == Format::kJson  ? "JSON"
                                              : info.param == Format::kXml ? "XML"
                                                                           : "TIXML");
                         });

TEST_P(GoldenRequestTest, Config_3) {
  const Request request = Parse(RequestKind::kConfig, "3_config");
  ASSERT_THAT(request.commands, SizeIs(2));
  ExpectSetConfigOfUser(request.commands[0]);
  EXPECT_EQ(request.commands[1].name, "Set");
  EXPECT_EQ(*request.commands[1].Find("value"), "10");
}

TEST_P(GoldenRequestTest, ConfigResult_3) {
  ExpectGolden("3_config_result", AnswerBody(RequestKind::kConfig, GetParam(), AnswerCode::kDone,
                                             "the request id for the config",
                                             {Element("SetConfig")}, /*braces=*/true));
}

TEST_P(GoldenRequestTest, Cmd_4) {
  const Request request = Parse(RequestKind::kCmd, "4_cmd");
  ASSERT_THAT(request.commands, SizeIs(1));
  ExpectSetConfigOfUser(request.commands[0]);
}

TEST_P(GoldenRequestTest, CmdResult_4) {
  ExpectGolden("4_cmd_result", AnswerBody(RequestKind::kCmd, GetParam(), AnswerCode::kDone,
                                          "the request id for the config", {Element("SetConfig")},
                                          /*braces=*/true));
}

TEST_P(GoldenRequestTest, State_5) {
  const Request request = Parse(RequestKind::kState, "5_state");
  ASSERT_THAT(request.commands, SizeIs(1));
  EXPECT_EQ(tixml::WriteElement(request.commands[0]), "<Get _=\"Ethernet/\" ver=\"y\"/>\n");
}

TEST_P(GoldenRequestTest, StateResult_5) {
  const Node system =
      Element("SYSTEM",
              {Element("Hardware",
                       {Element("Modules", {tixml::ValueNode("RTC", "RTC8564"),
                                            tixml::ValueNode("GsmModule", "Huawei ME909s-120")})}),
               Element("Ethernet2"), tixml::ValueNode("FeatureList", "Debug,\r\nDefault"),
               tixml::ValueNode("SerialNo", "04600912")});
  ExpectGolden("5_state_result", AnswerBody(RequestKind::kState, GetParam(), AnswerCode::kDone,
                                            "the request id of the status request",
                                            {Element("Get", {system})}, /*braces=*/true));
}

TEST(RequestTest, TheKindIsTheLastLevelOfTheTopic) {
  EXPECT_EQ(RequestKindOf("c/fp/g/config"), RequestKind::kConfig);
  EXPECT_EQ(RequestKindOf("c/fp/g/cmd"), RequestKind::kCmd);
  EXPECT_EQ(RequestKindOf("c/fp/g/state"), RequestKind::kState);
  EXPECT_EQ(RequestKindOf("c/fp/g/cmdResult"), std::nullopt);
  EXPECT_EQ(RequestKindOf(""), std::nullopt);
}

// A TiXML request of these elements.
Request Parse(RequestKind kind, const std::string& elements) {
  return ParseRequest(kind, absl::StrCat("{", elements, "}"));
}
constexpr char kIds[] = R"(<request_id _="r"/><serial_number _="01234567"/>)";

TEST(RequestTest, StateWithoutAPathAsksForEverything) {
  const Request request = Parse(RequestKind::kState, kIds);
  ASSERT_THAT(request.commands, SizeIs(1));
  EXPECT_EQ(tixml::WriteElement(request.commands[0]), "<Get ver=\"y\"/>\n");
}

TEST(RequestTest, APathMayEndInASlash) {
  const Request request =
      Parse(RequestKind::kState, absl::StrCat(kIds, "<path _=\"/Process/PV/\"/>"));
  EXPECT_EQ(*request.commands[0].Find("_"), "/Process/PV/");
}

TEST(RequestTest, CommandsMayHaveTheirFrameAndBeSeveral) {
  const Request request =
      Parse(RequestKind::kCmd,
            absl::StrCat(kIds, "<cmd>[<Get _=\"/A\"/><Set _=\"/B\" value=\"1\"/>]</cmd>"));
  ASSERT_TRUE(request.valid.ok()) << request.valid;
  ASSERT_THAT(request.commands, SizeIs(2));
  EXPECT_EQ(request.commands[1].name, "Set");
}

TEST(RequestTest, ConfigXmlMayBeNestedJson) {
  const Request request = ParseRequest(RequestKind::kConfig, R"({"request_id": 7,
      "serial_number": "01234567", "config_xml": {"SetConfig": [{"-_": "ISP"}, {"-_": "LOG"}]}})");
  ASSERT_TRUE(request.valid.ok()) << request.valid;
  EXPECT_EQ(request.request_id, "7");
  EXPECT_THAT(request.commands, SizeIs(2));
}

TEST(RequestTest, ConfigXmlMayBeATextInTiXml) {
  const Request request = Parse(
      RequestKind::kConfig,
      absl::StrCat(kIds, "<config_xml _=\"&lt;Set _=&quot;/A&quot; value=&quot;1&quot;/&gt;\"/>"));
  ASSERT_TRUE(request.valid.ok()) << request.valid;
  EXPECT_EQ(*request.commands[0].Find("_"), "/A");
}

TEST(RequestTest, CmdMayBeATextInJson) {
  const Request request = ParseRequest(
      RequestKind::kCmd, R"({"serial_number": "01234567", "cmd": "[<Get _=\"/A\"/>]"})");
  ASSERT_TRUE(request.valid.ok()) << request.valid;
  EXPECT_EQ(request.commands[0].name, "Get");
}

struct Wrong {
  RequestKind kind;
  std::string elements;
  const char* why;
};

TEST(RequestTest, AnErrorNamesWhatIsMissing) {
  const std::vector<Wrong> all = {
      {RequestKind::kCmd, R"(<request_id _="r"/><cmd><Get/></cmd>)", "serial_number is missing"},
      {RequestKind::kState, R"(<request_id _="r"/>)", "serial_number is missing"},
      {RequestKind::kCmd, kIds, "cmd is missing"},
      {RequestKind::kConfig, kIds, "config (config_xml) is missing"},
      {RequestKind::kCmd, absl::StrCat(kIds, "<cmd/>"), "cmd holds no command"},
      {RequestKind::kConfig, absl::StrCat(kIds, "<config/>"), "config holds no command"},
      {RequestKind::kConfig, absl::StrCat(kIds, "<config_xml _=\"&lt;Set\"/>"), "config_xml: "},
      {RequestKind::kCmd, absl::StrCat(kIds, "<cmd>now<Get/></cmd>"), "text beside its commands"},
  };
  for (const Wrong& wrong : all) {
    const Request request = Parse(wrong.kind, wrong.elements);
    EXPECT_TRUE(absl::IsInvalidArgument(request.valid)) << wrong.elements;
    EXPECT_THAT(std::string(request.valid.message()), HasSubstr(wrong.why));
    EXPECT_EQ(request.request_id, "r") << "an answer needs it";
    EXPECT_EQ(request.error_number, tixml::kInvalidSyntax);
  }
}

TEST(RequestTest, ConfigTakesSetConfigAndSetOnly) {
  const Request request = Parse(
      RequestKind::kConfig,
      absl::StrCat(kIds, "<config><Set _=\"/A\" value=\"1\"/><Reset _=\"Secretfile\"/></config>"));
  EXPECT_EQ(request.error_number, tixml::kInvalidCommand);
  EXPECT_THAT(std::string(request.valid.message()), HasSubstr("SetConfig and Set only, not Reset"));
}

TEST(RequestTest, TextsHaveABound) {
  const auto cmd = [](int texts) {
    std::string body = R"({"request_id": "r", "serial_number": "01234567", "cmd": ["<Get/>")";
    for (int i = 1; i < texts; ++i) body += ", \"<Get/>\"";
    return ParseRequest(RequestKind::kCmd, body + "]}");
  };
  EXPECT_THAT(cmd(100).commands, SizeIs(100));
  EXPECT_THAT(std::string(cmd(101).valid.message()), HasSubstr("more than 100 texts"));
}

TEST(RequestTest, WithoutAnIdItIsValid) {
  const Request request = Parse(RequestKind::kState, R"(<serial_number _="01234567"/>)");
  EXPECT_TRUE(request.valid.ok()) << request.valid;
  EXPECT_THAT(request.request_id, IsEmpty());
}

TEST(RequestTest, AnIdHasABound) {
  const std::string long_id(257, 'x');
  const Request request =
      Parse(RequestKind::kState,
            absl::StrCat("<request_id _=\"", long_id, "\"/><serial_number _=\"01234567\"/>"));
  EXPECT_THAT(std::string(request.valid.message()), HasSubstr("longer than 256 bytes"));
  EXPECT_THAT(request.request_id, IsEmpty());
}

TEST(RequestTest, GarbageIsAnsweredInTheFormatThatItLooksLike) {
  EXPECT_EQ(ParseRequest(RequestKind::kCmd, "{\"a\": ").format, Format::kJson);
  EXPECT_EQ(ParseRequest(RequestKind::kCmd, "{<a").format, Format::kTiXml);
  EXPECT_EQ(ParseRequest(RequestKind::kCmd, "{ [<a").format, Format::kTiXml);
  EXPECT_EQ(ParseRequest(RequestKind::kCmd, "[{\"a\": ").format, Format::kJson);
  EXPECT_EQ(ParseRequest(RequestKind::kCmd, "<?xml version=\"1.0\"?><a>").format, Format::kXml);
  EXPECT_EQ(ParseRequest(RequestKind::kCmd, "\xEF\xBB\xBF{\"a\": ").format, Format::kJson);
  EXPECT_EQ(ParseRequest(RequestKind::kCmd, "").format, Format::kTiXml);
  EXPECT_FALSE(ParseRequest(RequestKind::kCmd, "").valid.ok());
}

TEST(RequestTest, GarbageHasTheRequestIdThatStandsInIt) {
  const auto id_of = [](const std::string& body) {
    return ParseRequest(RequestKind::kCmd, body).request_id;
  };
  EXPECT_EQ(id_of("{<request_id _=\"r-1\"/><cmd>"), "r-1");
  EXPECT_EQ(id_of("{<request_id  _ = \"a_b:c.D\"/"), "a_b:c.D");
  EXPECT_EQ(id_of("{\"serial_number\": \"1\", \"request_id\" : \"r1\", "), "r1");
  // None, one that breaks off, and what is no plain one.
  for (const char* body : {"", "{<cmd>", "{<request_id _=\"r1", "{<request_id>r1</request_id",
                           "{\"request_id\": 7,", "{\"request_id\": \"a\\\"b\", ",
                           "{<request_id _=\"a&b;\"/>", "{<request_id _=\"a b\"/><"}) {
    EXPECT_EQ(id_of(body), "") << body;
  }
  EXPECT_EQ(id_of("{<request_id _=\"" + std::string(257, 'x') + "\"/><"), "");
}

TEST(RequestTest, BeyondALimitItIsTooLarge) {
  std::string deep = "<a/>";
  for (int i = 0; i < 100; ++i) deep = "<a>" + deep + "</a>";
  const Request request = Parse(RequestKind::kCmd, deep);
  EXPECT_TRUE(absl::IsResourceExhausted(request.valid)) << request.valid;
  EXPECT_EQ(request.error_number, tixml::kTooLarge);
}

TEST(AnswerTest, SeveralAnswersStandInTheirOrder) {
  const std::vector<Node> answers = {tixml::ValueNode("Get", "1"), Element("Set"),
                                     tixml::ValueNode("Get", "2")};
  EXPECT_THAT(
      AnswerBody(RequestKind::kCmd, Format::kTiXml, AnswerCode::kFailed, "r", answers, true),
      HasSubstr(R"(<cmd_result><Get _="1"/><Set/><Get _="2"/></cmd_result>)"));
  EXPECT_THAT(AnswerBody(RequestKind::kCmd, Format::kJson, AnswerCode::kFailed, "r", answers, true),
              HasSubstr(R"("cmd_result":{"Get":[{"-_":"1"},{"-_":"2"}],"Set":null})"));
  EXPECT_THAT(
      AnswerBody(RequestKind::kConfig, Format::kJson, AnswerCode::kFailed, "r", answers, true),
      HasSubstr(R"("config_result_xml":"<Get _=\"1\"/>\n<Set/>\n<Get _=\"2\"/>")"));
}

}  // namespace
}  // namespace fieldgate::cloud_link
