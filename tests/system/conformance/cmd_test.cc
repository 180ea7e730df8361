// Manual 4 and 1.3: commands on `cmd` and their answers on `cmdResult`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/system/conformance/bodies.h"
#include "tests/system/conformance/cases.h"
#include "tests/system/conformance/conversation.h"
#include "tests/system/conformance/requirement.h"

namespace fieldgate::system_test {
namespace {

using testing::Not;

const Case kGet[] = {
    {"Get of a value -> its value",
     {R"(<Get _="/Process/PV/Text"/>)", R"({"Get": {"-_": "/Process/PV/Text"}})"},
     0,
     {R"(<Get _="hello"/>)", R"({"Get": {"-_": "hello"}})"}},
    {"Get of a subtree -> the addressed element as root inside Get",
     {R"(<Get _="/Process/PV/"/>)", R"({"Get": {"-_": "/Process/PV/"}})"},
     0,
     {R"(<Get><PV><Level _="23.5"/><Text _="hello"/><Scratch _="0"/></PV></Get>)",
      R"({"Get": {"PV": {"Level": {"-_": "23.5"}, "Text": {"-_": "hello"},
                         "Scratch": {"-_": "0"}}}})"}},
    {"Get of a bus with its devices, DeviceState and ChangeToggle",
     {R"(<Get _="/Process/Bus1/"/>)", R"({"Get": {"-_": "/Process/Bus1/"}})"},
     0,
     {R"(<Get><Bus1><Device1><DeviceState _="1"/><ChangeToggle _="{any}"/><Relay _="0"/>
         <Fixed _="0"/><Small _="0"/></Device1></Bus1></Get>)",
      R"({"Get": {"Bus1": {"Device1": {"DeviceState": {"-_": "1"},
          "ChangeToggle": {"-_": "{any}"}, "Relay": {"-_": "0"}, "Fixed": {"-_": "0"},
          "Small": {"-_": "0"}}}}})"}},
    {"Get of the serial number, a variable of the first level (Table 2-2)",
     {R"(<Get _="/SerialNo"/>)", R"({"Get": {"-_": "/SerialNo"}})"},
     0,
     {R"(<Get _="01234567"/>)", R"({"Get": {"-_": "01234567"}})"}},
    {"Get of /Process/CloudConn/ -> the status of the connection",
     {R"(<Get _="/Process/CloudConn/" ver="y"/>)",
      R"({"Get": {"-_": "/Process/CloudConn/", "-ver": "y"}})"},
     0,
     {R"(<Get><CloudConn>
           <ConnectionType _="mqtt:127.0.0.1:{any}"/>
           <ConnectionState _="1"/>
           <ConnectionStateMsg _="connected"/>
           <LastTimeStamp _="{any}"/>
           <ChangeToggle _="{any}"/>
           <BrokerVersion _="1.0.0"/>
           <MessagesWaiting _="{any}"/>
           <MessagesDropped _="0"/>
         </CloudConn></Get>)",
      R"({"Get": {"CloudConn": {"ConnectionType": {"-_": "mqtt:127.0.0.1:{any}"},
          "ConnectionState": {"-_": "1"}, "ConnectionStateMsg": {"-_": "connected"},
          "LastTimeStamp": {"-_": "{any}"}, "ChangeToggle": {"-_": "{any}"},
          "BrokerVersion": {"-_": "1.0.0"},
          "MessagesWaiting": {"-_": "{any}"}, "MessagesDropped": {"-_": "0"}}}})"},
     "7.5"},
};

const Case kErrors[] = {
    {"ver=\"n\" -> 500 with the number alone",
     {R"(<Get _="/Processs/" ver="n"/>)", R"({"Get": {"-_": "/Processs/", "-ver": "n"}})"},
     500,
     {R"(<Get><Error _="-2196"/></Get>)", R"({"Get": {"Error": {"-_": "-2196"}}})"},
     "1.3"},
    {"no ver -> as n",
     {R"(<Get _="/Processs/"/>)", R"({"Get": {"-_": "/Processs/"}})"},
     500,
     {R"(<Get><Error _="-2196"/></Get>)", R"({"Get": {"Error": {"-_": "-2196"}}})"},
     "1.3"},
    {"ver=\"y\" -> 500 with text, cause and class",
     {R"(<Get _="/Processs/" ver="y"/>)", R"({"Get": {"-_": "/Processs/", "-ver": "y"}})"},
     500,
     {R"(<Get><Error>
           <ErrNo _="-2196"/>
           <ErrText _="path to key not found"/>
           <ErrorCause><ErrNo _="-2196"/><ErrText _="{any}"/><Class _="{any}"/></ErrorCause>
         </Error></Get>)",
      R"({"Get": {"Error": {"ErrNo": {"-_": "-2196"},
          "ErrText": {"-_": "path to key not found"},
          "ErrorCause": {"ErrNo": {"-_": "-2196"}, "ErrText": {"-_": "{any}"},
                         "Class": {"-_": "{any}"}}}}})"},
     "1.3"},
    {"ver=\"v\" -> 500 with line, module and class, too",
     {R"(<Get _="/Processs/" ver="v"/>)", R"({"Get": {"-_": "/Processs/", "-ver": "v"}})"},
     500,
     {R"(<Get><Error>
           <ErrNo _="-2196"/>
           <ErrText _="path to key not found"/>
           <ErrorCause><ErrNo _="-2196"/><ErrText _="{any}"/><Line _="{any}"/>
             <Module _="{any}.cc"/><Class _="{any}"/></ErrorCause>
         </Error></Get>)",
      R"({"Get": {"Error": {"ErrNo": {"-_": "-2196"},
          "ErrText": {"-_": "path to key not found"},
          "ErrorCause": {"ErrNo": {"-_": "-2196"}, "ErrText": {"-_": "{any}"},
                         "Line": {"-_": "{any}"}, "Module": {"-_": "{any}.cc"},
                         "Class": {"-_": "{any}"}}}}})"},
     "1.3"},
    {"unknown command -> 500 with Error -2100",
     {R"(<DoMagic _="now"/>)", R"({"DoMagic": {"-_": "now"}})"},
     500,
     {R"(<DoMagic><Error _="-2100"/></DoMagic>)", R"({"DoMagic": {"Error": {"-_": "-2100"}}})"}},
    {"Reset of something unknown -> 500 with Error -2100",
     {R"(<Reset _="Everything"/>)", R"({"Reset": {"-_": "Everything"}})"},
     500,
     {R"(<Reset><Error _="-2100"/></Reset>)", R"({"Reset": {"Error": {"-_": "-2100"}}})"}},
    {"CloudSendRealtimeData of a connector that is not there -> 500",
     {R"(<CloudSendRealtimeData _="CloudConn9"/>)",
      R"({"CloudSendRealtimeData": {"-_": "CloudConn9"}})"},
     500,
     {R"(<CloudSendRealtimeData><Error _="-2196"/></CloudSendRealtimeData>)",
      R"({"CloudSendRealtimeData": {"Error": {"-_": "-2196"}}})"},
     "7.3"},
    {"CloudSendRealtimeData of a section that is not there -> 500",
     {R"(<CloudSendRealtimeData _="CloudConn,Realtime2"/>)",
      R"({"CloudSendRealtimeData": {"-_": "CloudConn,Realtime2"}})"},
     500,
     {R"(<CloudSendRealtimeData><Error _="-2196"/></CloudSendRealtimeData>)",
      R"({"CloudSendRealtimeData": {"Error": {"-_": "-2196"}}})"},
     "7.3"},
};

const Case kSet[] = {
    {"Set of a variable -> empty Set",
     {R"(<Set _="/Process/PV/Level" value="77" ver="y"/>)",
      R"({"Set": {"-_": "/Process/PV/Level", "-value": "77", "-ver": "y"}})"},
     0,
     {"<Set/>", R"({"Set": null})"}},
    {"and the value is the one set",
     {R"(<Get _="/Process/PV/Level"/>)", R"({"Get": {"-_": "/Process/PV/Level"}})"},
     0,
     {R"(<Get _="77"/>)", R"({"Get": {"-_": "77"}})"}},
    {"Set of an unknown path -> 500 with Error -2196",
     {R"(<Set _="/Process/PV/Nowhere" value="1"/>)",
      R"({"Set": {"-_": "/Process/PV/Nowhere", "-value": "1"}})"},
     500,
     {R"(<Set><Error _="-2196"/></Set>)", R"({"Set": {"Error": {"-_": "-2196"}}})"}},
    {"Set of what is read-only -> 500 with Error -2191",
     {R"(<Set _="/Process/Bus1/Device1/Fixed" value="1"/>)",
      R"({"Set": {"-_": "/Process/Bus1/Device1/Fixed", "-value": "1"}})"},
     500,
     {R"(<Set><Error _="-2191"/></Set>)", R"({"Set": {"Error": {"-_": "-2191"}}})"}},
    {"Set to a value out of range -> 500 with Error -2190",
     {R"(<Set _="/Process/Bus1/Device1/Small" value="70000"/>)",
      R"({"Set": {"-_": "/Process/Bus1/Device1/Small", "-value": "70000"}})"},
     500,
     {R"(<Set><Error _="-2190"/></Set>)", R"({"Set": {"Error": {"-_": "-2190"}}})"}},
    {"Set without a value -> 500 with Error -2100",
     {R"(<Set _="/Process/PV/Level"/>)", R"({"Set": {"-_": "/Process/PV/Level"}})"},
     500,
     {R"(<Set><Error _="-2100"/></Set>)", R"({"Set": {"Error": {"-_": "-2100"}}})"}},
    {"several commands are answered in their order",
     {R"(<Set _="/Process/PV/Scratch" value="1"/><Get _="/Process/PV/Scratch"/>
         <Set _="/Process/PV/Scratch" value="2"/><Get _="/Process/PV/Scratch"/>)",
      R"([{"Set": {"-_": "/Process/PV/Scratch", "-value": "1"}},
          {"Get": {"-_": "/Process/PV/Scratch"}},
          {"Set": {"-_": "/Process/PV/Scratch", "-value": "2"}},
          {"Get": {"-_": "/Process/PV/Scratch"}}])"},
     0,
     // 1.2: in JSON siblings of one name are an array.
     {R"(<Set/><Get _="1"/><Set/><Get _="2"/>)",
      R"({"Set": [null, null], "Get": [{"-_": "1"}, {"-_": "2"}]})"}},
    {"a command that fails stops none behind it; the whole is 500",
     {R"(<Set _="/Process/PV/Scratch" value="3"/><Get _="/Processs/"/>
         <Set _="/Process/PV/Scratch" value="4"/>)",
      R"({"Set": [{"-_": "/Process/PV/Scratch", "-value": 3}],
          "Get": {"-_": "/Processs/"}})"},
     500,
     {R"(<Set/><Get><Error _="-2196"/></Get><Set/>)",
      R"({"Set": null, "Get": {"Error": {"-_": "-2196"}}})"}},
    {"and those around it were executed",
     {R"(<Get _="/Process/PV/Scratch"/><Set _="/Process/PV/Level" value="23.5"/>
         <Set _="/Process/PV/Scratch" value="0"/>)",
      R"([{"Get": {"-_": "/Process/PV/Scratch"}},
          {"Set": [{"-_": "/Process/PV/Level", "-value": 23.5},
                   {"-_": "/Process/PV/Scratch", "-value": 0}]}])"},
     0,
     {R"(<Get _="4"/><Set/><Set/>)", R"({"Get": {"-_": "3"}, "Set": [null, null]})"}},
};

const Case kConfig[] = {
    {"SetConfig of the USER database -> empty SetConfig",
     {R"(<!-- Here comes the TiXML command... -->
         <SetConfig _="USER" ver="y">
           <AccRights>
             <Groups>
               <Admin>
                 <LocalLogin AccLevel="1"/>
                 <CardLogin AccLevel="1"/>
                 <RemoteLogin AccLevel="1"/>
                 <EthernetLogin AccLevel="1"/>
               </Admin>
               <Webserver><WebServer AccLevel="20"/></Webserver>
             </Groups>
             <User _="Plain">
               <Def_LocalLogin Plain="" Group="Admin"/>
               <ADMIN Plain="s3cret" Group="Admin"/>
             </User>
           </AccRights>
         </SetConfig>)",
      R"({"SetConfig": [{"-_": "USER", "-ver": "y", "AccRights": {
            "Groups": {
              "Admin": {"LocalLogin": {"-AccLevel": 1}, "CardLogin": {"-AccLevel": 1},
                        "RemoteLogin": {"-AccLevel": 1}, "EthernetLogin": {"-AccLevel": 1}},
              "Webserver": {"WebServer": {"-AccLevel": 20}}},
            "User": {"-_": "Plain", "Def_LocalLogin": {"-Plain": "", "-Group": "Admin"},
                     "ADMIN": {"-Plain": "s3cret", "-Group": "Admin"}}}}]})"},
     0,
     {"<SetConfig/>", R"({"SetConfig": null})"}},
    {"GetConfig returns it with its secrets as ***",
     {R"(<GetConfig _="USER"/>)", R"({"GetConfig": {"-_": "USER"}})"},
     0,
     {R"(<GetConfig><USER><AccRights>
           <Groups>
             <Admin>
               <LocalLogin AccLevel="1"/>
               <CardLogin AccLevel="1"/>
               <RemoteLogin AccLevel="1"/>
               <EthernetLogin AccLevel="1"/>
             </Admin>
             <Webserver><WebServer AccLevel="20"/></Webserver>
           </Groups>
           <User _="Plain">
             <Def_LocalLogin Plain="" Group="Admin"/>
             <ADMIN Plain="***" Group="Admin"/>
           </User>
         </AccRights></USER></GetConfig>)",
      R"({"GetConfig": {"USER": {"AccRights": {
            "Groups": {
              "Admin": {"LocalLogin": {"-AccLevel": "1"}, "CardLogin": {"-AccLevel": "1"},
                        "RemoteLogin": {"-AccLevel": "1"}, "EthernetLogin": {"-AccLevel": "1"}},
              "Webserver": {"WebServer": {"-AccLevel": "20"}}},
            "User": {"-_": "Plain", "Def_LocalLogin": {"-Plain": "", "-Group": "Admin"},
                     "ADMIN": {"-Plain": "***", "-Group": "Admin"}}}}}})"}},
    {"SetConfig of any other database is stored",
     {R"(<SetConfig _="WHATEVER"><Some key="&#xb0;C"/><Some key="2"/></SetConfig>)",
      R"({"SetConfig": {"-_": "WHATEVER", "Some": [{"-key": "°C"}, {"-key": "2"}]}})"},
     0,
     {"<SetConfig/>", R"({"SetConfig": null})"}},
    {"and returned as it came",
     {R"(<GetConfig _="WHATEVER"/>)", R"({"GetConfig": {"-_": "WHATEVER"}})"},
     0,
     {R"(<GetConfig><WHATEVER><Some key="&#xb0;C"/><Some key="2"/></WHATEVER></GetConfig>)",
      R"({"GetConfig": {"WHATEVER": {"Some": [{"-key": "°C"}, {"-key": "2"}]}}})"}},
    {"GetConfig of an unknown database -> 500 with Error -2150",
     {R"(<GetConfig _="NOWHERE"/>)", R"({"GetConfig": {"-_": "NOWHERE"}})"},
     500,
     {R"(<GetConfig><Error _="-2150"/></GetConfig>)",
      R"({"GetConfig": {"Error": {"-_": "-2150"}}})"}},
    {"SetConfig without a database -> 500 with Error -2100",
     {R"(<SetConfig><CloudConn/></SetConfig>)", R"({"SetConfig": {"CloudConn": null}})"},
     500,
     {R"(<SetConfig><Error _="-2100"/></SetConfig>)",
      R"({"SetConfig": {"Error": {"-_": "-2100"}}})"}},
};

class CmdTest : public CaseTest {};

TEST_P(CmdTest, Get) { Check("get", kGet); }
TEST_P(CmdTest, ErrorsInTheirThreeForms) { Check("error", kErrors); }
TEST_P(CmdTest, SetAndSeveralCommands) { Check("set", kSet); }
TEST_P(CmdTest, Configuration) { Check("config", kConfig); }

TEST_P(CmdTest, AnOutputOfADeviceIsSwitchedAndARefusalIsTold) {
  const std::string where = absl::StrCat("4 cmd ", Name(GetParam()));
  const std::string wire = Name(GetParam());
  ModbusSimulator& device = gateway().harness().device(0);
  const auto set = [](int value) {
    return Statement{
        absl::StrCat(R"(<Set _="/Process/Bus1/Device1/Relay" value=")", value, R"("/>)"),
        absl::StrCat(R"({"Set": {"-_": "/Process/Bus1/Device1/Relay", "-value": )", value, "}}")};
  };
  {
    const Requirement requirement(where, "a Set switches an output of a bus device");
    EXPECT_THAT(gateway().Ask("cmd", GetParam(), "on-" + wire, set(1)),
                IsBody(GetParam(), ResultBody(GetParam(), "cmd", 0, "on-" + wire,
                                              {"<Set/>", R"({"Set": null})"})));
    EXPECT_TRUE(device.Coil(3));
  }
  {
    const Requirement requirement(where, "what the device refuses -> 500 with Error -2192");
    device.SetFault({.kind = ModbusFault::Kind::kException, .exception = 4});
    EXPECT_THAT(gateway().Ask("cmd", GetParam(), "refused-" + wire, set(0)),
                IsBody(GetParam(), ResultBody(GetParam(), "cmd", 500, "refused-" + wire,
                                              {R"(<Set><Error _="-2192"/></Set>)",
                                               R"({"Set": {"Error": {"-_": "-2192"}}})"})));
    device.Recover();
    EXPECT_TRUE(device.Coil(3));
  }
  gateway().Ask("cmd", GetParam(), "off-" + wire, set(0));
  EXPECT_FALSE(device.Coil(3));
  EXPECT_TRUE(Eventually(
      kPatience, [&] { return gateway().ValueOf("/Process/Bus1/Device1/DeviceState") == "1"; }));
}

TEST_P(CmdTest, CloudSendRealtimeDataInItsThreeForms) {
  const std::string wire = Name(GetParam());
  const std::string where = absl::StrCat("7.3 cmd ", wire);
  const Statement done = {"<CloudSendRealtimeData/>", R"({"CloudSendRealtimeData": null})"};
  const std::string first = Conversation::Topic("data");
  const std::string second = "customer-1/fp/gw-second/data";
  // Both connectors have sent everything once.
  gateway().tap().Await(first, 1);
  gateway().tap().Await(second, 0);
  const size_t first_before = gateway().tap().Count(first);
  const size_t second_before = gateway().tap().Count(second);

  const auto ask = [&](const std::string& id, const Statement& command) {
    EXPECT_THAT(gateway().Ask("cmd", GetParam(), id + wire, command),
                IsBody(GetParam(), ResultBody(GetParam(), "cmd", 0, id + wire, done)));
  };
  {
    const Requirement requirement(where, "without a parameter -> all sections of CloudConn");
    ask("all-", {"<CloudSendRealtimeData/>", R"({"CloudSendRealtimeData": null})"});
    EXPECT_THAT(gateway().tap().Await(first, first_before).body,
                IsBody(Wire::kTiXml, R"({<?xml version="1.0" encoding="UTF-8" ?>
                       <message_id _="{any}"/><timestamp _="{any}"/><controllers><Process_PV>
                       <sensors><Level _="23.5" state="2"/></sensors></Process_PV></controllers>})"));
    EXPECT_THAT(gateway().tap().Await(first, first_before + 1).body,
                IsBody(Wire::kTiXml, R"({<?xml version="1.0" encoding="UTF-8" ?>
                       <message_id _="{any}"/><timestamp _="{any}"/><controllers><Process_PV>
                       <sensors><Text _="hello" state="2"/></sensors></Process_PV></controllers>})"));
  }
  {
    const Requirement requirement(where, "CloudConn,Realtime3 -> that section");
    ask("section-", {R"(<CloudSendRealtimeData _="CloudConn,Realtime3"/>)",
                     R"({"CloudSendRealtimeData": {"-_": "CloudConn,Realtime3"}})"});
    EXPECT_THAT(gateway().tap().Await(first, first_before + 2).body,
                testing::HasSubstr("<Text _=\"hello\" state=\"2\"/>"));
  }
  {
    const Requirement requirement(where, "CloudConn2 -> all sections of that");
    ask("second-", {R"(<CloudSendRealtimeData _="CloudConn2"/>)",
                    R"({"CloudSendRealtimeData": {"-_": "CloudConn2"}})"});
    EXPECT_THAT(gateway().tap().Await(second, second_before).body,
                IsBody(Wire::kJson, R"({"message_id": {any}, "timestamp": {any}, "controllers": [
                       {"external_controller_id": "Process_Bus1_Device1", "sensors": [
                       {"external_sensor_id": "Small", "value": "0", "sensor_state": 1}]}]})"));
    // And nothing else was sent.
    EXPECT_EQ(gateway().tap().Count(first), first_before + 3);
    EXPECT_EQ(gateway().tap().Count(second), second_before + 1);
  }
}

// A `***` written back leaves the secret as it is: the connector still logs in.
TEST_P(CmdTest, AMaskedPasswordWrittenBackIsKept) {
  const std::string wire = Name(GetParam());
  const Requirement requirement("4 cmd " + wire, "*** written back leaves the secret as it is");
  const std::string read = gateway().Ask(
      "cmd", GetParam(), "masked-" + wire,
      {R"(<GetConfig _="ISP/CloudConn"/>)", R"({"GetConfig": {"-_": "ISP/CloudConn"}})"});
  EXPECT_THAT(read, testing::HasSubstr(GetParam() == Wire::kJson ? R"("password":{"-_":"***"})"
                                                                 : R"(<password _="***"/>)"));
  EXPECT_THAT(read, Not(testing::HasSubstr("wide-open-7")));

  const size_t inits = gateway().tap().Count(Conversation::Topic("gatewayInit"));
  const std::string keep_alive = absl::StrCat(100 + static_cast<int>(GetParam()));
  EXPECT_THAT(
      gateway().Ask("cmd", GetParam(), "back-" + wire,
                    {R"(<SetConfig _="ISP/CloudConn"><password _="***"/><MQTTKeepAlive _=")" +
                         keep_alive + R"("/></SetConfig>)",
                     R"({"SetConfig": {"-_": "ISP/CloudConn", "password": {"-_": "***"},
               "MQTTKeepAlive": {"-_": )" +
                         keep_alive + "}}}"}),
      IsBody(GetParam(), ResultBody(GetParam(), "cmd", 0, "back-" + wire,
                                    {"<SetConfig/>", R"({"SetConfig": null})"})));
  // A new connection, with the same password.
  gateway().tap().Await(Conversation::Topic("gatewayInit"), inits);
  gateway().AwaitRunning();
}

INSTANTIATE_TEST_SUITE_P(Formats, CmdTest, testing::ValuesIn(kWires),
                         [](const auto& info) { return Name(info.param); });

}  // namespace
}  // namespace fieldgate::system_test
