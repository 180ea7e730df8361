// PD-20, PD-21: what is in the system tree and what is not.
#include "services/process_data/system/system_entries.h"

#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/system_tree/paths.h"
#include "common/tixml/codec.h"
#include "common/tixml/node_proto.h"

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

config_store::v1::Device Device() {
  config_store::v1::Device device;
  device.set_serial_number("04600912");
  device.set_product_name("WT640");
  return device;
}

Modem ConnectedModem() {
  return {.state = "connected",
          .model = "ME909s-120",
          .revision = "11.617.09.00.00",
          .imei = "860000000000001",
          .imsi = "262011234567890",
          .sim_id = "89490200001234567890",
          .provider = "Telekom.de",
          .quality = "67",
          .rssi = "-65",
          .rsrp = "-94",
          .service = "LTE",
          .cell_id = "179328"};
}

// Those of a machine that has everything.
SystemValues Values() {
  SystemValues values;
  values.ram_size = 128294912;
  values.rom_size = 134217728;
  values.file_size = 100663296;
  values.interfaces["Ethernet"] = {.link = true, .address = "193.101.167.163"};
  values.log_counters = {{"JobReport", 0}, {"Event", 61}, {"Login", 1}, {"SupportLog", 35299}};
  values.modem = {ModemReport::Kind::kPresent, ConnectedModem()};
  return values;
}

std::string Tree(const config_store::v1::Device& device, const SystemValues& values,
                 const std::vector<ProcessImage::Reading>& process = {}) {
  return tixml::WriteElement(
      *tixml::FromProto(BuildSystemTree(SystemEntries(device, values), process)));
}

std::string ValueOf(const std::vector<SystemEntry>& entries, const std::string& path) {
  for (const SystemEntry& entry : entries) {
    if (entry.path == path) return entry.value.value_or("absent");
  }
  return "no such path";
}

TEST(SystemEntriesTest, FeaturesAreSeparatedAsInTheManual) {
  EXPECT_THAT(ValueOf(SystemEntries(Device(), Values()), "/FeatureList"),
              HasSubstr("Default,\r\nMQTT Client,\r\n"));
}

TEST(SystemEntriesTest, EveryPathIsOneThatConfigurationsMayName) {
  std::vector<absl::string_view> known;
  const std::vector<SystemEntry> entries = SystemEntries(Device(), Values());
  for (const SystemEntry& entry : entries) {
    if (entry.kind == SystemEntry::Kind::kValue || entry.kind == SystemEntry::Kind::kAlias) {
      EXPECT_TRUE(system_tree::IsValue(entry.path)) << entry.path;
    }
    const bool listed = entry.kind == SystemEntry::Kind::kValue &&
                        !absl::StartsWith(entry.path, system_tree::kModules);
    if (listed) known.push_back(entry.path);
  }
  EXPECT_THAT(known, testing::ElementsAreArray(system_tree::Values()));
  EXPECT_EQ(ValueOf(entries, "/GprsLinkState"), "1");
}

TEST(SystemEntriesTest, PathsDoNotDependOnWhatIsThere) {
  const std::vector<SystemEntry> some = SystemEntries(Device(), Values());
  const std::vector<SystemEntry> none = SystemEntries(Device(), {});
  ASSERT_EQ(some.size(), none.size());
  for (size_t i = 0; i < some.size(); ++i) EXPECT_EQ(some[i].path, none[i].path);
}

TEST(SystemEntriesTest, AbsentHardwareIsAnEmptyElement) {
  const std::string tree = Tree({}, {});
  for (const char* element :
       {"<RAM/>", "<ROM/>", "<FileSystem/>", "<EEProm/>", "<VPN/>", "<HTTPConn/>", "<CloudConn/>",
        "<CloudConn2/>", "<CloudConn3/>", "<IBMConn/>", "<PV/>", "<SM/>", "<FD/>", "<Ethernet/>",
        "<Ethernet2/>", "<WLAN/>", "<State _=\"no modem\"/>"}) {
    EXPECT_THAT(tree, HasSubstr(element));
  }
  EXPECT_THAT(tree, Not(HasSubstr("<IMEI")));
  EXPECT_THAT(tree, Not(HasSubstr("<GsmModule")));
}

TEST(SystemEntriesTest, WhatIsNotKnownOfPresentHardwareIsEmpty) {
  SystemValues values;
  values.interfaces["WLAN"] = {.mac = "00:11:22:33:44:55"};
  const std::string tree = Tree({}, values);
  EXPECT_THAT(tree, HasSubstr("<WLAN>\n    <Link _=\"\"/>\n    <LinkState _=\"0\"/>\n"
                              "    <AssignedIP _=\"\"/>\n"));
  EXPECT_THAT(tree, HasSubstr("<PowerOffTime _=\"\"/>"));
  EXPECT_THAT(tree, HasSubstr("<SupportLog _=\"\"/>"));
}

TEST(SystemEntriesTest, TheProductIsModem0UnlessAModuleIs) {
  config_store::v1::Device device;
  device.set_product_name("WT640");
  auto& module = *device.add_modules();
  module.set_name("C218");
  module.set_value("S1-AA2");
  EXPECT_EQ(ValueOf(SystemEntries(device, {}), "/Components"), "Modem0=WT640;C218=S1-AA2");
  EXPECT_EQ(ValueOf(SystemEntries(device, {}), "/Hardware/Modules/Modem0"), "WT640");
  EXPECT_EQ(ValueOf(SystemEntries(device, {}), "/PNP_String"), "WT640");
  EXPECT_EQ(ValueOf(SystemEntries(device, {}), "/LicenseRef/ProdName"), "WT640");
}

TEST(SystemEntriesTest, AModemTellsAllThatTheManualPromises) {
  const std::vector<SystemEntry> entries = SystemEntries(Device(), Values());
  for (const auto& [name, value] :
       {std::pair("State", "connected"), std::pair("IMEI", "860000000000001"),
        std::pair("IMSI", "262011234567890"), std::pair("SIMID", "89490200001234567890"),
        std::pair("Provider", "Telekom.de"), std::pair("Service", "LTE"),
        std::pair("Quality", "67"), std::pair("RSSI", "-65"), std::pair("RSRP", "-94"),
        std::pair("CELLID", "179328")}) {
    EXPECT_EQ(ValueOf(entries, absl::StrCat("/GSM/", name)), value);
  }
  EXPECT_EQ(ValueOf(entries, "/GPRSLinkState"), "1");
  EXPECT_EQ(ValueOf(entries, "/Hardware/Modules/GsmModule"), "ME909s-120");
  EXPECT_EQ(ValueOf(entries, "/Hardware/Modules/ModuleVer"), "11.617.09.00.00");
  EXPECT_EQ(ValueOf(entries, "/Components"),
            "Modem0=WT640;GsmModule=ME909s-120;ModuleVer=11.617.09.00.00");
}

TEST(SystemEntriesTest, ModulesThatDeviceJsonNamesAreNotTheModems) {
  config_store::v1::Device device;
  device.set_product_name("WT640");
  for (const auto& [name, value] :
       {std::pair("GsmModule", "as ordered"), std::pair("C218", "S1-AA2")}) {
    auto& module = *device.add_modules();
    module.set_name(name);
    module.set_value(value);
  }
  EXPECT_EQ(ValueOf(SystemEntries(device, Values()), "/Components"),
            "Modem0=WT640;GsmModule=as ordered;ModuleVer=11.617.09.00.00;C218=S1-AA2");
  EXPECT_EQ(SourcesAt(SystemEntries(device, Values()), "/Components"), kModemSource);
  auto& module = *device.add_modules();
  module.set_name("ModuleVer");
  module.set_value("1.0");
  EXPECT_EQ(ValueOf(SystemEntries(device, Values()), "/Components"),
            "Modem0=WT640;GsmModule=as ordered;C218=S1-AA2;ModuleVer=1.0");
  EXPECT_EQ(SourcesAt(SystemEntries(device, Values()), "/Components"), kFixed);
}

TEST(SystemEntriesTest, AModemThatNobodyManagesIsConnectedWithLinkAndAddress) {
  SystemValues values;
  const auto state = [&values] {
    const std::vector<SystemEntry> entries = SystemEntries({}, values);
    return absl::StrCat(ValueOf(entries, "/GSM/State"), " ", ValueOf(entries, "/GPRSLinkState"),
                        ValueOf(entries, "/GprsLinkState"));
  };
  EXPECT_EQ(state(), "no modem 00");
  values.modem.kind = ModemReport::Kind::kUnknown;
  EXPECT_EQ(state(), "unknown 00");
  values.interfaces["MODEM"] = {.link = true};
  EXPECT_EQ(state(), "not connected 00");
  values.interfaces["MODEM"].address = "10.0.0.1";
  EXPECT_EQ(state(), "connected 11");
  values.modem = {ModemReport::Kind::kPresent, {.state = "searching"}};
  EXPECT_EQ(state(), "searching 00");
}

TEST(SystemEntriesTest, AVpnIsConnectedWithLinkAndAddressAndAbsentWithoutAName) {
  config_store::v1::Device device;
  SystemValues values;
  const auto state = [&] {
    return ValueOf(SystemEntries(device, values), "/Process/VPN/ConnectionState");
  };
  EXPECT_EQ(state(), "absent");
  (*device.mutable_interfaces())["VPN"] = "tun0";
  EXPECT_EQ(state(), "0");
  values.interfaces["VPN"] = {.link = true};
  EXPECT_EQ(state(), "0");
  values.interfaces["VPN"].address = "10.8.0.2";
  EXPECT_EQ(state(), "1");
  values.interfaces["VPN"].link = false;
  EXPECT_EQ(state(), "0");
}

TEST(SystemEntriesTest, TheMainboardShowsCyclesInMillisecondsAndItsLoad) {
  SystemValues values;
  values.cpu_load = 91;
  values.polling = {.last_cycle = absl::Milliseconds(12),
                    .longest_cycle = absl::Milliseconds(142),
                    .first_cycle = true,
                    .ethernet = true};
  values.signal_led = "255";
  const std::vector<SystemEntry> entries = SystemEntries({}, values);
  EXPECT_EQ(ValueOf(entries, "/Process/MB/CPULoad"), "91");
  EXPECT_EQ(ValueOf(entries, "/Process/MB/CycleTime"), "12");
  EXPECT_EQ(ValueOf(entries, "/Process/MB/MaxCycleTime"), "142");
  EXPECT_EQ(ValueOf(entries, "/Process/MB/FirstCycle"), "1");
  EXPECT_EQ(ValueOf(entries, "/Process/MB/SignalLED"), "absent");
  EXPECT_EQ(ValueOf(entries, "/EEProm/LED0"), "absent");
  EXPECT_EQ(ValueOf(entries, "/Process/ETHPollActive"), "1");
  for (const char* serial : {"COM1", "COM2", "COM3", "COM4"}) {
    EXPECT_EQ(ValueOf(entries, absl::StrCat("/Process/", serial, "PollActive")), "0");
  }
}

TEST(SystemEntriesTest, ASignalLedIsOnTheMainboardAndInTheEEProm) {
  config_store::v1::Device device;
  device.mutable_signal_led()->set_green("/sys/class/leds/signal");
  SystemValues values;
  values.signal_led = "255";
  EXPECT_EQ(ValueOf(SystemEntries(device, values), "/Process/MB/SignalLED"), "255");
  EXPECT_EQ(ValueOf(SystemEntries(device, values), "/EEProm/LED0"), "255");
  config_store::v1::Device red_only;
  red_only.mutable_signal_led()->set_red("/sys/class/leds/red");
  values.signal_led = "9";
  EXPECT_EQ(ValueOf(SystemEntries(red_only, values), "/Process/MB/SignalLED"), "9");
}

TEST(SystemEntriesTest, TheProcessHasBusesThenConnectionsReportsVariablesAndTheRest) {
  using Owner = ProcessImage::Reading::Owner;
  const std::vector<ProcessImage::Reading> readings = {
      {"/Process/Bus1/D/P", "1", Owner::kDevice},
      {"/Process/CloudConn2/ConnectionState", "1", Owner::kReport},
      {"/Process/Other/A", "1", Owner::kReport},
      {"/Process/Program/Mode", "Run"},
      {"/Process/VPN/ConnectionState", ""},
      {"/Process/MB/SignalLED", ""},
      {"/Process/MB/CPULoad", "1"},
      {"/Process/ETHPollActive", "0"},
  };
  const auto names = [](const tixml::v1::Node& node) {
    std::vector<std::string> all;
    for (const auto& child : node.children()) all.push_back(child.name());
    return all;
  };
  const std::vector<SystemEntry> entries = SystemEntries(Device(), {});
  const tixml::v1::Node process = BuildProcessTree("/Process", entries, readings);
  EXPECT_THAT(names(process),
              ElementsAre("Bus1", "VPN", "HTTPConn", "CloudConn", "CloudConn2", "CloudConn3",
                          "IBMConn", "Other", "PV", "Program", "MB", "ETHPollActive"));
  EXPECT_THAT(names(process.children(1)), IsEmpty());
  EXPECT_THAT(names(process.children(10)), ElementsAre("CPULoad"));
  // The system's element is the same.
  const tixml::v1::Node system = BuildSystemTree(entries, readings);
  for (const auto& child : system.children()) {
    if (child.name() == "Process") {
      EXPECT_EQ(child.SerializeAsString(), process.SerializeAsString());
    }
  }
}

TEST(SystemEntriesTest, AnAbsentValueItselfIsAnEmptyText) {
  const tixml::v1::Node value =
      BuildProcessTree("/Process/VPN/ConnectionState", SystemEntries(Device(), {}),
                       {{"/Process/VPN/ConnectionState", ""}});
  EXPECT_EQ(value.name(), "ConnectionState");
  ASSERT_EQ(value.attributes_size(), 1);
  EXPECT_EQ(value.attributes(0).value(), "");
}

TEST(SystemEntriesTest, APathNeedsOnlyItsOwnSources) {
  const std::vector<SystemEntry> entries = SystemEntries(Device(), Values());
  EXPECT_EQ(SourcesAt(entries, ""), kAllSources);
  EXPECT_EQ(SourcesAt(entries, "/TIMES"), kTimes);
  EXPECT_EQ(SourcesAt(entries, "/Hardware"), kMemory | kStorage | kModemSource);
  EXPECT_EQ(SourcesAt(entries, "/Hardware/RAM"), kMemory);
  EXPECT_EQ(SourcesAt(entries, "/GSM"), kNetwork | kModemSource);
  EXPECT_EQ(SourcesAt(entries, "/GPRSLinkState"), kNetwork | kModemSource);
  EXPECT_EQ(SourcesAt(entries, "/Ethernet"), kNetwork);
  EXPECT_EQ(SourcesAt(entries, "/SerialNo"), kFixed);
  EXPECT_EQ(SourcesAt(entries, "/Process"), kMainboardSource | kNetwork);
  EXPECT_EQ(SourcesAt(entries, "/Process/VPN"), kNetwork);
  EXPECT_EQ(SourcesAt(entries, "/Process/Bus1"), kFixed);
}

}  // namespace
}  // namespace fieldgate::process_data
