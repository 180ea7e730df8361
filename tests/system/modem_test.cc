// The modem (manual 5): from the message bus to the portal and the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "common/testing/dbus_daemon.h"
#include "tests/simulators/modem_manager/modem_manager_simulator.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kSystemPoints[] = R"(    <RTSendTime3 _="1"/>
    <Realtime3>
      <Modem _="/GSM/State" meta_type="custom"/>
      <Serial _="/SerialNo" meta_type="custom"/>
      <Link _="/GprsLinkState" meta_type="custom"/>
      <Vpn _="/Process/VPN/ConnectionState" meta_type="custom"/>
    </Realtime3>
)";

TEST(ModemTest, IsInTheTreeAndAmongThePortalsData) {
  DBusDaemon bus;
  ASSERT_TRUE(bus.Start().ok());
  ASSERT_EQ(setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address().c_str(), 1), 0);
  const auto manager = ModemManagerSimulator::Start(bus.address());
  ASSERT_TRUE(manager.ok()) << manager.status();
  (*manager)->Show({{.state = 8}});
  GatewayHarness harness({.cloud = {.more = kSystemPoints}});
  harness.StartGateway();
  ASSERT_THAT(harness.WaitUntilComplete(1), IsEmpty());
  const auto arrives = [&](const char* controller, const char* sensor, const char* value) {
    return Eventually(kPatience, [&] {
      const portal::SensorStats stats = harness.Sensor(controller, sensor);
      return stats.value == value && stats.state == 2;
    });
  };
  EXPECT_TRUE(arrives("GSM", "State", "registered"));
  EXPECT_TRUE(arrives("Get", "SerialNo", kSerialNumber));
  EXPECT_TRUE(arrives("Get", "GprsLinkState", "0"));
  EXPECT_TRUE(arrives("Process_VPN", "ConnectionState", ""));

  (*manager)->Show({{.state = 11}});
  EXPECT_TRUE(arrives("GSM", "State", "connected"));
  EXPECT_TRUE(arrives("Get", "GprsLinkState", "1"));
  EXPECT_THAT(
      harness.Run("tixml", {"[<Get/>]"}).output,
      AllOf(HasSubstr("<SYSTEM>"), HasSubstr("<State _=\"connected\"/>"),
            HasSubstr("<IMEI _=\"860000000000001\"/>"), HasSubstr("<GsmModule _=\"ME909s-120\"/>"),
            HasSubstr("<GPRSLinkState _=\"1\"/>"), HasSubstr("<VPN/>")));
}

}  // namespace
}  // namespace fieldgate::system_test
