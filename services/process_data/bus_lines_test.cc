#include "services/process_data/bus_lines.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "common/testing/process.h"
#include "services/process_data/bus/fake_bus.h"

namespace fieldgate::process_data {
namespace {

using config_store::v1::Bus;
using config_store::v1::BusDevice;
using config_store::v1::BusPoint;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr absl::Duration kPatience = absl::Seconds(30);

BusDevice Device(const std::string& name, const std::string& host, uint32_t unit = 1) {
  BusDevice device;
  device.set_name(name);
  device.set_host(host);
  device.set_port(502);
  device.set_unit(unit);
  device.set_poll_ms(10);
  device.set_timeout_ms(1000);
  device.set_max_backoff_ms(100);
  device.set_max_registers(125);
  BusPoint& point = *device.add_points();
  point.set_name("P");
  point.set_register_(BusPoint::HOLDING);
  point.set_type(BusPoint::UINT16);
  point.set_scale(1);
  point.set_writable(true);
  return device;
}

Bus MakeBus(const std::string& name, const std::vector<BusDevice>& devices,
            Bus::Protocol protocol = Bus::MODBUS_TCP) {
  Bus bus;
  bus.set_name(name);
  bus.set_protocol(protocol);
  for (const BusDevice& device : devices) *bus.add_devices() = device;
  return bus;
}

class BusLinesTest : public testing::Test {
 protected:
  // The bus that was made last for a host.
  FakeBus& BusOf(const std::string& host) {
    std::lock_guard lock(mutex_);
    return *buses_.at(host).back();
  }
  size_t BusesMade(const std::string& host) {
    std::lock_guard lock(mutex_);
    return buses_[host].size();
  }
  bool Polls(FakeBus& bus, int count) {
    const int before = bus.reads(1);
    return Eventually(kPatience, [&] { return bus.reads(1) >= before + count; });
  }
  std::string Get(const std::string& path) {
    const auto readings = image_.Read(path);
    return readings.ok() ? readings->front().text : "";
  }
  bool Becomes(const std::string& path, const std::string& text) {
    return Eventually(kPatience, [&] { return Get(path) == text; });
  }

  std::mutex mutex_;
  std::map<std::string, std::vector<std::shared_ptr<FakeBus>>> buses_;
  ProcessImage image_{absl::Now()};
  BusLines lines_{image_, RealThreads(), [this](const std::string& host, uint16_t) {
                    std::lock_guard lock(mutex_);
                    return buses_[host].emplace_back(std::make_shared<FakeBus>());
                  }};
};

TEST_F(BusLinesTest, UnitsBehindOneGatewayShareALine) {
  lines_.Configure({MakeBus("A", {Device("D1", "gateway", 1), Device("D2", "other")}),
                    MakeBus("B", {Device("D1", "gateway", 2)})});
  EXPECT_EQ(BusesMade("gateway"), 1u);
  EXPECT_EQ(BusesMade("other"), 1u);
  EXPECT_TRUE(Becomes("/Process/B/D1/DeviceState", "1"));
}

TEST_F(BusLinesTest, EthernetIsPolledWhileALineThatIsNotSimulatedRuns) {
  EXPECT_FALSE(lines_.PollsEthernet());
  config_store::v1::Bus simulated = MakeBus("S", {});
  simulated.set_protocol(config_store::v1::Bus::SIMULATED);
  simulated.add_devices()->set_name("D");
  lines_.Configure({simulated});
  EXPECT_FALSE(lines_.PollsEthernet());
  lines_.Configure({simulated, MakeBus("A", {Device("D", "host")})});
  EXPECT_TRUE(lines_.PollsEthernet());
  lines_.SetRunning(false);
  EXPECT_FALSE(lines_.PollsEthernet());
  lines_.SetRunning(true);
  EXPECT_TRUE(lines_.PollsEthernet());
}

TEST_F(BusLinesTest, AHangingLineDelaysNoOther) {
  lines_.Configure({MakeBus("A", {Device("D", "hung")}), MakeBus("B", {Device("D", "good")})});
  FakeBus& hung = BusOf("hung");
  FakeBus& good = BusOf("good");
  hung.Hang(1);
  ASSERT_TRUE(Eventually(kPatience, [&] { return hung.hanging(1); }));
  const int before = hung.reads(1);
  EXPECT_TRUE(Polls(good, 50));
  EXPECT_EQ(hung.reads(1), before);
}

TEST_F(BusLinesTest, ALineThatDidNotChangeGoesOnUndisturbed) {
  lines_.Configure({MakeBus("A", {Device("D", "same")}), MakeBus("B", {Device("D", "changed")})});
  FakeBus& same = BusOf("same");
  same.Put(1, RegisterAddress(), 5);
  ASSERT_TRUE(Becomes("/Process/A/D/P", "5"));
  BusDevice changed = Device("D", "changed");
  changed.set_poll_ms(20);
  lines_.Configure({MakeBus("New", {Device("D", "new")}), MakeBus("B", {changed}),
                    MakeBus("A", {Device("D", "same")})});
  EXPECT_EQ(BusesMade("same"), 1u);
  EXPECT_EQ(BusesMade("changed"), 2u);
  EXPECT_EQ(Get("/Process/A/D/P"), "5");
  EXPECT_TRUE(Polls(same, 2));
  same.Put(1, RegisterAddress(), 6);
  EXPECT_TRUE(Becomes("/Process/A/D/P", "6"));
}

TEST_F(BusLinesTest, ALineThatIsRemovedPollsNoMore) {
  lines_.Configure({MakeBus("A", {Device("D", "host")})});
  FakeBus& bus = BusOf("host");
  ASSERT_TRUE(Polls(bus, 1));
  lines_.Configure({});
  EXPECT_THAT(lines_.Status(), SizeIs(0));
  EXPECT_EQ(Get("/Process/A/D/P"), "");
  EXPECT_EQ(bus.Read({1, absl::Seconds(1)}, {}, {}).code(), absl::StatusCode::kCancelled);
}

TEST_F(BusLinesTest, AHangingLineCanBeChanged) {
  lines_.Configure({MakeBus("A", {Device("D", "host")})});
  FakeBus& hung = BusOf("host");
  hung.Hang(1);
  ASSERT_TRUE(Eventually(kPatience, [&] { return hung.hanging(1); }));
  lines_.Configure({MakeBus("A", {Device("D", "elsewhere")})});
  EXPECT_TRUE(Becomes("/Process/A/D/DeviceState", "1"));
}

TEST_F(BusLinesTest, StopHoldsForLinesThatAreConfiguredLater) {
  lines_.SetRunning(false);
  EXPECT_FALSE(lines_.running());
  lines_.Configure({MakeBus("A", {Device("D", "host")})});
  const auto location = image_.Locate("/Process/A/D/P");
  ASSERT_TRUE(lines_.Write(*location, "5", RealClock().Now() + kPatience).ok());
  EXPECT_EQ(lines_.Status()[0].polls, 0u);
  lines_.SetRunning(true);
  EXPECT_TRUE(Becomes("/Process/A/D/DeviceState", "1"));
}

TEST_F(BusLinesTest, StopDoesNotWaitForALineThatHangs) {
  lines_.Configure({MakeBus("A", {Device("D", "host")})});
  FakeBus& hung = BusOf("host");
  hung.Hang(1);
  ASSERT_TRUE(Eventually(kPatience, [&] { return hung.hanging(1); }));
  lines_.SetRunning(false);
  EXPECT_TRUE(hung.hanging(1));
}

TEST_F(BusLinesTest, StatusIsInTheOrderOfTheConfiguration) {
  lines_.Configure(
      {MakeBus("Z", {Device("D2", "a"), Device("D1", "b")}), MakeBus("A", {Device("D", "a", 2)})});
  std::vector<std::string> paths;
  for (const DeviceStatus& status : lines_.Status()) paths.push_back(status.path);
  EXPECT_THAT(paths, ElementsAre("/Process/Z/D2", "/Process/Z/D1", "/Process/A/D"));
}

TEST_F(BusLinesTest, ASimulatedBusNeedsNoHardware) {
  lines_.Configure({MakeBus("Sim", {Device("D", "")}, Bus::SIMULATED)});
  EXPECT_TRUE(Becomes("/Process/Sim/D/DeviceState", "1"));
  EXPECT_NE(Get("/Process/Sim/D/P"), "");
  EXPECT_TRUE(buses_.empty());
}

}  // namespace
}  // namespace fieldgate::process_data
