// CS-90: device.json.
#include "services/config_store/device_identity.h"

#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::config_store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> warnings;

absl::StatusOr<v1::Device> Parse(absl::string_view members) {
  warnings.clear();
  return ParseDeviceIdentity(absl::StrCat("{", members, "}"), "device.json", warnings);
}

TEST(DeviceIdentityTest, AllKeysAreTaken) {
  const auto device = Parse(
      R"("serial_number": "01234567", "product_name": "WT640", "hardware_id": "GM20",
         "interfaces": {"Ethernet": "eth0", "Ethernet2": "eth1", "WLAN": "wlan0",
                        "MODEM": "wwan0", "VPN": "tun0"},
         "signal_led": "signal", "uboot": "2010.06", "firmware_date": "2026-11-23 10:00:00",
         "modules": {"RTC": "RTC8564", "Modem0": "WT640", "COM1": "RS232"},
         "license": {"HW_Rev": "V31", "Oem": "FP"})");
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_EQ(device->serial_number(), "01234567");
  EXPECT_EQ(device->product_name(), "WT640");
  EXPECT_EQ(device->hardware_id(), "GM20");
  EXPECT_EQ(device->interfaces().at("MODEM"), "wwan0");
  EXPECT_EQ(device->interfaces().at("WLAN"), "wlan0");
  EXPECT_EQ(device->signal_led().green(), "/sys/class/leds/signal");
  EXPECT_EQ(device->uboot(), "2010.06");
  EXPECT_EQ(device->firmware_date(), "2026-11-23 10:00:00");
  EXPECT_EQ(device->license().at("HW_Rev"), "V31");
  std::vector<std::string> modules;
  for (const auto& module : device->modules()) {
    modules.push_back(absl::StrCat(module.name(), "=", module.value()));
  }
  EXPECT_THAT(modules, ElementsAre("RTC=RTC8564", "Modem0=WT640", "COM1=RS232"));
  EXPECT_THAT(warnings, IsEmpty());
}

TEST(DeviceIdentityTest, EachErrorNamesFileKeyValueAndRemedy) {
  const std::string product = R"(, "product_name": "WT640")";
  struct Case {
    std::string members;
    const char* message;
  };
  for (const Case& c :
       {Case{R"("serial_number": "1234567")" + product,
             "device.json: serial_number '1234567' is wrong: write 8 digits, such as"},
        Case{R"("serial_number": "0123456x")" + product, "serial_number '0123456x' is wrong"},
        Case{R"("serial_number": 12345678)" + product,
             "device.json: serial_number is not a text: write it in quotes"},
        Case{R"("product_name": "WT640")", "device.json: serial_number is missing"},
        Case{R"("serial_number": "01234567")", "device.json: product_name is missing"},
        Case{R"("serial_number": "01234567", "product_name": "")",
             "device.json: product_name '' is wrong: write 1 to 64 ASCII characters"},
        Case{R"("interfaces": ["eth0"])", "device.json: interfaces is no object: write"},
        Case{R"("interfaces": {"VPN": "a/b"})",
             "device.json: interfaces.VPN is no network interface: write its name in quotes"},
        Case{R"("signal_led": "")", "device.json: signal_led '' is no LED: write its name in"},
        Case{R"("signal_led": 3)", "device.json: signal_led '' is no LED: write its name in"},
        Case{R"("signal_led": "..")", "device.json: signal_led '..' is no LED"},
        Case{R"("signal_led": "/a\u0007")", "is no LED"},
        Case{R"("signal_led": {"red": "a/b"})", "device.json: signal_led.red 'a/b' is no LED"},
        Case{R"("signal_led": {"green": 1})", "device.json: signal_led.green '' is no LED"},
        Case{R"("signal_led": {})", "device.json: signal_led names no LED: write {\"red\""},
        Case{R"("signal_led": {"red": "a", "green": "/sys/class/leds/a"})",
             "device.json: signal_led: red and green are both /sys/class/leds/a: write the name"},
        Case{R"("modules": [])", "device.json: modules is no object of at most 100 modules: write"},
        Case{R"("modules": {"A/B": "x"})", "device.json: modules.A/B is no name of a module"},
        Case{R"("modules": {"-A": "x"})", "device.json: modules.-A is no name of a module"},
        Case{R"("modules": {"": "x"})", "device.json: modules. is no name of a module"},
        Case{R"("modules": {"A": 1})", "device.json: modules.A is wrong: write a text"},
        Case{R"("modules": {"A": "x\ny"})", "device.json: modules.A is wrong: write a text"},
        Case{R"("license": "x")", "device.json: license is no object: write"},
        Case{R"("license": {"Oem": null})", "device.json: license.Oem is wrong: write a text"},
        Case{R"("uboot": "a\u0007")", "device.json: uboot is wrong: write a text of at most 200"},
        Case{R"("hardware_id": "a\u0007")", "device.json: hardware_id is wrong: write a text"},
        Case{R"("signal_led": "../x")", "device.json: signal_led '../x' is no LED: write its"},
        Case{R"("serial_number": )", "device.json: no valid JSON"}}) {
    const auto device = Parse(c.members);
    EXPECT_EQ(device.status().code(), absl::StatusCode::kInvalidArgument) << c.members;
    EXPECT_THAT(std::string(device.status().message()), HasSubstr(c.message));
  }
}

TEST(DeviceIdentityTest, TheSignalLedIsOneOrTwoByNameOrPath) {
  const auto led = [](absl::string_view value) {
    const auto device = Parse(
        absl::StrCat(R"("serial_number": "01234567", "product_name": "W", "signal_led": )", value));
    EXPECT_TRUE(device.ok()) << device.status();
    return device.ok() ? device->signal_led() : v1::SignalLed();
  };
  EXPECT_EQ(led(R"("box:signal")").green(), "/sys/class/leds/box:signal");
  EXPECT_EQ(led(R"("box:signal")").red(), "");
  EXPECT_EQ(led(R"("/run/leds/signal")").green(), "/run/leds/signal");
  EXPECT_EQ(led(R"({"red": "box:red", "green": "/run/green"})").red(), "/sys/class/leds/box:red");
  EXPECT_EQ(led(R"({"red": "box:red", "green": "/run/green"})").green(), "/run/green");
  EXPECT_EQ(led(R"({"red": "box:red"})").red(), "/sys/class/leds/box:red");
  EXPECT_EQ(led(R"({"red": "box:red"})").green(), "");
  EXPECT_THAT(warnings, IsEmpty());
  led(R"({"red": "a", "grean": "b"})");
  EXPECT_THAT(warnings, ElementsAre("device.json: signal_led.grean is not known and has no effect; "
                                    "did you mean green?"));
}

TEST(DeviceIdentityTest, AnUnknownKeyIsAWarningWithTheNearestKnownOne) {
  const auto device = Parse(
      R"("serial_number": "01234567", "product_name": "W", "hardwareid": "x",
         "interfaces": {"Modem": "wwan0"}, "license": {"OEM": "x"})");
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_THAT(warnings,
              ElementsAre("device.json: hardwareid is not known and has no effect; did you mean "
                          "hardware_id?",
                          "device.json: interfaces.Modem is not known and has no effect",
                          HasSubstr("license.OEM is not known and has no effect")));
}

TEST(DeviceIdentityTest, AMissingFileIsNotFoundAndNamed) {
  const absl::Status status = ReadDeviceIdentity("/nowhere/device.json").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nowhere/device.json"));
}

TEST(DeviceIdentityTest, AFileIsRead) {
  const std::string file = absl::StrCat(getenv("TEST_TMPDIR"), "/device.json");
  std::ofstream(file) << R"({"serial_number": "01234567", "product_name": "W"})";
  EXPECT_TRUE(ReadDeviceIdentity(file).ok());
}

}  // namespace
}  // namespace fieldgate::config_store
