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
         "interfaces": {"Ethernet": "eth0", "MODEM": "wwan0", "VPN": "tun0"},
         "signal_led": "signal")");
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_EQ(device->serial_number(), "01234567");
  EXPECT_EQ(device->product_name(), "WT640");
  EXPECT_EQ(device->hardware_id(), "GM20");
  EXPECT_EQ(device->interfaces().at("MODEM"), "wwan0");
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
        Case{R"("serial_number": )", "device.json: no valid JSON"}}) {
    const auto device = Parse(c.members);
    EXPECT_EQ(device.status().code(), absl::StatusCode::kInvalidArgument) << c.members;
    EXPECT_THAT(std::string(device.status().message()), HasSubstr(c.message));
  }
}

TEST(DeviceIdentityTest, AnUnknownKeyIsAWarningWithTheNearestKnownOne) {
  const auto device = Parse(
      R"("serial_number": "01234567", "product_name": "W", "hardwareid": "x",
         "interfaces": {"Modem": "wwan0"})");
  ASSERT_TRUE(device.ok()) << device.status();
  EXPECT_THAT(warnings,
              ElementsAre("device.json: hardwareid is not known and has no effect; did you mean "
                          "hardware_id?",
                          "device.json: interfaces.Modem is not known and has no effect"));
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
