#include "services/cloud_link/log_data/log_schedule.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

MonotonicTime At(int64_t seconds) { return MonotonicTime{absl::Seconds(seconds)}; }

// Sections 1, 2, ... with these LogSendTimes in seconds.
config_store::v1::Connector Periods(const std::vector<uint32_t>& periods) {
  config_store::v1::Connector connector;
  for (const uint32_t period : periods) {
    auto& section = *connector.add_log_sections();
    section.set_number(connector.log_sections_size());
    section.set_log("Log" + std::to_string(section.number()));
    section.set_send_period_s(period);
  }
  return connector;
}

// The sections that are due at `now`, when each has nothing more.
std::vector<size_t> Due(LogSchedule& schedule, MonotonicTime now) {
  std::vector<size_t> due;
  while (const std::optional<size_t> section = schedule.Next(now)) {
    due.push_back(*section);
    schedule.Done(/*more=*/false);
  }
  return due;
}

using Sections = std::vector<size_t>;

TEST(LogScheduleTest, LooksRightAfterTheStartAndThenEachPeriod) {
  LogSchedule schedule(Periods({60}));
  EXPECT_EQ(Due(schedule, At(5)), Sections());
  EXPECT_EQ(schedule.NextDeadline(), MonotonicTime::Never());
  schedule.Start(At(10));
  EXPECT_EQ(schedule.NextDeadline(), At(10));
  EXPECT_EQ(Due(schedule, At(10)), Sections({0}));
  EXPECT_EQ(schedule.NextDeadline(), At(70));
  EXPECT_EQ(Due(schedule, At(69)), Sections());
  EXPECT_EQ(Due(schedule, At(70)), Sections({0}));
  // After a stall once, on the same grid.
  EXPECT_EQ(Due(schedule, At(500)), Sections({0}));
  EXPECT_EQ(schedule.NextDeadline(), At(550));
}

TEST(LogScheduleTest, LooksAgainAfterEachStart) {
  LogSchedule schedule(Periods({3600}));
  schedule.Start(At(0));
  EXPECT_EQ(Due(schedule, At(0)), Sections({0}));
  schedule.Stop();
  EXPECT_EQ(Due(schedule, At(3600)), Sections());
  EXPECT_EQ(schedule.NextDeadline(), MonotonicTime::Never());
  schedule.Start(At(4000));
  EXPECT_EQ(Due(schedule, At(4000)), Sections({0}));
}

TEST(LogScheduleTest, WithoutAPeriodOnlyByCommand) {
  LogSchedule schedule(Periods({0, 0}));
  schedule.Start(At(0));
  EXPECT_EQ(Due(schedule, At(100)), Sections());
  EXPECT_EQ(schedule.NextDeadline(), MonotonicTime::Never());
  EXPECT_TRUE(schedule.SendNow(2));
  EXPECT_LE(schedule.NextDeadline(), At(100));
  EXPECT_EQ(Due(schedule, At(100)), Sections({1}));
  EXPECT_TRUE(schedule.SendNow(std::nullopt));
  EXPECT_EQ(Due(schedule, At(100)), Sections({0, 1}));
  EXPECT_FALSE(schedule.SendNow(3));
  EXPECT_FALSE(LogSchedule(Periods({})).SendNow(std::nullopt));
}

TEST(LogScheduleTest, ACommandOutlivesAPauseAlsoWhileItsLogIsBeingRead) {
  LogSchedule schedule(Periods({0, 0}));
  schedule.SendNow(1);
  schedule.Start(At(0));
  EXPECT_EQ(schedule.Next(At(0)), 0u);
  schedule.SendNow(2);
  schedule.Stop();
  EXPECT_EQ(schedule.reading(), std::nullopt);
  schedule.Start(At(10));
  Sections due = Due(schedule, At(10));
  std::sort(due.begin(), due.end());
  EXPECT_EQ(due, Sections({0, 1}));
}

TEST(LogScheduleTest, ACommandOutlivesAChangeOfTheSections) {
  LogSchedule former(Periods({0, 0, 0}));
  former.SendNow(2);
  LogSchedule schedule(Periods({0, 0}));
  schedule.KeepRequests(former);
  schedule.Start(At(0));
  EXPECT_EQ(Due(schedule, At(0)), Sections({1}));
}

TEST(LogScheduleTest, ACommandWhileTheLogIsReadCountsForTheNextTime) {
  LogSchedule schedule(Periods({0}));
  schedule.Start(At(0));
  schedule.SendNow(1);
  EXPECT_EQ(schedule.Next(At(0)), 0u);
  schedule.SendNow(1);
  EXPECT_EQ(schedule.Next(At(0)), std::nullopt) << "one at a time";
  EXPECT_EQ(schedule.NextDeadline(), MonotonicTime::Never());
  schedule.Done(/*more=*/false);
  EXPECT_EQ(schedule.Next(At(0)), 0u);
}

TEST(LogScheduleTest, LogsWithMoreTakeTurns) {
  LogSchedule schedule(Periods({60, 60, 60}));
  schedule.Start(At(0));
  Sections order;
  for (int i = 0; i < 6; ++i) {
    order.push_back(schedule.Next(At(0)).value());
    schedule.Done(/*more=*/true);
  }
  EXPECT_EQ(order, Sections({0, 1, 2, 0, 1, 2}));
}

TEST(LogScheduleTest, AFailedLogIsTriedAgainLaterAndOthersGoOn) {
  LogSchedule schedule(Periods({3600, 3600}));
  schedule.Start(At(0));
  EXPECT_EQ(schedule.Next(At(0)), 0u);
  schedule.Failed(At(0));
  EXPECT_EQ(Due(schedule, At(0)), Sections({1}));
  EXPECT_EQ(schedule.NextDeadline(), At(10));
  EXPECT_EQ(Due(schedule, At(9)), Sections());
  EXPECT_EQ(Due(schedule, At(10)), Sections({0}));
}

}  // namespace
}  // namespace fieldgate::cloud_link
