#include "services/process_data/simulated/simulated_device.h"

#include <gmock/gmock.h>

#include <set>

#include "services/process_data/simulated/waveform.h"

namespace fieldgate::process_data {
namespace {

using config_store::v1::BusDevice;
using config_store::v1::BusPoint;

BusPoint Point(BusPoint::Type type) {
  BusPoint point;
  point.set_register_(BusPoint::HOLDING);
  point.set_type(type);
  point.set_scale(1);
  if (type == BusPoint::STRING) point.set_length(6);
  return point;
}

constexpr BusPoint::Type kTypes[] = {
    BusPoint::BOOL,   BusPoint::UINT16, BusPoint::INT16,   BusPoint::UINT32,  BusPoint::INT32,
    BusPoint::UINT64, BusPoint::INT64,  BusPoint::FLOAT32, BusPoint::FLOAT64, BusPoint::STRING};

TEST(WaveformTest, EveryTypeMoves) {
  for (const BusPoint::Type type : kTypes) {
    std::set<std::string> values;
    for (int second = 0; second < 60; ++second) {
      std::string text;
      const Sample sample = Waveform(Point(type), 3, absl::Seconds(second), text);
      ASSERT_TRUE(sample.valid);
      values.insert(ToText(ToValue(sample.kind, sample.bits, text)));
    }
    EXPECT_GT(values.size(), 1u) << type;
  }
}

TEST(WaveformTest, TheSameInstantHasTheSameValue) {
  for (const BusPoint::Type type : kTypes) {
    std::string once, again;
    EXPECT_EQ(Waveform(Point(type), 3, absl::Seconds(5), once),
              Waveform(Point(type), 3, absl::Seconds(5), again));
    EXPECT_EQ(once, again);
  }
}

TEST(WaveformTest, IntegersAreScaledLikeThoseOfADevice) {
  BusPoint point = Point(BusPoint::UINT16);
  point.set_scale(0.1);
  std::string text;
  EXPECT_EQ(Waveform(point, 0, absl::Seconds(3), text), Sample::Float(0.3));
}

TEST(SimulatedDeviceTest, AWrittenPointKeepsItsValue) {
  BusDevice config;
  *config.add_points() = Point(BusPoint::INT16);
  config.mutable_points(0)->set_writable(true);
  *config.add_points() = Point(BusPoint::INT16);
  FakeClock clock;
  SimulatedDevice device(config, clock);
  ASSERT_TRUE(device.CheckWrite(0, "-7").ok());
  ASSERT_TRUE(device.Write(0, "-7").ok());
  clock.Advance(absl::Seconds(50));
  Cycle cycle;
  ASSERT_TRUE(device.Poll(true, false, cycle).ok());
  EXPECT_EQ(cycle.samples[0], Sample::Int(-7));
  EXPECT_NE(cycle.samples[1], Sample::Int(-7));
}

TEST(SimulatedDeviceTest, WritesAreCheckedLikeThoseOfADevice) {
  BusDevice config;
  *config.add_points() = Point(BusPoint::INT16);
  config.mutable_points(0)->set_writable(true);
  *config.add_points() = Point(BusPoint::INT16);
  FakeClock clock;
  const SimulatedDevice device(config, clock);
  EXPECT_EQ(device.CheckWrite(0, "40000").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(device.CheckWrite(1, "1").code(), absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace fieldgate::process_data
