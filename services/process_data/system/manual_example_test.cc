// PD-20: the system tree element by element against the example of the manual's
// section 5, in both of its formats (testdata/system_5.*: the manual's text,
// with lines joined that its print breaks).
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/testing/process.h"
#include "common/tixml/codec.h"
#include "common/tixml/node_proto.h"
#include "services/process_data/system/system_entries.h"

namespace fieldgate::process_data {
namespace {

using ::testing::IsEmpty;
using tixml::Node;

// Hardware that there are no drivers for, and what no part of this firmware
// knows: see the table in the README.
const std::set<std::string> kLeftOut = {
    "/Process/OneWire",       "/Process/MB/IO",
    "/Process/MB/PollButton", "/Process/MB/ModemOffHook",
    "/Process/MB/Mount",      "/Process/MB/TixmlQueue",
    "/Process/SysIO",         "/Process/C218",
    "/Process/C318",          "/Process/C21a",
    "/Process/C31a",          "/Process/C440",
    "/Process/C540",          "/Process/C640",
};
// What section 5 promises, and its example has not.
const std::set<std::string> kAdded = {
    "/GSM/IMEI",    "/GSM/IMSI", "/GSM/SIMID", "/GSM/Provider", "/GSM/Service",
    "/GSM/Quality", "/GSM/RSSI", "/GSM/RSRP",  "/GSM/CELLID",
};
// Where the example's device differs.
const std::set<std::string> kOtherValue = {
    "/Firmware/Version", "/FeatureList",  // this firmware's own
    "/Hardware/FileSystem/Type",          // a name instead of a number
};

// The device of the example.
config_store::v1::Device Device() {
  config_store::v1::Device device;
  device.set_serial_number("04600912");
  device.set_product_name("WT640");
  device.set_hardware_id("GM20-S1F2K-120");
  device.set_firmware_date("2019-04-17 09:17:34");
  device.set_uboot("2010.06-svn801 (Dec 07 2013 - 11:56:40) ");
  // Its GsmModule and ModuleVer are the modem's.
  for (const auto& [name, value] :
       {std::pair("RTC", "RTC8564"), std::pair("Modem0", "WT640"),
        std::pair("FlashOnboard", "128MB"), std::pair("COM1", "RS232"), std::pair("COM2", "RS485"),
        std::pair("COM3", "MBus"), std::pair("ETH1", "ETH1"),
        std::pair("MainBoardDigital", "GP22D-I/O"), std::pair("C218", "S1-AA2"),
        std::pair("C318", "S1-AA2"), std::pair("C21a", "S1-AA2"), std::pair("C31a", "S1-AA2"),
        std::pair("C440", "S1-D30G"), std::pair("C540", "S1-WL2"), std::pair("C640", "S1-D30G")}) {
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
  device.mutable_signal_led()->set_green("/sys/class/leds/signal");
  (*device.mutable_interfaces())["VPN"] = "tun0";
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
  values.system_info =
      "Linux AT91SAM9 2.6.39 #24072547 Rev. 3915 PREEMPT Thu Oct 25 2018 11:40 armv5tejl "
      "GNU/Linux\n";
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
  values.log_counters = {{"JobReport", 0}, {"Event", 61}, {"Login", 1}, {"SupportLog", 35299}};
  values.cpu_load = 91;
  values.polling.last_cycle = absl::Milliseconds(1);
  values.polling.longest_cycle = absl::Milliseconds(142);
  values.signal_led = "9";
  values.modem = {
      ModemReport::Kind::kPresent,
      {.state = "missing SIM Card", .model = "Huawei ME909s-120", .revision = "11.617.09.00.00"}};
  return values;
}

Node Example(const std::string& format) {
  std::ifstream file(RunfilePath(
      absl::StrCat("fieldgate/services/process_data/system/testdata/system_5.", format)));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto document = tixml::Parse(text);
  EXPECT_TRUE(document.ok()) << document.status();
  return document.ok() && document->nodes.size() == 1 ? document->nodes[0] : Node();
}

// What the process image has besides the device's own values.
std::vector<ProcessImage::Reading> Readings(const Node& example,
                                            const std::vector<SystemEntry>& entries) {
  using Owner = ProcessImage::Reading::Owner;
  std::vector<ProcessImage::Reading> readings;
  const Node& process = *example.Child("Process");
  const auto add = [&](const char* branch, Owner owner) {
    for (const Node& value : process.Child(branch)->children) {
      readings.push_back(
          {absl::StrCat("/Process/", branch, "/", value.name), *value.Find("_"), owner});
    }
  };
  add("CloudConn", Owner::kReport);
  add("PV", Owner::kSelf);
  add("Program", Owner::kSelf);
  for (const SystemEntry& entry : entries) {
    if (entry.kind != SystemEntry::Kind::kProcess) continue;
    readings.push_back({entry.path, entry.value.value_or(""), Owner::kSelf});
  }
  return readings;
}

std::vector<std::string> Names(const Node& node, const std::string& path,
                               const std::set<std::string>& left_out) {
  std::vector<std::string> names;
  for (const Node& child : node.children) {
    if (left_out.count(absl::StrCat(path, "/", child.name)) == 0) names.push_back(child.name);
  }
  return names;
}

void Compare(const Node& manual, const Node& ours, const std::string& path) {
  EXPECT_EQ(Names(manual, path, kLeftOut), Names(ours, path, kAdded)) << path;
  const std::string* const expected = manual.Find("_");
  const std::string* const value = ours.Find("_");
  ASSERT_EQ(expected == nullptr, value == nullptr) << path;
  if (value != nullptr && kOtherValue.count(path) == 0) {
    EXPECT_EQ(*value, *expected) << path;
  }
  for (const Node& child : manual.children) {
    const Node* const other = ours.Child(child.name);
    if (other != nullptr) Compare(child, *other, absl::StrCat(path, "/", child.name));
  }
}

class ManualExampleTest : public testing::TestWithParam<const char*> {};

TEST_P(ManualExampleTest, TheDeviceOfTheExampleHasItsTree) {
  const Node example = Example(GetParam());
  ASSERT_EQ(example.name, "SYSTEM");
  const std::vector<SystemEntry> entries = SystemEntries(Device(), Values());
  const Node system = *tixml::FromProto(BuildSystemTree(entries, Readings(example, entries)));
  Compare(example, system, "");

  // What is left out and added is neither less nor more than said.
  for (const std::string& path : kLeftOut) {
    const auto is_given = [&](const SystemEntry& entry) { return entry.path == path; };
    EXPECT_TRUE(std::none_of(entries.begin(), entries.end(), is_given)) << path;
  }
  for (const std::string& path : kAdded) {
    const auto is_given = [&](const SystemEntry& entry) { return entry.path == path; };
    EXPECT_TRUE(std::any_of(entries.begin(), entries.end(), is_given)) << path;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, ManualExampleTest, testing::Values("tixml", "json"),
                         [](const auto& info) { return std::string(info.param); });

// Written and read again, in both formats, nothing is lost or moved.
TEST(ManualExampleWritingTest, BothFormatsSayTheSame) {
  const std::vector<SystemEntry> entries = SystemEntries(Device(), Values());
  const Node system =
      *tixml::FromProto(BuildSystemTree(entries, Readings(Example("tixml"), entries)));
  for (const tixml::Format format : {tixml::Format::kTiXml, tixml::Format::kJson}) {
    const auto read = tixml::Parse(tixml::WriteFramed(format, {system}));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->format, format);
    EXPECT_THAT(read->nodes, testing::ElementsAre(system));
  }
}

}  // namespace
}  // namespace fieldgate::process_data
