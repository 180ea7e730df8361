// Manual 2.2.1: the data model that the gateway announces, with all meta data,
// in each format at once: three connectors with the same sections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/system/data/data_gateway.h"

namespace fieldgate::system_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kProcCfg[] = R"(
  <External>
    <Bus1 protocol="ModbusTCP">
      <Device0 address="127.0.0.1:$port" poll="200">
        <Var0 register="holding" offset="0" type="uint16"/>
        <Var1 register="holding" offset="1" type="uint16"/>
      </Device0>
    </Bus1>
  </External>
  <ProcessVars>
    <Humid value="40"/>
    <Plain value="1"/>
  </ProcessVars>)";

// All of Table 2-3, one that the manual does not list, and a path of each kind
// of Tables 2-1 and 2-2. Humid is in two sections: announced once.
constexpr char kContent[] = R"(
  <virtual_devices _="1"/>
  <Controllers>
    <Process_Bus1_Device0 timeout="360" custom_fields="room=1.02;floor=ground floor"/>
    <Process_PV timeout="60"/>
  </Controllers>
  <RTSendTime1 _="60"/>
  <Realtime1>
    <Temp_Sensor _="/Process/Bus1/Device0/Var0" meta_type="temperature" meta_unit="&#xb0;C"
                 meta_setpoint="30" meta_virtual="false" meta_virtual_device="Heating_1"
                 meta_receive_signal="REGULAR" meta_signal_frequency="300"
                 meta_custom_fields="plant=Plant 1;loop=loop 1" meta_colour="red"/>
    <Varname_2 _="/Process/PV/Humid" meta_type="humidity" meta_unit="%" meta_virtual="true"
               meta_virtual_device="Heating_2" meta_receive_signal="IRREGULAR"
               meta_custom_fields=""/>
    <Other _="/Process/Bus1/Device0/Var1" meta_type="custom" meta_virtual_device="Heating_1"/>
    <Serial _="/SerialNo" meta_type="custom" meta_virtual_device="Heating_1"/>
  </Realtime1>
  <RTSendTime5 _="60"/>
  <Realtime5>
    <Again _="/Process/PV/Humid" meta_type="humidity" meta_virtual_device="Heating_3"/>
    <State _="/GSM/State" meta_type="custom" meta_virtual_device="Heating_2"/>
  </Realtime5>)";

constexpr char kXml[] = R"(
  <request_id _="01234567_{any}"/>
  <virtual_devices _="1"/>
  <controllers>
    <Process_Bus1_Device0>
      <custom_fields><room _="1.02"/><floor _="ground floor"/></custom_fields>
      <timeout _="360"/>
      <sensors>
        <Var0>
          <name _="Temp_Sensor"/><type _="temperature"/><unit _="&#xb0;C"/><set_point _="30"/>
          <virtual _="false"/><virtual_device _="Heating_1"/><receive_signal _="REGULAR"/>
          <signal_frequency _="300"/>
          <custom_fields><plant _="Plant 1"/><loop _="loop 1"/></custom_fields>
          <colour _="red"/>
        </Var0>
        <Var1><name _="Other"/><type _="custom"/><virtual_device _="Heating_1"/></Var1>
      </sensors>
    </Process_Bus1_Device0>
    <Process_PV>
      <custom_fields/>
      <timeout _="60"/>
      <sensors>
        <Humid>
          <name _="Varname_2"/><type _="humidity"/><unit _="%"/><virtual _="true"/>
          <virtual_device _="Heating_2"/><receive_signal _="IRREGULAR"/><custom_fields/>
        </Humid>
      </sensors>
    </Process_PV>
    <Get>
      <sensors>
        <SerialNo><name _="Serial"/><type _="custom"/><virtual_device _="Heating_1"/></SerialNo>
      </sensors>
    </Get>
    <GSM>
      <sensors>
        <State><name _="State"/><type _="custom"/><virtual_device _="Heating_2"/></State>
      </sensors>
    </GSM>
  </controllers>)";

constexpr char kJson[] = R"({
  "request_id": "01234567_{any}",
  "virtual_devices": "1",
  "controllers": [
    {"name": "Process_Bus1_Device0", "external_controller_id": "Process_Bus1_Device0",
     "custom_fields": {"room": "1.02", "floor": "ground floor"}, "timeout": 360,
     "sensors": [
      {"external_sensor_id": "Var0", "name": "Temp_Sensor", "type": "temperature", "unit": "°C",
       "set_point": "30", "virtual": false, "virtual_device": "Heating_1",
       "receive_signal": "REGULAR", "signal_frequency": 300,
       "custom_fields": {"plant": "Plant 1", "loop": "loop 1"}, "colour": "red"},
      {"external_sensor_id": "Var1", "name": "Other", "type": "custom",
       "virtual_device": "Heating_1"}]},
    {"name": "Process_PV", "external_controller_id": "Process_PV",
     "custom_fields": null, "timeout": 60,
     "sensors": [
      {"external_sensor_id": "Humid", "name": "Varname_2", "type": "humidity", "unit": "%",
       "virtual": true, "virtual_device": "Heating_2", "receive_signal": "IRREGULAR",
       "custom_fields": null}]},
    {"name": "Get", "external_controller_id": "Get",
     "sensors": [
      {"external_sensor_id": "SerialNo", "name": "Serial", "type": "custom",
       "virtual_device": "Heating_1"}]},
    {"name": "GSM", "external_controller_id": "GSM",
     "sensors": [
      {"external_sensor_id": "State", "name": "State", "type": "custom",
       "virtual_device": "Heating_2"}]}]})";

std::string Init(const std::string& gateway) { return DataGateway::Topic(gateway, "gatewayInit"); }

class GatewayInitTest : public testing::Test {
 protected:
  GatewayInitTest() {
    gateway_.Configure(kProcCfg, {{"CloudConn", "tixml", "TiXML", "$url", kContent},
                                  {"CloudConn2", "json", "JSON", "$url", kContent},
                                  {"CloudConn3", "xml", "XML", "$url", kContent}});
    gateway_.Run();
  }

  DataGateway gateway_;
};

TEST_F(GatewayInitTest, AllMetaDataInEachFormat) {
  constexpr char kDeclaration[] = R"(<?xml version="1.0" encoding="UTF-8" ?>)";
  gateway_.ExpectNewest(Init("tixml"), Wire::kTiXml, std::string("{") + kDeclaration + kXml + "}");
  gateway_.ExpectNewest(Init("xml"), Wire::kXml,
                        std::string(kDeclaration) + "<gatewayInit>" + kXml + "</gatewayInit>");
  gateway_.ExpectNewest(Init("json"), Wire::kJson, kJson);
}

TEST_F(GatewayInitTest, AVirtualDeviceThatIsMissingAnywhereIsAnError) {
  gateway_.tap().Await(Init("json"), 0);
  const Outcome refused =
      gateway_.harness().Run("tixml", {R"([<SetConfig _="ISP/CloudConn2" ver="y">
      <Realtime5><State _="/GSM/State" meta_type="custom"/></Realtime5></SetConfig>])"});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.output,
              AllOf(HasSubstr("-2151"), HasSubstr("/ISP/CloudConn2/Realtime5/State"),
                    HasSubstr("meta_virtual_device is missing")));
  // With the flag off it is none, and the new model is announced at once.
  gateway_.Execute(R"([<SetConfig _="ISP/CloudConn2"><virtual_devices _="0"/>
      <Realtime1/><Controllers/>
      <Realtime5><State _="/GSM/State" meta_type="custom"/></Realtime5></SetConfig>])");
  gateway_.ExpectNewest(Init("json"), Wire::kJson, R"({"request_id": "01234567_{any}",
      "controllers": [{"name": "GSM", "external_controller_id": "GSM", "sensors": [
      {"external_sensor_id": "State", "name": "State", "type": "custom"}]}]})");
}

}  // namespace
}  // namespace fieldgate::system_test
