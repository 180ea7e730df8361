// Manual 2.3, Tables 2-4 and 2-5: each kind of value in each format, with its
// state, from the register of a device to the bytes at the broker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/system/data/data_gateway.h"

namespace fieldgate::system_test {
namespace {

constexpr char kProcCfg[] = R"(
  <External>
    <Bus1 protocol="ModbusTCP">
      <Device1 address="127.0.0.1:$port" poll="50" timeout="300" retries="0" backoffmax="500">
        <Scaled register="holding" offset="0" type="uint16" scale="0.1"/>
        <Negative register="holding" offset="1" type="int16"/>
        <Float register="holding" offset="2" type="float32"/>
        <Largest register="holding" offset="4" type="uint64"/>
        <Tiny register="holding" offset="8" type="float64"/>
        <Name register="holding" offset="12" type="string" length="6"/>
        <Code register="holding" offset="15" type="uint16"/>
        <Relay register="coil" offset="3"/>
        <Contact register="coil" offset="4"/>
      </Device1>
    </Bus1>
    <Bus2 protocol="ModbusTCP">
      <Dead address="127.0.0.1:$dead" poll="200" timeout="200" retries="0" backoffmax="500">
        <Never register="holding" offset="0" type="uint16"/>
        <NeverOn register="coil" offset="0"/>
      </Dead>
    </Bus2>
  </External>
  <ProcessVars>
    <Level value="23.5"/>
    <Count value="7"/>
    <Text value="a &quot;b&quot; &lt; &#xb0;C"/>
    <Door value="true"/>
  </ProcessVars>)";

constexpr char kSection[] = R"(
  <RTSendTime1 _="0.2"/>
  <Realtime1>
    <V1 _="/Process/Bus1/Device1/Scaled" meta_type="temperature" meta_unit="&#xb0;C"/>
    <V2 _="/Process/Bus1/Device1/Negative" meta_type="temperature"/>
    <V3 _="/Process/Bus1/Device1/Float" meta_type="power"/>
    <V4 _="/Process/Bus1/Device1/Largest" meta_type="volume"/>
    <V5 _="/Process/Bus1/Device1/Tiny" meta_type="current"/>
    <V6 _="/Process/Bus1/Device1/Name" meta_type="custom"/>
    <V7 _="/Process/Bus1/Device1/Code" meta_type="custom"/>
    <V8 _="/Process/Bus1/Device1/Relay" meta_type="switch"/>
    <V9 _="/Process/Bus1/Device1/Contact" meta_type="light"/>
    <V10 _="/Process/Bus1/Device1/DeviceState" meta_type="custom"/>
    <V11 _="/Process/Bus2/Dead/Never" meta_type="temperature"/>
    <V12 _="/Process/Bus2/Dead/NeverOn" meta_type="switch"/>
    <V13 _="/Process/PV/Level" meta_type="volume"/>
    <V14 _="/Process/PV/Count" meta_type="volume"/>
    <V15 _="/Process/PV/Text" meta_type="custom"/>
    <V16 _="/Process/PV/Door" meta_type="switch"/>
    <V17 _="/SerialNo" meta_type="custom"/>
  </Realtime1>)";

// `state` of Device1's points and whether it answers; the rest never changes.
std::string Json(int state) {
  const std::string s = R"(", "sensor_state": )" + std::to_string(state) + "}";
  const std::string n = R"(, "sensor_state": )" + std::to_string(state) + "}";
  return DataBody(Wire::kJson,
                  R"({"external_controller_id": "Process_Bus1_Device1", "sensors": [
            {"external_sensor_id": "Scaled", "value": 23.5)" +
                      n + R"(, {"external_sensor_id": "Negative", "value": -5)" + n +
                      R"(, {"external_sensor_id": "Float", "value": 1.1)" + n +
                      R"(, {"external_sensor_id": "Largest", "value": 18446744073709551615)" + n +
                      R"(, {"external_sensor_id": "Tiny", "value": 0.000001)" + n +
                      R"(, {"external_sensor_id": "Name", "value": "pump°)" + s +
                      R"(, {"external_sensor_id": "Code", "value": "4711)" + s +
                      R"(, {"external_sensor_id": "Relay", "value": true)" + n +
                      R"(, {"external_sensor_id": "Contact", "value": 1)" + n +
                      R"(, {"external_sensor_id": "DeviceState", "value": ")" +
                      std::to_string(state) +
                      R"(", "sensor_state": 2}]},
          {"external_controller_id": "Process_Bus2_Dead", "sensors": [
            {"external_sensor_id": "Never", "value": "", "sensor_state": 0},
            {"external_sensor_id": "NeverOn", "value": "", "sensor_state": 0}]},
          {"external_controller_id": "Process_PV", "sensors": [
            {"external_sensor_id": "Level", "value": 23.5, "sensor_state": 2},
            {"external_sensor_id": "Count", "value": 7, "sensor_state": 2},
            {"external_sensor_id": "Text", "value": "a \"b\" < °C", "sensor_state": 2},
            {"external_sensor_id": "Door", "value": true, "sensor_state": 2}]},
          {"external_controller_id": "Get", "sensors": [
            {"external_sensor_id": "SerialNo", "value": "01234567", "sensor_state": 2}]})");
}

std::string Xml(Wire wire, int state) {
  const std::string s = "\" state=\"" + std::to_string(state) + "\"/>";
  return DataBody(wire, "<Process_Bus1_Device1><sensors><Scaled _=\"23.5" + s + "<Negative _=\"-5" +
                            s + "<Float _=\"1.1" + s + "<Largest _=\"18446744073709551615" + s +
                            "<Tiny _=\"0.000001" + s + "<Name _=\"pump&#xb0;" + s +
                            "<Code _=\"4711" + s + "<Relay _=\"true" + s + "<Contact _=\"1" + s +
                            "<DeviceState _=\"" + std::to_string(state) +
                            R"(" state="2"/></sensors></Process_Bus1_Device1>
                            <Process_Bus2_Dead><sensors><Never _="" state="0"/>
                            <NeverOn _="" state="0"/></sensors></Process_Bus2_Dead>
                            <Process_PV><sensors><Level _="23.5" state="2"/>
                            <Count _="7" state="2"/>
                            <Text _="a &quot;b&quot; &lt; &#xb0;C" state="2"/>
                            <Door _="true" state="2"/></sensors></Process_PV>
                            <Get><sensors><SerialNo _="01234567" state="2"/></sensors></Get>)");
}

class ValuesTest : public testing::Test {
 protected:
  ValuesTest() {
    ModbusSimulator& device = gateway_.harness().device(0);
    // 23.5, -5, 1.1f, 2^64 - 1, 1e-6, "pump°", 4711
    constexpr uint16_t kWords[] = {235,    0xfffb, 0x3f8c, 0xcccd, 0xffff, 0xffff, 0xffff, 0xffff,
                                   0x3eb0, 0xc6f7, 0xa0b5, 0xed8d, 0x7075, 0x6d70, 0xc2b0, 4711};
    uint16_t address = 0;
    for (const uint16_t word : kWords) device.SetHoldingRegister(address++, word);
    device.SetCoil(3, true);
    device.SetCoil(4, true);
    gateway_.Configure(kProcCfg, {{"CloudConn", "tixml", "TiXML", "$url", kSection},
                                  {"CloudConn2", "json", "JSON", "$url", kSection},
                                  {"CloudConn3", "xml", "XML", "$url", kSection}});
    gateway_.Run();
  }
  void ExpectAll(int state) {
    gateway_.ExpectNewest(DataGateway::Topic("json"), Wire::kJson, Json(state));
    gateway_.ExpectNewest(DataGateway::Topic("tixml"), Wire::kTiXml, Xml(Wire::kTiXml, state));
    gateway_.ExpectNewest(DataGateway::Topic("xml"), Wire::kXml, Xml(Wire::kXml, state));
  }

  DataGateway gateway_;
};

TEST_F(ValuesTest, EachKindOfValueInEachFormatAndItsStateWhenTheDeviceFails) {
  ExpectAll(1);
  // The last values stay, with state 0; variables and system values are as before.
  gateway_.harness().device(0).Hang();
  ExpectAll(0);
  gateway_.harness().device(0).Recover();
  ExpectAll(1);
}

TEST_F(ValuesTest, ASwitchFollowsItsCoil) {
  const auto relay = [](const char* value) {
    return DataBody(Wire::kJson, std::string(R"({more}"Relay","value":)") + value + ",{more}");
  };
  gateway_.ExpectNewest(DataGateway::Topic("json"), Wire::kJson, relay("true"));
  gateway_.harness().device(0).SetCoil(3, false);
  gateway_.ExpectNewest(DataGateway::Topic("json"), Wire::kJson, relay("false"));
  gateway_.ExpectNewest(DataGateway::Topic("tixml"), Wire::kTiXml,
                        DataBody(Wire::kTiXml, R"({more}<Relay _="false" state="1"/>{more})"));
}

// What is no XML name becomes one, but JSON keeps it. Nothing gives such values:
// they are empty, with state 0.
TEST(NamesTest, IdsThatAreNoXmlNamesAreRawInJsonAlone) {
  DataGateway gateway;
  constexpr char kPoints[] = R"(
      <RTSendTime1 _="0.2"/>
      <Realtime1>
        <First _="/Process/PV/Supply temp" meta_type="volume"/>
        <Second _="/Process/PV/1st" meta_type="volume"/>
      </Realtime1>)";
  gateway.Configure("<ProcessVars/>", {{"CloudConn", "tixml", "TiXML", "$url", kPoints},
                                       {"CloudConn2", "json", "JSON", "$url", kPoints}});
  gateway.Run();
  gateway.ExpectNewest(DataGateway::Topic("tixml"), Wire::kTiXml,
                       DataBody(Wire::kTiXml, R"(<Process_PV><sensors>
                           <Supply_temp _="" state="0"/><_1st _="" state="0"/>
                           </sensors></Process_PV>)"));
  gateway.ExpectNewest(DataGateway::Topic("json"), Wire::kJson,
                       DataBody(Wire::kJson, R"({"external_controller_id": "Process_PV",
                           "sensors": [
                           {"external_sensor_id": "Supply temp", "value": "", "sensor_state": 0},
                           {"external_sensor_id": "1st", "value": "", "sensor_state": 0}]})"));
  const Outcome collision =
      gateway.harness().Run("tixml", {R"([<SetConfig _="ISP/CloudConn" ver="y">
      <Realtime2><Third _="/Process/PV/Supply_temp" meta_type="volume"/></Realtime2>
      </SetConfig>])"});
  EXPECT_EQ(collision.exit_status, 1);
  EXPECT_THAT(collision.output, testing::HasSubstr("/ISP/CloudConn/Realtime2/Third"));
}

TEST(NamesTest, TiXmlMayBeWithoutItsBraces) {
  DataGateway gateway;
  gateway.Configure(R"(<ProcessVars><Level value="1"/></ProcessVars>)", {{.content = R"(
      <TiXMLBraces _="0"/>
      <RTSendTime1 _="0.2"/>
      <Realtime1><Level _="/Process/PV/Level" meta_type="volume"/></Realtime1>)"}});
  gateway.Run();
  gateway.ExpectNewest(DataGateway::Topic("gw"), Wire::kTiXml,
                       R"(<?xml version="1.0" encoding="UTF-8" ?><message_id _="{any}"/>
                          <timestamp _="{any}"/><controllers><Process_PV><sensors>
                          <Level _="1" state="2"/></sensors></Process_PV></controllers>)");
}

}  // namespace
}  // namespace fieldgate::system_test
