#include "services/cloud_link/payload/messages.h"

#include "common/tixml/codec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cloud_link/payload/test_connector.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::JSON;
using config_store::v1::TIXML;
using testing::HasSubstr;
using testing::Not;

constexpr char kAccepted[] =
    R"({"error_code":0,"response_id":"r","gateway_id":"g","customer_id":"c")";

std::string Why(const std::string& body) {
  const absl::StatusOr<RolloutMessage> message = ParseRolloutResult(body);
  EXPECT_EQ(message.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(message.status().message());
}

TEST(RolloutResultTest, OptionalPartsMayBeMissing) {
  const absl::StatusOr<RolloutMessage> message = ParseRolloutResult(std::string(kAccepted) + "}");
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->result.data_broker_url, "");
  EXPECT_EQ(message->result.data_broker_qos, std::nullopt);
  EXPECT_FALSE(message->result.has_configuration);
}

TEST(RolloutResultTest, ARefusalNeedsNoIds) {
  const absl::StatusOr<RolloutMessage> message =
      ParseRolloutResult(R"({"error_code":409,"response_id":"r"})");
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->result.error_code, 409);
}

TEST(RolloutResultTest, FieldsMayBeTextAndNumbersStrings) {
  const absl::StatusOr<RolloutMessage> message = ParseRolloutResult(
      "<customer_id>c</customer_id><gateway_id _=\"g\"/><response_id>r</response_id>"
      "<error_code>0</error_code>");
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->result.customer_id, "c");
  EXPECT_TRUE(ParseRolloutResult(R"({"error_code":"404","response_id":""})").ok());
}

TEST(RolloutResultTest, NamesWhatIsMissingOrWrong) {
  EXPECT_THAT(Why("{}"), HasSubstr("error_code is missing"));
  EXPECT_THAT(Why(R"({"error_code":0})"), HasSubstr("response_id is missing"));
  EXPECT_THAT(Why(R"({"error_code":"no","response_id":"r"})"), HasSubstr("error_code"));
  EXPECT_THAT(Why(R"({"error_code":0,"response_id":"r","customer_id":"c"})"),
              HasSubstr("gateway_id is missing"));
  EXPECT_THAT(Why(R"({"error_code":0,"response_id":"r","gateway_id":"g"})"),
              HasSubstr("customer_id is missing"));
  EXPECT_THAT(Why(std::string(kAccepted) + R"(,"data_broker_details":{"qos":3}})"),
              HasSubstr("qos"));
  EXPECT_THAT(Why("garbage"), HasSubstr("rollout result: "));
  EXPECT_THAT(Why(""), HasSubstr("rollout result: "));
}

TEST(RolloutResultTest, AConfigurationMayBeTiXmlAsText) {
  const absl::StatusOr<RolloutMessage> message = ParseRolloutResult(
      std::string(kAccepted) +
      R"(,"gateway_configuration":"[<SetConfig _=\"USER\"/><SetConfig _=\"ISP\"/>]"})");
  ASSERT_TRUE(message.ok()) << message.status();
  ASSERT_EQ(message->configuration.size(), 2);
  EXPECT_EQ(*message->configuration[1].Find("_"), "ISP");
}

TEST(RolloutResultTest, AnUnreadableConfigurationIsKeptSoThatItIsLoggedAndRolloutGoesOn) {
  const absl::StatusOr<RolloutMessage> message = ParseRolloutResult(
      std::string(kAccepted) + R"(,"gateway_configuration":"gateway configuration details"})");
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_TRUE(message->result.has_configuration);
  ASSERT_EQ(message->configuration.size(), 1);
  EXPECT_EQ(message->configuration[0].name, "gateway_configuration");
}

TEST(RolloutResultTest, AnEmptyConfigurationIsNone) {
  for (const char* empty : {"null", "\"\"", "{}"}) {
    const absl::StatusOr<RolloutMessage> message =
        ParseRolloutResult(std::string(kAccepted) + ",\"gateway_configuration\":" + empty + "}");
    ASSERT_TRUE(message.ok()) << message.status();
    EXPECT_FALSE(message->result.has_configuration) << empty;
  }
}

TEST(InitResultTest, NamesWhatIsMissing) {
  EXPECT_THAT(std::string(ParseInitResult(R"({"response_id":"r"})").status().message()),
              HasSubstr("init result: error_code is missing"));
  EXPECT_THAT(std::string(ParseInitResult(R"({"error_code":0})").status().message()),
              HasSubstr("response_id is missing"));
}

TEST(InitResultTest, ARefusalHasNoPortalVersion) {
  const absl::StatusOr<InitResult> result =
      ParseInitResult(R"({"error_code":404,"response_id":"r","more":[1,2]})");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->error_code, 404);
  EXPECT_EQ(result->portal_version, "");
}

TEST(GatewayInitTest, VirtualDevicesIsOnlySentWhenItIsOn) {
  Connector connector = ConnectorWith(JSON);
  EXPECT_EQ(GatewayInitBody(connector, "r"), R"({"request_id":"r","controllers":[]})");
  connector.set_format(TIXML);
  EXPECT_THAT(GatewayInitBody(connector, "r"), Not(HasSubstr("virtual_devices")));
}

TEST(GatewayInitTest, OtherMetaDataFollowsInConfigurationOrder) {
  Connector connector = ConnectorWith(JSON);
  AddPoint(connector, "A", "/C/A",
           {{"zone", "1"}, {"unit", "V"}, {"area", "2"}, {"type", "voltage"}, {"name", "B"}});
  EXPECT_THAT(GatewayInitBody(connector, "r"),
              HasSubstr(R"({"external_sensor_id":"A","name":"A","type":"voltage","unit":"V",)"
                        R"("zone":"1","area":"2"})"));
}

TEST(GatewayInitTest, JsonTypesOfMetaData) {
  Connector connector = ConnectorWith(JSON);
  AddPoint(connector, "A", "/C/A",
           {{"type", "light"},
            {"virtual", "true"},
            {"signal_frequency", "0.5"},
            {"custom_fields", "k = v;;b=1=2;k=again;c"}});
  AddPoint(connector, "B", "/C/B",
           {{"type", "light"}, {"virtual", "maybe"}, {"signal_frequency", "often"}});
  EXPECT_THAT(GatewayInitBody(connector, "r"),
              HasSubstr(R"("virtual":true,"signal_frequency":0.5,)"
                        R"("custom_fields":{"k":"v","b":"1=2","c":""}})"));
  EXPECT_THAT(GatewayInitBody(connector, "r"),
              HasSubstr(R"("virtual":"maybe","signal_frequency":"often")"));
}

TEST(GatewayInitTest, APointWithoutATypeIsCustom) {
  Connector connector = ConnectorWith(JSON);
  AddPoint(connector, "A", "/C/A", {});
  EXPECT_THAT(GatewayInitBody(connector, "r"), HasSubstr(R"("type":"custom")"));
}

TEST(GatewayInitTest, ControllerMetaDataIsFoundByItsXmlName) {
  Connector connector = ConnectorWith(JSON);
  AddPoint(connector, "A", "/1 Bus/A");
  auto* metadata = connector.add_controllers();
  metadata->set_name("_1_Bus");
  metadata->set_custom_fields("k=v");
  EXPECT_THAT(GatewayInitBody(connector, "r"),
              HasSubstr(R"("external_controller_id":"1 Bus","custom_fields":{"k":"v"},"sensors")"));
}

TEST(GatewayInitTest, ListsAPathOfTwoSectionsOnce) {
  Connector connector = ConnectorWith(JSON);
  AddPoint(connector, "A", "/C/A");
  connector.add_sections()->set_number(2);
  AddPoint(connector, "A", "/C/A");
  AddPoint(connector, "B", "/C/B");
  EXPECT_EQ(GatewayInitBody(connector, "r"),
            R"({"request_id":"r","controllers":[{"name":"C","external_controller_id":"C",)"
            R"("sensors":[{"external_sensor_id":"A","name":"A","type":"temperature"},)"
            R"({"external_sensor_id":"B","name":"B","type":"temperature"}]}]})");
}

TEST(GatewayInitTest, ListsDataPointsOfLogsOnceAfterThoseOfRealtimeSections) {
  Connector connector = ConnectorWith(JSON);
  auto& log = *connector.add_log_sections();
  AddPointTo(log, "Only", "/Log/Only");
  AddPointTo(log, "A", "/C/A", {{"type", "voltage"}});
  AddPointTo(log, "B", "/C/B");
  AddPointTo(*connector.add_log_sections(), "B", "/C/B");
  AddPoint(connector, "A", "/C/A");
  EXPECT_EQ(GatewayInitBody(connector, "r"),
            R"({"request_id":"r","controllers":[{"name":"C","external_controller_id":"C",)"
            R"("sensors":[{"external_sensor_id":"A","name":"A","type":"temperature"},)"
            R"({"external_sensor_id":"B","name":"B","type":"temperature"}]},)"
            R"({"name":"Log","external_controller_id":"Log","sensors":[)"
            R"({"external_sensor_id":"Only","name":"Only","type":"temperature"}]}]})");
}

TEST(GatewayInitTest, AnnouncesTheSensorsThatGpsSends) {
  Connector connector = ConnectorWith(TIXML);
  AddGps(connector, "GNSS", "/GNSS/Latitude", "/GNSS/Longitude");
  EXPECT_THAT(GatewayInitBody(connector, "r"),
              HasSubstr("<GNSS><sensors><Longitude><name _=\"GNSS\"/><type _=\"gps\"/></Longitude>"
                        "<Latitude><name _=\"GNSS\"/><type _=\"gps\"/></Latitude></sensors>"));
  connector.set_gps_as_lng_attribute(true);
  EXPECT_THAT(GatewayInitBody(connector, "r"),
              HasSubstr("<sensors><Latitude><name _=\"GNSS\"/><type _=\"gps\"/></Latitude>"
                        "</sensors>"));
}

TEST(GatewayInitTest, IsReadableInEveryFormat) {
  Connector connector = ConnectorWith(TIXML);
  AddPoint(connector, "\xc3\xa4<\"", "/1 2/\"<", {{"type", "custom"}, {"unit", "\"<&\n"}});
  for (const auto format : {TIXML, config_store::v1::XML, JSON}) {
    connector.set_format(format);
    const absl::StatusOr<tixml::Document> document =
        tixml::Parse(GatewayInitBody(connector, "r"), {"gatewayInit"});
    ASSERT_TRUE(document.ok()) << document.status();
    EXPECT_EQ(document->format, FormatOf(connector));
    EXPECT_EQ(document->nodes.at(0).name, "request_id");
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
