// PD-20: the system tree, as the example of the manual's section 5 has it.
#include "services/process_data/system/system_entries.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/system_tree/paths.h"
#include "common/testing/process.h"
#include "common/tixml/codec.h"
#include "common/tixml/node_proto.h"

namespace fieldgate::process_data {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// The device of the example.
config_store::v1::Device Device() {
  config_store::v1::Device device;
  device.set_serial_number("04600912");
  device.set_product_name("WT640");
  device.set_hardware_id("GM20-S1F2K-120");
  device.set_firmware_date("2019-04-17 09:17:34");
  device.set_uboot("2010.06-svn801 (Dec 07 2013 - 11:56:40)");
  for (const auto& [name, value] :
       {std::pair("RTC", "RTC8564"), std::pair("Modem0", "WT640"), std::pair("C218", "S1-AA2")}) {
    auto& module = *device.add_modules();
    module.set_name(name);
    module.set_value(value);
  }
  for (const auto& [name, value] :
       {std::pair("HW_Rev", "BEG653-SC-V11_D6-D40-50-V31"), std::pair("Oem", "FP InovoLabs GmbH"),
        std::pair("OName", "WT640"), std::pair("PClass", "Wand.Box WT640"),
        std::pair("LicenseID", "000100"), std::pair("ProductID", "3030"),
        std::pair("UDID", "Tixi.com GM20-S1F2K-120 70426-04600912")}) {
    (*device.mutable_license())[name] = value;
  }
  return device;
}

SystemValues Values() {
  SystemValues values;
  values.ram_size = 128294912;
  values.ram_free = 40030208;
  values.rom_size = 134217728;
  values.file_size = 100663296;
  values.file_free = 89587712;
  values.file_system_type = "ubifs";
  values.system_info = "Linux AT91SAM9 2.6.39 armv5tejl GNU/Linux\n";
  values.interfaces["Ethernet"] = {.link = true,
                                   .speed = "100",
                                   .address = "193.101.167.163",
                                   .netmask = "255.255.255.128",
                                   .mac = "00:11:E8:5B:B1:20",
                                   .gateway = "193.101.167.193",
                                   .dns = "193.101.167.2"};
  values.zone = absl::FixedTimeZone(3600);
  values.now = absl::FromUnixSeconds(1558077029);
  values.power_on = absl::FromCivil(absl::CivilSecond(2019, 4, 26, 11, 9, 36), values.zone);
  values.power_off = absl::FromCivil(absl::CivilSecond(2019, 4, 26, 11, 1, 16), values.zone);
  values.support_log = 35299;
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

TEST(SystemEntriesTest, TheTreeIsInTheOrderOfTheManualsExample) {
  std::ifstream file(RunfilePath("fieldgate/services/process_data/system/testdata/system_5.tixml"));
  std::stringstream golden;
  golden << file.rdbuf();
  std::string tree = Tree(Device(), Values(),
                          {{"/Process/PV/TEMP_OFFICE", "23"},
                           {"/Process/Program/Mode", "Run"},
                           {"/Process/MB/CPULoad", "91"}});
  // What is this program's own.
  for (const auto& [path, name] :
       {std::pair("/Firmware/Version", "VERSION"), std::pair("/FeatureList", "FEATURES")}) {
    std::string text;
    tixml::AppendXmlEscaped(ValueOf(SystemEntries(Device(), Values()), path), text);
    const std::string attribute = absl::StrCat("\"", text, "\"");
    ASSERT_NE(tree.find(attribute), std::string::npos) << attribute;
    tree.replace(tree.find(attribute), attribute.size(), absl::StrCat("\"", name, "\""));
  }
  EXPECT_EQ(tree, golden.str());
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
  EXPECT_EQ(ValueOf(entries, "/GprsLinkState"), "0");
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
       {"<RAM/>", "<ROM/>", "<FileSystem/>", "<EEProm/>", "<Process/>", "<LogCounter/>", "<SM/>",
        "<FD/>", "<Ethernet/>", "<Ethernet2/>", "<WLAN/>", "<State _=\"no modem\"/>"}) {
    EXPECT_THAT(tree, HasSubstr(element));
  }
}

TEST(SystemEntriesTest, WhatIsNotKnownOfPresentHardwareIsEmpty) {
  SystemValues values;
  values.interfaces["WLAN"] = {.mac = "00:11:22:33:44:55"};
  const std::string tree = Tree({}, values);
  EXPECT_THAT(tree, HasSubstr("<WLAN>\n    <Link _=\"\"/>\n    <LinkState _=\"0\"/>\n"
                              "    <AssignedIP _=\"\"/>\n"));
  EXPECT_THAT(tree, HasSubstr("<PowerOffTime _=\"\"/>"));
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

TEST(SystemEntriesTest, AModemIsConnectedWithLinkAndAddress) {
  SystemValues values;
  const auto state = [&values] {
    const std::vector<SystemEntry> entries = SystemEntries({}, values);
    return absl::StrCat(ValueOf(entries, "/GSM/State"), " ", ValueOf(entries, "/GPRSLinkState"),
                        ValueOf(entries, "/GprsLinkState"));
  };
  EXPECT_EQ(state(), "no modem 00");
  values.interfaces["MODEM"] = {.link = true};
  EXPECT_EQ(state(), "not connected 00");
  values.interfaces["MODEM"].address = "10.0.0.1";
  EXPECT_EQ(state(), "connected 11");
}

TEST(SystemEntriesTest, TheMainboardShowsCyclesInMillisecondsAndItsLoad) {
  SystemValues values;
  values.cpu_load = 91;
  values.cycle = absl::Milliseconds(12);
  values.longest_cycle = absl::Milliseconds(142);
  const std::vector<SystemEntry> entries = SystemEntries({}, values);
  EXPECT_EQ(ValueOf(entries, "/Process/MB/CPULoad"), "91");
  EXPECT_EQ(ValueOf(entries, "/Process/MB/CycleTime"), "12");
  EXPECT_EQ(ValueOf(entries, "/Process/MB/MaxCycleTime"), "142");
  EXPECT_EQ(ValueOf(entries, "/Process/MB/SignalLED"), "absent");
  config_store::v1::Device red_only;
  red_only.mutable_signal_led()->set_red("/sys/class/leds/red");
  values.signal_led = "9";
  EXPECT_EQ(ValueOf(SystemEntries(red_only, values), "/Process/MB/SignalLED"), "9");
}

TEST(SystemEntriesTest, APathNeedsOnlyItsOwnSources) {
  const std::vector<SystemEntry> entries = SystemEntries(Device(), Values());
  EXPECT_EQ(SourcesAt(entries, ""), kAllSources);
  EXPECT_EQ(SourcesAt(entries, "/TIMES"), kTimes);
  EXPECT_EQ(SourcesAt(entries, "/Hardware"), kMemory | kStorage);
  EXPECT_EQ(SourcesAt(entries, "/SerialNo"), kFixed);
  EXPECT_EQ(SourcesAt(entries, "/Process"), kMainboardSource);
  EXPECT_EQ(SourcesAt(entries, "/Process/Bus1"), kFixed);
}

}  // namespace
}  // namespace fieldgate::process_data
