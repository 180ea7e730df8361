#include "tests/simulators/portal/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fieldgate::portal {
namespace {

using testing::HasSubstr;
using tixml::Format;
using tixml::Node;

TEST(PortalMessagesTest, ReadsTheRolloutRequestOfSection211InEachFormat) {
  const std::string xml =
      R"(<request_id _="01234567_1"/><prod_name _="WT640"/><serial_number _="01234567" />)";
  for (const auto& [format, body] :
       {std::pair(Format::kTiXml, "{\n<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n" + xml + "\n}"),
        std::pair(Format::kXml,
                  "<?xml version=\"1.0\"?><gatewayRollout>" + xml + "</gatewayRollout>"),
        std::pair(Format::kJson, std::string(R"({"request_id": "01234567_1",
            "prod_name": "WT640", "serial_number": "01234567"})"))}) {
    absl::StatusOr<RolloutRequest> request = ParseRolloutRequest(body);
    ASSERT_TRUE(request.ok()) << body << request.status();
    EXPECT_EQ(request->format, format);
    EXPECT_EQ(request->request_id, "01234567_1");
    EXPECT_EQ(request->product_name, "WT640");
    EXPECT_EQ(request->serial_number, "01234567");
  }
}

TEST(PortalMessagesTest, NamesTheMissingFieldOfARequest) {
  EXPECT_THAT(
      ParseRolloutRequest(R"({"request_id": "1", "serial_number": "2"})").status().message(),
      HasSubstr("prod_name is missing"));
  EXPECT_THAT(ParseInitRequest(R"({"controllers": []})").status().message(),
              HasSubstr("request_id is missing"));
}

TEST(PortalMessagesTest, ReadsTheSensorsOfAnInitInBothShapes) {
  const std::string tixml = R"({<?xml version="1.0" encoding="UTF-8" ?>
      <request_id _="r1"/><controllers><Process_PV><timeout _="360"/><sensors>
      <Level><name _="Tank"/><type _="volume"/><unit _="l"/></Level>
      </sensors></Process_PV></controllers>})";
  const std::string json = R"({"request_id": "r1", "controllers": [{"name": "Process_PV",
      "external_controller_id": "Process_PV", "timeout": 360, "sensors": [
      {"external_sensor_id": "Level", "name": "Tank", "type": "volume", "unit": "l"}]}]})";
  for (const std::string& body : {tixml, json}) {
    absl::StatusOr<InitRequest> init = ParseInitRequest(body);
    ASSERT_TRUE(init.ok()) << init.status();
    ASSERT_EQ(init->sensors.size(), 1u);
    EXPECT_EQ(init->sensors[0].controller, "Process_PV");
    EXPECT_EQ(init->sensors[0].sensor, "Level");
    EXPECT_EQ(init->sensors[0].name, "Tank");
    EXPECT_EQ(init->sensors[0].type, "volume");
    EXPECT_EQ(init->sensors[0].unit, "l");
  }
}

TEST(PortalMessagesTest, ReadsDataOfSection23InBothShapes) {
  const std::string tixml = R"({<?xml version="1.0" encoding="UTF-8" ?>
      <message_id _="7"/><timestamp _="1498724247"/><controllers>
      <C1><sensors><A _="23.9" state="1"/><G _="5201.4 N" lng="14208.4 E" state="2"/></sensors></C1>
      <C2><sensors><A _="" state="0"/></sensors></C2></controllers>})";
  const std::string json = R"({"message_id": 7, "timestamp": 1498724247, "controllers": [
      {"external_controller_id": "C1", "sensors": [
        {"external_sensor_id": "A", "value": 23.9, "sensor_state": 1},
        {"external_sensor_id": "G", "value": "5201.4 N", "lng": "14208.4 E", "sensor_state": 2}]},
      {"external_controller_id": "C2", "sensors": [
        {"external_sensor_id": "A", "value": "", "sensor_state": 0}]}]})";
  for (const std::string& body : {tixml, json}) {
    absl::StatusOr<DataMessage> message = ParseDataMessage(body);
    ASSERT_TRUE(message.ok()) << message.status();
    EXPECT_EQ(message->message_id, 7);
    EXPECT_EQ(message->timestamp, 1498724247);
    ASSERT_EQ(message->values.size(), 3u);
    EXPECT_EQ(message->values[0].value, "23.9");
    EXPECT_EQ(message->values[0].state, 1);
    EXPECT_EQ(message->values[1].second_value, "14208.4 E");
    EXPECT_EQ(message->values[2].controller, "C2");
    EXPECT_EQ(message->values[2].state, 0);
  }
}

TEST(PortalMessagesTest, RefusesDataThatTheManualDoesNotAllow) {
  const auto error = [](absl::string_view body) {
    return std::string(ParseDataMessage(body).status().message());
  };
  EXPECT_THAT(error(R"({"message_id": 1.12, "timestamp": 1, "controllers": []})"),
              HasSubstr("'1.12' is no integer"));
  EXPECT_THAT(error(R"({"message_id": 1, "controllers": []})"), HasSubstr("timestamp is missing"));
  EXPECT_THAT(error(R"({"message_id": 1, "timestamp": 1, "controllers": []})"),
              HasSubstr("without any sensor"));
  EXPECT_THAT(error(R"({"message_id": 1, "timestamp": 1, "controllers": [
      {"external_controller_id": "C", "sensors": [
        {"external_sensor_id": "A", "value": 1, "sensor_state": 3}]}]})"),
              HasSubstr("state '3' of A"));
  EXPECT_FALSE(ParseDataMessage("garbage").ok());
}

TEST(PortalMessagesTest, WritesARolloutAnswerThatReadsBack) {
  Node set_config, rights;
  set_config.name = "SetConfig";
  rights.name = "AccRights";
  set_config.Set("_", "USER").Set("ver", "y");
  set_config.Add(rights);
  RolloutAnswer answer{.response_id = "01234567_1",
                       .gateway_id = "gw",
                       .customer_id = "cu",
                       .data_broker = DataBroker{"broker.example", 0},
                       .configuration = {set_config}};
  for (const Format format : {Format::kTiXml, Format::kXml, Format::kJson}) {
    const std::string body = WriteRolloutAnswer(format, answer);
    absl::StatusOr<tixml::Document> read = tixml::Parse(body, {"gatewayRolloutResult"});
    ASSERT_TRUE(read.ok()) << read.status() << body;
    EXPECT_EQ(read->format, format);
    ASSERT_EQ(read->nodes.size(), 6u) << body;
    EXPECT_EQ(read->nodes[4].name, "data_broker_details");
    EXPECT_EQ(read->nodes[4].children.size(), 2u);
    ASSERT_EQ(read->nodes[5].children.size(), 1u);
    EXPECT_EQ(read->nodes[5].children[0], set_config) << body;
  }
}

TEST(PortalMessagesTest, WritesJsonAnswersWithPlainMembersAsTheManual) {
  const InitAnswer answer{.error_code = 0, .response_id = "r\"1", .portal_version = "1.0.0"};
  EXPECT_EQ(
      WriteInitAnswer(Format::kJson, answer),
      "{\n\"error_code\": 0,\n\"response_id\": \"r\\\"1\",\n\"portal_version\": \"1.0.0\"\n}");
}

TEST(PortalMessagesTest, ReadsResultsOfCommands) {
  absl::StatusOr<CommandResult> result = ParseCommandResult(
      CommandKind::kCmd, R"({"error_code": 500, "response_id": "r1", "cmd_result": null})");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->error_code, 500);
  EXPECT_EQ(result->response_id, "r1");
}

TEST(PortalMessagesTest, WritesCommandsInEachFormat) {
  Node get;
  get.name = "Get";
  get.Set("_", "/Process/PV/Level");
  const Command cmd{.request_id = "r1", .serial_number = "01234567", .commands = {get}};
  for (const Format format : {Format::kTiXml, Format::kXml, Format::kJson}) {
    const std::string body = WriteCommand(format, cmd);
    absl::StatusOr<tixml::Document> read = tixml::Parse(body, {"cmd"});
    ASSERT_TRUE(read.ok()) << read.status() << body;
    const Node& last = read->nodes.back();
    // XML: the root is named as the topic, and so is the element in it.
    EXPECT_EQ(last.name, "cmd") << body;
    ASSERT_EQ(last.children.size(), 1u) << body;
    EXPECT_EQ(last.children[0], get) << body;
  }
}

TEST(PortalMessagesTest, AConfigurationIsAStringInJsonAndElementsElsewhere) {
  Node set;
  set.name = "Set";
  set.Set("_", "/Process/PV/Level").Set("value", "1");
  const Command config{.kind = CommandKind::kConfig, .request_id = "r1", .commands = {set}};
  EXPECT_THAT(WriteCommand(Format::kJson, config), HasSubstr("\"config_xml\": \"<Set"));
  EXPECT_THAT(WriteCommand(Format::kTiXml, config), HasSubstr("<config>"));
}

TEST(PortalMessagesTest, AStateRequestHasItsPathOnlyWhenGiven) {
  const Command all{.kind = CommandKind::kState, .request_id = "r1"};
  EXPECT_EQ(WriteCommand(Format::kJson, all).find("path"), std::string::npos);
  const Command some{.kind = CommandKind::kState, .request_id = "r1", .path = "Ethernet"};
  EXPECT_THAT(WriteCommand(Format::kJson, some), HasSubstr("\"path\": \"Ethernet\""));
}

}  // namespace
}  // namespace fieldgate::portal
