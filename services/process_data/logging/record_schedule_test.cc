// PD-31: when cyclic logs are recorded.
#include "services/process_data/logging/record_schedule.h"

#include <gmock/gmock.h>

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kSecond = absl::Seconds(1);

MonotonicTime At(double seconds) { return {absl::Seconds(seconds)}; }

RecordSchedule Schedule(const std::vector<RecordSchedule::Timing>& logs) {
  RecordSchedule schedule;
  schedule.Configure(logs, At(100));
  return schedule;
}

TEST(RecordScheduleTest, NothingIsDueWithoutACyclicLog) {
  RecordSchedule schedule = Schedule({{"A", absl::ZeroDuration(), kSecond}});
  EXPECT_EQ(schedule.Next(), MonotonicTime::Never());
  EXPECT_THAT(schedule.TakeDue(At(1e9)), IsEmpty());
}

TEST(RecordScheduleTest, TheTimeThatRecordingTakesDoesNotMoveTheGrid) {
  RecordSchedule schedule = Schedule({{"A", kSecond, kSecond}});
  EXPECT_THAT(schedule.TakeDue(At(100.9)), IsEmpty());
  for (int i = 1; i < 1'000; ++i) {
    EXPECT_EQ(schedule.Next(), At(100 + i));
    EXPECT_THAT(schedule.TakeDue(At(100 + i + 0.3)), ElementsAre(0));
  }
}

TEST(RecordScheduleTest, AfterAStallThereIsOneRecordAndTheOldGrid) {
  RecordSchedule schedule = Schedule({{"A", kSecond, kSecond}});
  EXPECT_THAT(schedule.TakeDue(At(110.5)), ElementsAre(0));
  EXPECT_THAT(schedule.TakeDue(At(110.5)), IsEmpty());
  EXPECT_EQ(schedule.Next(), At(111));
}

TEST(RecordScheduleTest, LogsThatAreDueTogetherAreTakenTogether) {
  RecordSchedule schedule = Schedule(
      {{"A", 3 * kSecond, kSecond}, {"B", absl::ZeroDuration(), kSecond}, {"C", kSecond, kSecond}});
  EXPECT_THAT(schedule.TakeDue(At(101)), ElementsAre(0, 2));
  EXPECT_THAT(schedule.TakeDue(At(102)), ElementsAre(2));
  EXPECT_THAT(schedule.TakeDue(At(104)), ElementsAre(0, 2));
}

TEST(RecordScheduleTest, AChangeOfOtherLogsDoesNotDisturbALog) {
  RecordSchedule schedule = Schedule({{"A", kSecond, kSecond}, {"B", kSecond, kSecond}});
  schedule.Configure(
      {{"C", kSecond, kSecond}, {"A", kSecond, kSecond}, {"B", kSecond * 2, kSecond}}, At(100.4));
  EXPECT_THAT(schedule.TakeDue(At(101)), ElementsAre(1));
  EXPECT_THAT(schedule.TakeDue(At(101.4)), ElementsAre(0, 2)) << "B has another cycle now";
}

TEST(FirstRecordDelayTest, TheFirstRecordComesSoon) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  EXPECT_EQ(FirstRecordDelay(absl::Hours(24), std::nullopt, now), absl::Seconds(5));
  EXPECT_EQ(FirstRecordDelay(kSecond, std::nullopt, now), kSecond);
}

TEST(FirstRecordDelayTest, ARestartGoesOnWhereTheLastRecordLeftOff) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const absl::Duration day = absl::Hours(24);
  EXPECT_EQ(FirstRecordDelay(day, now - absl::Hours(20), now), absl::Hours(4));
  EXPECT_EQ(FirstRecordDelay(day, now - absl::Hours(30), now), absl::Seconds(5));
}

TEST(FirstRecordDelayTest, AWallClockThatJumpedDoesNotStallALog) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  EXPECT_EQ(FirstRecordDelay(kSecond * 60, now + absl::Hours(24 * 365), now), kSecond * 60);
  EXPECT_EQ(FirstRecordDelay(kSecond * 60, absl::UnixEpoch(), now), absl::Seconds(5));
}

}  // namespace
}  // namespace fieldgate::process_data
