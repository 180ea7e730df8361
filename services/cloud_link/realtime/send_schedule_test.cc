#include "services/cloud_link/realtime/send_schedule.h"

#include <random>

#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

MonotonicTime At(double seconds) { return {absl::Seconds(seconds)}; }

TEST(SendScheduleTest, IsFirstDueAtItsStart) {
  SendSchedule schedule(absl::Seconds(3), At(10));
  EXPECT_FALSE(schedule.Due(At(9.999)));
  EXPECT_TRUE(schedule.Due(At(10)));
  EXPECT_EQ(schedule.next(), At(13));
  EXPECT_FALSE(schedule.Due(At(10)));
}

TEST(SendScheduleTest, LateCallsDoNotShiftTheGrid) {
  SendSchedule schedule(absl::Seconds(3), At(0));
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(schedule.Due(At(3 * i + 0.7)));
  EXPECT_EQ(schedule.next(), At(3000));
}

TEST(SendScheduleTest, AfterAStallItIsDueOnce) {
  SendSchedule schedule(absl::Seconds(3), At(0));
  EXPECT_TRUE(schedule.Due(At(100)));
  EXPECT_FALSE(schedule.Due(At(100)));
  EXPECT_EQ(schedule.next(), At(102));
}

TEST(SendScheduleTest, BearsTheLongestPeriodOfTheManual) {
  SendSchedule schedule(absl::Seconds(1 << 30), At(5));
  EXPECT_TRUE(schedule.Due(At(5)));
  EXPECT_EQ(schedule.next(), At(5.0 + (1 << 30)));
}

TEST(SendScheduleTest, NextIsAlwaysTheFirstGridTimeAfterNow) {
  std::minstd_rand random(7);
  for (int round = 0; round < 200; ++round) {
    const absl::Duration period = absl::Milliseconds(1 + random() % 5000);
    MonotonicTime now = At(static_cast<double>(random() % 100));
    const MonotonicTime start = now;
    SendSchedule schedule(period, start);
    for (int i = 0; i < 50; ++i) {
      now = now + absl::Microseconds(random() % 10'000'000);
      const bool expected = schedule.next() <= now;
      EXPECT_EQ(schedule.Due(now), expected);
      EXPECT_GT(schedule.next(), now);
      EXPECT_LE(schedule.next() - now, period);
      EXPECT_EQ((schedule.next() - start) % period, absl::ZeroDuration());
    }
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
