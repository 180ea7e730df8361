// A hung or dead device stays where it is: neither MQTT nor another bus waits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class BusFaultTest : public testing::Test {
 protected:
  BusFaultTest() : harness_({.modbus_devices = 2}) {
    harness_.StartGateway();
    EXPECT_THAT(harness_.WaitUntilComplete(2), IsEmpty());
  }

  portal::SensorStats Sensor(absl::string_view controller) {
    return harness_.Sensor(controller, "P0");
  }
  std::string DeviceState(const std::string& bus) {
    return harness_.Run("tixml", {"[<Get _=\"/Process/" + bus + "/Dev/DeviceState\"/>]"}).output;
  }

  GatewayHarness harness_;
};

TEST_F(BusFaultTest, AHungDeviceDelaysNeitherMqttNorAnotherBus) {
  harness_.device(0).Hang();
  ASSERT_TRUE(Eventually(kPatience, [&] { return Sensor("Process_Field1_Dev").state == 0; }));
  EXPECT_THAT(DeviceState("Field1"), HasSubstr("\"0\""));

  // Each message has all points of the section, so the other bus keeps pace
  // with the messages, and stays valid.
  const portal::SensorStats before = Sensor("Process_Field2_Dev");
  const absl::Time start = absl::Now();
  ASSERT_TRUE(harness_.MoreMessages(5));
  const absl::Duration took = absl::Now() - start;
  const portal::SensorStats after = Sensor("Process_Field2_Dev");
  EXPECT_EQ(after.received_valid - before.received_valid, after.received - before.received);
  EXPECT_EQ(Sensor("Process_Field1_Dev").state, 0);
  // Five messages at a cadence of a second; a device that hangs for ever would
  // take much more.
  EXPECT_LT(took, Scaled(absl::Seconds(15)));
  EXPECT_THAT(DeviceState("Field2"), HasSubstr("\"1\""));

  harness_.device(0).Recover();
  EXPECT_TRUE(Eventually(kPatience, [&] { return Sensor("Process_Field1_Dev").state == 1; }));
  EXPECT_THAT(DeviceState("Field1"), HasSubstr("\"1\""));
  EXPECT_THAT(harness_.WaitUntilComplete(1), IsEmpty());
}

TEST_F(BusFaultTest, AFailedDeviceIsInTheStatus) {
  harness_.device(0).Hang();
  EXPECT_TRUE(Eventually(kPatience, [&] { return !harness_.Status().devices_ok; }));
  EXPECT_THAT(harness_.Run("status").output, HasSubstr("timeout"));
}

TEST_F(BusFaultTest, ANewValueOfTheDeviceArrivesAtThePortal) {
  harness_.device(0).SetHoldingRegister(0, 4711);
  EXPECT_TRUE(Eventually(kPatience, [&] { return Sensor("Process_Field1_Dev").value == "4711"; }));
}

TEST_F(BusFaultTest, ASetReachesTheDevice) {
  const Outcome set = harness_.Run("tixml", {"[<Set _=\"/Process/Field1/Dev/P0\" value=\"17\"/>]"});
  EXPECT_EQ(set.exit_status, 0) << set.output;
  EXPECT_EQ(harness_.device(0).HoldingRegister(0), 17);
}

}  // namespace
}  // namespace fieldgate::system_test
