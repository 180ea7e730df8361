#include "services/cloud_link/realtime/realtime_sections.h"

#include <bit>

#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::DataPoint;
using process_data::v1::ValueBatch;

constexpr MonotonicTime kStart{absl::Seconds(1000)};
const absl::Time kWall = absl::FromUnixSeconds(1'700'000'000);

MonotonicTime At(double seconds) { return kStart + absl::Seconds(seconds); }

// Sections in order: cyclic every `send_ms`, or for negative ones hysteresis
// looked at every -send_ms - 1 ms. Each has two bus points and a variable.
config_store::v1::Connector Config(const std::vector<int>& send_ms) {
  config_store::v1::Connector connector;
  connector.set_name("CloudConn");
  for (size_t s = 0; s < send_ms.size(); ++s) {
    auto& section = *connector.add_sections();
    section.set_number(static_cast<int>(s) + 1);
    if (send_ms[s] >= 0) {
      section.set_send_period_ms(static_cast<uint64_t>(send_ms[s]));
    } else {
      section.set_update_period_ms(static_cast<uint64_t>(-send_ms[s] - 1));
    }
    for (const char* path : {"/Process/B/D/A", "/Process/B/D/B", "/Process/PV/V"}) {
      DataPoint& point = *section.add_points();
      point.set_name(path + 9);
      point.set_path(path);
      point.set_origin(point.path().find("/PV/") == std::string::npos ? DataPoint::BUS
                                                                      : DataPoint::OTHER);
    }
  }
  return connector;
}

// Values of consecutive channels from `first`, all floats.
ValueBatch Batch(uint32_t first, const std::vector<double>& values, absl::Time at = kWall) {
  ValueBatch batch;
  auto& run = *batch.add_runs();
  run.set_first(first);
  run.set_count(static_cast<uint32_t>(values.size()));
  run.set_sampled_at_us(absl::ToUnixMicros(at));
  for (size_t i = 0; i < values.size(); ++i) {
    batch.mutable_kinds()->push_back(process_data::v1::FLOAT);
    batch.mutable_states()->push_back((first + i) % 3 == 2 ? 2 : 1);
    batch.add_bits(std::bit_cast<uint64_t>(values[i]));
  }
  return batch;
}

TEST(RealtimeSectionsTest, ACyclicSectionIsDueAtOnceAndThenEveryPeriod) {
  RealtimeSections sections(Config({2000}), At(0));
  ASSERT_TRUE(sections.OnBatch(Batch(0, {1, 2, 3}), At(0)));
  EXPECT_EQ(sections.TakeDue(At(0), kWall).size(), 1u);
  EXPECT_EQ(sections.TakeDue(At(1.9), kWall).size(), 0u);
  EXPECT_EQ(sections.NextDeadline(), At(2));
  EXPECT_EQ(sections.TakeDue(At(2), kWall).size(), 1u);
}

TEST(RealtimeSectionsTest, NothingIsSentBeforeTheFirstValuesOrThreeSeconds) {
  RealtimeSections sections(Config({1000}), At(0));
  EXPECT_TRUE(sections.TakeDue(At(2.9), kWall).empty());
  EXPECT_EQ(sections.NextDeadline(), At(3));
  // Then the bus points go with state 0, and the variable is left out.
  const auto due = sections.TakeDue(At(3), kWall);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].channels, (std::vector<uint32_t>{0, 1}));
}

TEST(RealtimeSectionsTest, ASectionWithoutPeriodSendsEachChangeAsItComes) {
  RealtimeSections sections(Config({-1}), At(0));
  sections.OnBatch(Batch(0, {1, 2, 3}), At(0));
  auto due = sections.TakeDue(At(0), kWall);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_TRUE(due[0].channels.empty()) << "all at first";
  sections.Sent(due[0]);
  sections.OnBatch(Batch(0, {1, 5, 3}), At(0.1));
  EXPECT_LE(sections.NextDeadline(), At(0.1));
  due = sections.TakeDue(At(0.1), kWall);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].channels, (std::vector<uint32_t>{1}));
  sections.Sent(due[0]);
  EXPECT_TRUE(sections.TakeDue(At(0.2), kWall).empty());
  EXPECT_EQ(sections.NextDeadline(), MonotonicTime::Never());
}

TEST(RealtimeSectionsTest, AChangeThatCouldNotBeStoredIsFoundAgain) {
  RealtimeSections sections(Config({-1}), At(0));
  sections.OnBatch(Batch(0, {1, 2, 3}), At(0));
  EXPECT_EQ(sections.TakeDue(At(0), kWall).size(), 1u);  // and no Sent
  EXPECT_EQ(sections.TakeDue(At(1), kWall).size(), 0u);
  sections.LookAgain();
  EXPECT_EQ(sections.TakeDue(At(2), kWall).size(), 1u);
}

TEST(RealtimeSectionsTest, WhatCouldNotBeStoredIsDueOnceStoringIsPossibleNotAPeriodLater) {
  RealtimeSections sections(Config({86'400'000, -3'600'001}), At(0));
  sections.OnBatch(Batch(0, {1, 2, 3, 4, 5, 6}), At(0));
  EXPECT_EQ(sections.TakeDue(At(0), kWall).size(), 2u);  // and no Sent
  EXPECT_TRUE(sections.TakeDue(At(1), kWall).empty());
  sections.LookAgain();
  EXPECT_LE(sections.NextDeadline(), At(1));
  const auto due = sections.TakeDue(At(2), kWall);
  ASSERT_EQ(due.size(), 2u);
  for (const auto& message : due) sections.Sent(message);
  // Nothing is owing any more, and the grid is what it was.
  sections.LookAgain();
  EXPECT_TRUE(sections.TakeDue(At(3), kWall).empty());
  EXPECT_EQ(sections.NextDeadline(), At(3600));
}

TEST(RealtimeSectionsTest, WhenAcquisitionIsLostBusPointsGoWithStateZero) {
  RealtimeSections sections(Config({1000}), At(0));
  sections.OnBatch(Batch(0, {1, 2, 3}), At(0));
  sections.TakeDue(At(0), kWall);
  sections.OnAcquisitionLost(At(0.5));
  const auto due = sections.TakeDue(At(1), kWall);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].channels, (std::vector<uint32_t>{0, 1}));
  EXPECT_EQ(sections.samples()[0].state, 0);
  EXPECT_EQ(sections.samples()[0].value, Value(1.0)) << "the last value stays";
}

TEST(RealtimeSectionsTest, TheTimeStampIsTheSamplingOfValidBusValues) {
  RealtimeSections sections(Config({1000}), At(0));
  ValueBatch batch = Batch(0, {1, 2}, kWall - absl::Seconds(7));
  sections.OnBatch(batch, At(0));
  // The variable makes the message one of now.
  EXPECT_EQ(sections.TakeDue(At(0), kWall)[0].sampled_at, kWall);

  config_store::v1::Connector bus_only = Config({1000});
  bus_only.mutable_sections(0)->mutable_points()->RemoveLast();
  RealtimeSections only(bus_only, At(0));
  only.OnBatch(batch, At(0));
  EXPECT_EQ(only.TakeDue(At(0), kWall)[0].sampled_at, kWall - absl::Seconds(7));
}

TEST(RealtimeSectionsTest, SendNowSendsOneSectionOrAll) {
  RealtimeSections sections(Config({60'000, 60'000}), At(0));
  sections.OnBatch(Batch(0, {1, 2, 3, 4, 5, 6}), At(0));
  EXPECT_EQ(sections.TakeDue(At(0), kWall).size(), 2u);
  EXPECT_TRUE(sections.SendNow(2));
  const auto due = sections.TakeDue(At(1), kWall);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].section, 1u);
  EXPECT_TRUE(sections.SendNow(std::nullopt));
  EXPECT_EQ(sections.TakeDue(At(2), kWall).size(), 2u);
  EXPECT_FALSE(sections.SendNow(5));
}

TEST(RealtimeSectionsTest, ABatchThatDoesNotFitIsRefusedWhole) {
  RealtimeSections sections(Config({1000}), At(0));
  EXPECT_FALSE(sections.OnBatch(Batch(2, {1, 2}), At(0)));
  ValueBatch short_of_bits = Batch(0, {1, 2});
  short_of_bits.mutable_bits()->RemoveLast();
  EXPECT_FALSE(sections.OnBatch(short_of_bits, At(0)));
  ValueBatch huge = Batch(0, {1});
  huge.mutable_runs(0)->set_first(0xffffffff);
  EXPECT_FALSE(sections.OnBatch(huge, At(0)));
  EXPECT_EQ(sections.samples()[0].value, Value());
}

}  // namespace
}  // namespace fieldgate::cloud_link
