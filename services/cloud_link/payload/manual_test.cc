// The manual's bodies of sections 2.1.2, 2.2.2, 3, 4, 5 and 8 as they come and go
// in each format (common/tixml/testdata): what the portal sends is read whole,
// and what the gateway answers reads as the manual's answer.
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cloud_link/payload/messages.h"
#include "services/cloud_link/payload/request.h"

namespace fieldgate::cloud_link {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using tixml::Format;
using tixml::Node;
using Nodes = std::vector<Node>;

std::string NameOf(Format format) {
  return format == Format::kJson ? "json" : format == Format::kXml ? "xml" : "tixml";
}

class ManualTest : public testing::TestWithParam<Format> {
 protected:
  static std::string Read(const std::string& name, Format format = GetParam()) {
    const std::string path = absl::StrCat("common/tixml/testdata/", name, ".", NameOf(format));
    std::ifstream stream(path, std::ios::binary);
    EXPECT_TRUE(stream) << path;
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  static Nodes NodesOf(const std::string& body, const std::string& root) {
    const absl::StatusOr<tixml::Document> document = tixml::Parse(body, {root});
    EXPECT_TRUE(document.ok()) << document.status();
    if (!document.ok()) return {};
    EXPECT_EQ(document->format, GetParam());
    return document->nodes;
  }

  // What the request asks for is the same in every format, up to the order of
  // siblings of different names in JSON.
  static Request ParsedRequest(RequestKind kind, const std::string& name) {
    Request request = ParseRequest(kind, Read(name));
    EXPECT_TRUE(request.valid.ok()) << request.valid;
    EXPECT_EQ(request.format, GetParam());
    EXPECT_EQ(request.request_id, "generated string");
    EXPECT_EQ(request.serial_number, "01234567");
    return request;
  }

  static void ExpectUserDatabase(const Node& command) {
    EXPECT_EQ(command.name, "SetConfig");
    EXPECT_EQ(*command.Find("_"), "USER");
    EXPECT_EQ(*command.Find("ver"), "y");
    const Node& rights = *command.Child("AccRights");
    const Node& admin = *rights.Child("Groups")->Child("Admin");
    for (const char* login : {"LocalLogin", "CardLogin", "RemoteLogin", "EthernetLogin"}) {
      EXPECT_EQ(*admin.Child(login)->Find("AccLevel"), "1");
      const Node& user = *rights.Child("User")->Child(absl::StrCat("Def_", login));
      EXPECT_EQ(*user.Find("Group"), "Admin");
      EXPECT_EQ(*user.Find("Plain"), "");
    }
    EXPECT_EQ(*rights.Child("Groups")->Child("Webserver")->Child("WebServer")->Find("AccLevel"),
              "20");
    EXPECT_EQ(*rights.Child("User")->Find("_"), "Plain");
    EXPECT_NE(rights.Child("User")->Child("ADMIN"), nullptr);
  }
};

INSTANTIATE_TEST_SUITE_P(Formats, ManualTest,
                         testing::Values(Format::kTiXml, Format::kXml, Format::kJson),
                         [](const auto& info) { return NameOf(info.param); });

TEST_P(ManualTest, RolloutResultWithItsOptionalArea_2_1_2) {
  const absl::StatusOr<RolloutMessage> message = ParseRolloutResult(Read("2_1_2_rollout_result"));
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->result.error_code, 0);
  EXPECT_EQ(message->result.response_id, "the received request_id from fp/gatewayRollout");
  EXPECT_EQ(message->result.data_broker_url, "broker.juconn.io");
  EXPECT_EQ(message->result.data_broker_qos, 0);
  EXPECT_TRUE(message->result.has_configuration);
}

TEST_P(ManualTest, RolloutResultWithoutIt_2_1_2) {
  const absl::StatusOr<RolloutMessage> message = ParseRolloutResult(Read("2_1_2_mandatory"));
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->result.gateway_id, "Object_ID");
  EXPECT_EQ(message->result.customer_id, "Object_ID");
  EXPECT_EQ(message->result.data_broker_url, "");
  EXPECT_EQ(message->result.data_broker_qos, std::nullopt);
  EXPECT_FALSE(message->result.has_configuration);
  EXPECT_THAT(message->configuration, IsEmpty());
}

TEST_P(ManualTest, GatewayConfiguration_2_1_2) {
  Nodes nodes = NodesOf(Read("2_1_2_mandatory"), "gatewayRolloutResult");
  for (Node& node : NodesOf(Read("2_1_2_gateway_configuration"), "gatewayRolloutResult")) {
    nodes.push_back(std::move(node));
  }
  const absl::StatusOr<RolloutMessage> message =
      ParseRolloutResult(tixml::WriteBody(GetParam(), nodes, "gatewayRolloutResult"));
  ASSERT_TRUE(message.ok()) << message.status();
  ASSERT_THAT(message->configuration, SizeIs(2));
  ExpectUserDatabase(message->configuration[0]);
  EXPECT_EQ(*message->configuration[1].Find("_"), "ISP");
  const Node& access = *message->configuration[1].Child("WLAN_AP");
  EXPECT_EQ(*access.Child("EnableOnStartup")->Find("_"), "1");
  EXPECT_EQ(*access.Child("AllowedConnections")->Find("_"), "1");
  EXPECT_EQ(*access.Child("DisableAfter")->Find("_"), "0");
}

TEST_P(ManualTest, InitResult_2_2_2) {
  const absl::StatusOr<InitResult> result = ParseInitResult(Read("2_2_2_init_result"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->error_code, 0);
  EXPECT_EQ(result->response_id, "the received request_id");
  EXPECT_EQ(result->portal_version, "Portal_Version");
}

TEST_P(ManualTest, ConfigOfBothExamples_3) {
  const Request request = ParsedRequest(RequestKind::kConfig, "3_config");
  ASSERT_THAT(request.commands, SizeIs(2));
  ExpectUserDatabase(request.commands[0]);
  EXPECT_EQ(tixml::WriteElement(request.commands[1]),
            "<Set _=\"/Process/PV/Test\" value=\"10\" ver=\"y\"/>\n");
}

// Both forms: a text in "_" or JSON, which the manual shows, and elements.
TEST_P(ManualTest, ConfigResult_3) {
  const Nodes manual = NodesOf(Read("3_config_result"), "configResult");
  Node set_config;
  set_config.name = "SetConfig";
  const Nodes ours =
      NodesOf(AnswerBody(RequestKind::kConfig, GetParam(), AnswerCode::kDone,
                         "the request id for the config", {set_config}, /*braces=*/true),
              "configResult");
  ASSERT_THAT(ours, SizeIs(3));
  EXPECT_EQ(ours[0], manual[0]);
  EXPECT_EQ(ours[1], manual[1]);
  EXPECT_EQ(ours[2].name, manual[2].name);
  if (GetParam() == Format::kJson) {
    EXPECT_EQ(*ours[2].Find("_"), "<SetConfig/>");
  } else {
    EXPECT_EQ(ours[2].children, Nodes{set_config});
  }
}

TEST_P(ManualTest, Cmd_4) {
  const Request request = ParsedRequest(RequestKind::kCmd, "4_cmd");
  ASSERT_THAT(request.commands, SizeIs(1));
  ExpectUserDatabase(request.commands[0]);
}

TEST_P(ManualTest, CmdResult_4) {
  Node set_config;
  set_config.name = "SetConfig";
  const std::string body =
      AnswerBody(RequestKind::kCmd, GetParam(), AnswerCode::kDone, "the request id for the config",
                 {set_config}, /*braces=*/true);
  EXPECT_EQ(NodesOf(body, "cmdResult"), NodesOf(Read("4_cmd_result"), "cmdResult"));
}

TEST_P(ManualTest, StateWithItsPath_5) {
  const Request request = ParsedRequest(RequestKind::kState, "5_state");
  ASSERT_THAT(request.commands, SizeIs(1));
  EXPECT_EQ(tixml::WriteElement(request.commands[0]), "<Get _=\"Ethernet/\" ver=\"y\"/>\n");
}

TEST_P(ManualTest, StateResultOfTheWholeTree_5) {
  const Nodes manual = NodesOf(Read("5_state_result"), "stateResult");
  const std::string body =
      AnswerBody(RequestKind::kState, GetParam(), AnswerCode::kDone,
                 "the request id of the status request", manual.at(2).children, /*braces=*/true);
  EXPECT_EQ(NodesOf(body, "stateResult"), manual);
}

TEST_P(ManualTest, ErrorCodesOfThePortal_8) {
  for (const int code : {404, 409, 500}) {
    Nodes nodes = {tixml::ValueNode("error_code", absl::StrCat(code)),
                   tixml::ValueNode("response_id", code == 500 ? "" : "01234567_1")};
    const absl::StatusOr<RolloutMessage> rollout =
        ParseRolloutResult(tixml::WriteBody(GetParam(), nodes, "gatewayRolloutResult"));
    ASSERT_TRUE(rollout.ok()) << rollout.status();
    EXPECT_EQ(rollout->result.error_code, code);
    const absl::StatusOr<InitResult> init =
        ParseInitResult(tixml::WriteBody(GetParam(), nodes, "gatewayInitResult"));
    ASSERT_TRUE(init.ok()) << init.status();
    EXPECT_EQ(init->error_code, code);
    EXPECT_EQ(init->response_id, code == 500 ? "" : "01234567_1");
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
