// Every body of the manual's sections 2 and 7.1, in each format, byte by byte.
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cloud_link/payload/data_layout.h"
#include "services/cloud_link/payload/loss_message.h"
#include "services/cloud_link/payload/messages.h"
#include "services/cloud_link/payload/test_connector.h"

namespace fieldgate::cloud_link {
namespace {

// The file's last line end is the editor's, or XML's own.
std::string WithoutLastLineEnd(absl::string_view text) {
  return std::string(absl::StripSuffix(text, "\n"));
}

class GoldenTest : public testing::TestWithParam<PayloadFormat> {
 protected:
  PayloadFormat format() const { return GetParam(); }
  bool json() const { return format() == config_store::v1::JSON; }

  std::string Read(const std::string& section) const {
    const char* suffix = json() ? "json" : format() == config_store::v1::XML ? "xml" : "tixml";
    const std::string path =
        absl::StrCat("services/cloud_link/payload/testdata/", section, "_", suffix, ".txt");
    std::ifstream file(path);
    EXPECT_TRUE(file.good()) << path;
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
  }

  void ExpectGolden(const std::string& section, const std::string& body) const {
    EXPECT_EQ(WithoutLastLineEnd(body), WithoutLastLineEnd(Read(section))) << section;
  }

  // The body with all channels.
  static std::string Data(const Connector& connector, const std::vector<Sample>& samples) {
    const absl::StatusOr<DataLayout> layout = DataLayout::Create(connector);
    EXPECT_TRUE(layout.ok()) << layout.status();
    std::string body;
    const std::string columns = PackColumns(0, static_cast<uint32_t>(samples.size()), samples);
    EXPECT_TRUE(layout->AppendBody(columns, kMessageId, kTimestamp, body).ok());
    return body;
  }
};

INSTANTIATE_TEST_SUITE_P(Formats, GoldenTest,
                         testing::Values(config_store::v1::TIXML, config_store::v1::XML,
                                         config_store::v1::JSON),
                         [](const auto& param) {
                           return config_store::v1::PayloadFormat_Name(param.param);
                         });

TEST_P(GoldenTest, Rollout_2_1_1) {
  config_store::v1::Device device;
  device.set_product_name("WT640");
  device.set_serial_number("01234567");
  ExpectGolden("2.1.1", RolloutBody(device, ConnectorWith(format()), "01234567_1"));
}

TEST_P(GoldenTest, RolloutResult_2_1_2) {
  const absl::StatusOr<RolloutMessage> message = ParseRolloutResult(Read("2.1.2"));
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->result.error_code, 0);
  EXPECT_EQ(message->result.response_id, "04125378_1");
  EXPECT_EQ(message->result.gateway_id, "Object_ID");
  EXPECT_EQ(message->result.customer_id, "Object_ID");
  EXPECT_EQ(message->result.data_broker_url, "broker.juconn.io");
  EXPECT_EQ(message->result.data_broker_qos, 0);
  EXPECT_TRUE(message->result.has_configuration);
  ASSERT_EQ(message->configuration.size(), 2);
  EXPECT_EQ(message->configuration[0].name, "SetConfig");
  EXPECT_EQ(*message->configuration[0].Find("_"), "USER");
  EXPECT_EQ(*message->configuration[1].Find("_"), "ISP");
  EXPECT_EQ(*message->configuration[1].Child("WLAN_AP")->Child("DisableAfter")->Find("_"), "0");
}

TEST_P(GoldenTest, GatewayInit_2_2_1) {
  Connector connector = ConnectorWith(format());
  connector.set_virtual_devices(true);
  for (const char* controller : {"controller_name_1", "controller_name_2"}) {
    AddPoint(connector, "Temp Sensor", absl::StrCat("/", controller, "/sensor_id_1"),
             {{"type", "temperature"},
              {"unit", "\xc2\xb0\x43"},
              {"set_point", ""},
              {"virtual", "false"},
              {"virtual_device", "Heating_1"},
              {"receive_signal", "REGULAR"},
              {"signal_frequency", "300"},
              {"custom_fields", "plant=Plant 1;loop=loop 1"}});
    AddPoint(connector, "Humidity Sensor", absl::StrCat("/", controller, "/sensor_id_2"),
             {{"type", "humidity"},
              {"unit", "%"},
              {"set_point", ""},
              {"virtual", "false"},
              {"virtual_device", "Heating_2"},
              {"receive_signal", "REGULAR"},
              {"signal_frequency", "300"},
              {"custom_fields", ""}});
    auto* metadata = connector.add_controllers();
    metadata->set_name(controller);
    metadata->set_timeout_s(360);
  }
  ExpectGolden("2.2.1", GatewayInitBody(connector, "generated string"));
}

TEST_P(GoldenTest, VirtualDevices_2_2_1) {
  Connector connector = ConnectorWith(format());
  connector.set_virtual_devices(true);
  AddPoint(
      connector, "Varname_1", "/Process/PV/MyProcessVar1",
      {{"type", "humidity"}, {"unit", "%"}, {"set_point", "30"}, {"virtual_device", "Heating_1"}});
  AddPoint(connector, "Varname_2", "/Process/MBus/Device0/Var0",
           {{"type", "light"},
            {"unit", "lm"},
            {"receive_signal", "20"},
            {"virtual_device", "Heating_1"}});
  AddPoint(connector, "Varname_3", "/Process/PV/MyProcessVar2",
           {{"type", "temperature"},
            {"unit", "K"},
            {"set_point", "5"},
            {"virtual_device", "Heating_2"}});
  AddPoint(connector, "Varname_4", "/Process/MBus/Device1/Var0",
           {{"type", "power"},
            {"unit", "W"},
            {"receive_signal", "10"},
            {"virtual_device", "Heating_2"}});
  AddPoint(connector, "Varname_5", "/Process/Modbus/Device0/Var0",
           {{"type", "voltage"}, {"unit", "V"}, {"virtual_device", "Heating_2"}});
  ExpectGolden("2.2.1_virtual_devices", GatewayInitBody(connector, "generated string"));
}

TEST_P(GoldenTest, InitResult_2_2_2) {
  const absl::StatusOr<InitResult> result = ParseInitResult(Read("2.2.2"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->error_code, 0);
  EXPECT_EQ(result->response_id, "the received request_id");
  EXPECT_EQ(result->portal_version, "Portal_Version");
}

constexpr char kAny[] = "any value object";

TEST_P(GoldenTest, OneSensor_2_3_1) {
  Connector connector = ConnectorWith(format());
  AddPoint(connector, "A", "/controller_name_1/sensor_id_1");
  ExpectGolden("2.3.1", Data(connector, {json() ? OfText(kAny, 0) : Of(int64_t{1}, 0)}));
}

// The manual shows a gps sensor in one element, in TiXML only.
TEST_P(GoldenTest, OneController_2_3_2) {
  Connector connector = ConnectorWith(format());
  connector.set_gps_as_lng_attribute(true);
  AddPoint(connector, "A", "/controller_name_1/sensor_id_1");
  AddPoint(connector, "B", "/controller_name_1/sensor_id_2");
  if (json()) {
    AddPoint(connector, "C", "/controller_name_1/sensor_id_3");
    ExpectGolden("2.3.2", Data(connector, {OfText(kAny, 0), OfText(kAny, 1), OfText(kAny, 2)}));
    return;
  }
  AddGps(connector, "C", "/controller_name_1/sensor_id_3", "/controller_name_1/lng");
  ExpectGolden("2.3.2", Data(connector, {Of(int64_t{1}, 0), Of(int64_t{2}, 1),
                                         OfText("5201.4613 N", 0), OfText("14208.4613 E", 0)}));
}

TEST_P(GoldenTest, SeveralControllers_2_3_3) {
  Connector connector = ConnectorWith(format());
  connector.set_gps_as_lng_attribute(true);
  AddPoint(connector, "A", "/controller_name_1/sensor_id_1");
  AddPoint(connector, "B", "/controller_name_1/sensor_id_2");
  if (json()) {
    AddPoint(connector, "C", "/controller_name_2/sensor_id_1");
    AddPoint(connector, "D", "/controller_name_2/sensor_id_2");
    ExpectGolden("2.3.3",
                 Data(connector, {OfText(kAny, 0), OfText(kAny, 1), OfText(kAny, 0), Of(23.9, 0)}));
    return;
  }
  AddGps(connector, "C", "/controller_name_1/sensor_id_3", "/controller_name_1/lng");
  for (const char* sensor : {"sensor_id_1", "sensor_id_2", "sensor_id_3", "sensor_id_4"}) {
    AddPoint(connector, sensor, absl::StrCat("/controller_name_2/", sensor));
  }
  ExpectGolden("2.3.3",
               Data(connector, {Of(int64_t{1}, 0), Of(int64_t{2}, 1), OfText("5201.4613 N", 2),
                                OfText("14208.4613 E", 2), Of(int64_t{3}, 0), Of(int64_t{4}, 0),
                                Of(int64_t{5}, 1), Of(int64_t{6}, 2)}));
}

TEST_P(GoldenTest, GpsValuesExist_7_1) {
  Connector connector = ConnectorWith(format());
  AddGps(connector, "GNSS", "/GNSS/Latitude", "/GNSS/Longitude");
  ExpectGolden("7.1_example_1", Data(connector, {OfText("01323.6341", 2), OfText("5229.4129", 2)}));
}

TEST_P(GoldenTest, GpsValuesDoNotExist_7_1) {
  Connector connector = ConnectorWith(format());
  AddGps(connector, "GNSS", "/GNSS/Latitude", "/GNSS/Longitude");
  ExpectGolden("7.1_example_2", Data(connector, {Sample(), Sample()}));
}

// No section of the manual: an answer to `state` that nobody asked for.
TEST_P(GoldenTest, Losses) {
  Connector connector;
  connector.set_name("CloudConn2");
  connector.set_format(format());
  connector.set_tixml_braces(true);
  LossRecord full;
  full.number = 3;
  full.first_message_id = 1041;
  full.last_message_id = 1120;
  full.first_timestamp = 1'585'563'331;
  full.last_timestamp = 1'585'563'410;
  full.count = 80;
  full.reason = "full: oldest dropped";
  LossRecord log;
  log.number = 4;
  log.last_timestamp = 1'585'563'000;
  log.count = 2;
  log.reason = "log Energy: records 5 to 6 dropped by the log's bounds";
  ExpectGolden("losses",
               LossBody(connector, "loss_01234567_CloudConn2_4", {full, log}, /*total=*/90));
  ExpectGolden("loss", LossBody(connector, "loss_01234567_CloudConn2_3", {full}, 80));
}

}  // namespace
}  // namespace fieldgate::cloud_link
