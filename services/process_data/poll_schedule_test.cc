#include "services/process_data/poll_schedule.h"

#include <gmock/gmock.h>

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;

MonotonicTime At(int64_t ms) { return {absl::Milliseconds(ms)}; }
PollSchedule::Timing Every(int64_t ms, int64_t max_backoff_ms = 60'000) {
  return {absl::Milliseconds(ms), absl::Milliseconds(max_backoff_ms)};
}

// A line in simulated time: each poll takes what the test says.
class Line {
 public:
  explicit Line(std::vector<PollSchedule::Timing> devices)
      : polls(devices.size()), missed(devices.size()), schedule_(std::move(devices), now_) {}

  // Runs polls that begin before `end`.
  template <class Poll>  // (device) -> {how long, answered}
  void RunUntil(MonotonicTime end, Poll poll) {
    for (;;) {
      const PollSchedule::Turn turn = schedule_.Next();
      const MonotonicTime begin = std::max(now_, turn.due);
      if (begin >= end) return;
      now_ = begin;
      missed[turn.device] += schedule_.Begin(turn.device, now_);
      polls[turn.device].push_back(absl::ToInt64Milliseconds(now_.since_start));
      const auto [duration, answered] = poll(turn.device);
      now_ = now_ + duration;
      schedule_.End(turn.device, now_, answered);
    }
  }
  void RestartAt(MonotonicTime now) {
    now_ = now;
    schedule_.Restart(now);
  }

  std::vector<std::vector<int64_t>> polls;  // ms at which they began
  std::vector<uint64_t> missed;

 private:
  MonotonicTime now_ = At(0);
  PollSchedule schedule_;
};

struct Result {
  absl::Duration duration;
  bool answered;
};

TEST(PollScheduleTest, ThePeriodDoesNotGrowByTheReadingTime) {
  Line line({Every(10)});
  line.RunUntil(At(50), [](size_t) { return Result{absl::Milliseconds(7), true}; });
  EXPECT_THAT(line.polls[0], ElementsAre(0, 10, 20, 30, 40));
  EXPECT_EQ(line.missed[0], 0u);
}

TEST(PollScheduleTest, AHundredThousandCyclesDoNotDrift) {
  Line line({Every(10)});
  int cycle = 0;
  line.RunUntil(At(1'000'000), [&](size_t) {
    return Result{absl::Microseconds(500 + 83 * (cycle++ % 100)), true};
  });
  EXPECT_EQ(line.polls[0].size(), 100'000u);
  EXPECT_EQ(line.polls[0].back(), 999'990);
  EXPECT_EQ(line.missed[0], 0u);
}

TEST(PollScheduleTest, AStallIsCountedAndNotMadeUpForByABurst) {
  Line line({Every(10)});
  int cycle = 0;
  line.RunUntil(At(100), [&](size_t) {
    return Result{cycle++ == 1 ? absl::Milliseconds(47) : absl::Milliseconds(1), true};
  });
  // The second poll lasts from 10 to 57: those of 20, 30 and 40 are lost, that
  // of 50 comes late.
  EXPECT_THAT(line.polls[0], ElementsAre(0, 10, 57, 60, 70, 80, 90));
  EXPECT_EQ(line.missed[0], 3u);
}

TEST(PollScheduleTest, APollThatAlwaysTakesTooLongMissesItsShare) {
  Line line({Every(10)});
  line.RunUntil(At(1000), [](size_t) { return Result{absl::Milliseconds(25), true}; });
  EXPECT_EQ(line.polls[0].size(), 40u);
  EXPECT_EQ(line.polls[0].size() + line.missed[0], 98u);  // the last begins at 975 for 970
}

TEST(PollScheduleTest, ADeadDeviceIsTriedAfterPausesThatDouble) {
  Line line({Every(100, 1'000)});
  line.RunUntil(At(6'000), [](size_t) { return Result{absl::ZeroDuration(), false}; });
  EXPECT_THAT(line.polls[0], ElementsAre(0, 100, 300, 700, 1'500, 2'500, 3'500, 4'500, 5'500));
  EXPECT_EQ(line.missed[0], 0u);
}

TEST(PollScheduleTest, ABackoffIsNeverShorterThanThePeriod) {
  Line line({Every(500, 100)});
  line.RunUntil(At(2'000), [](size_t) { return Result{absl::ZeroDuration(), false}; });
  EXPECT_THAT(line.polls[0], ElementsAre(0, 500, 1'000, 1'500));
}

TEST(PollScheduleTest, ADeviceThatIsBackGoesOnInItsGrid) {
  Line line({Every(100)});
  int poll = 0;
  line.RunUntil(At(1'300), [&](size_t) {
    ++poll;
    return Result{absl::Milliseconds(30), poll == 1 || poll > 4};
  });
  // Fails at 100, tried 100, 200 and 400 after each failure's end.
  EXPECT_THAT(line.polls[0], ElementsAre(0, 100, 230, 460, 890, 1'000, 1'100, 1'200));
  EXPECT_EQ(line.missed[0], 0u);
}

TEST(PollScheduleTest, AfterABackoffTheNextOneBeginsAgainWithThePeriod) {
  Line line({Every(100)});
  int poll = 0;
  line.RunUntil(At(1'000), [&](size_t) {
    ++poll;
    return Result{absl::ZeroDuration(), poll == 4};
  });
  EXPECT_THAT(line.polls[0], ElementsAre(0, 100, 300, 700, 800, 900));
}

TEST(PollScheduleTest, ADeadDeviceInBackoffLeavesTheLineToTheOthers) {
  Line line({Every(100), Every(100)});
  line.RunUntil(At(60'000), [](size_t device) {
    return device == 0 ? Result{absl::Milliseconds(1'000), false}
                       : Result{absl::Milliseconds(5), true};
  });
  // Each try of the dead one costs the other at most ten polls.
  EXPECT_LE(line.polls[0].size(), 10u);
  EXPECT_GE(line.polls[1].size(), 500u);
  EXPECT_LE(line.missed[1], line.polls[0].size() * 10);
}

TEST(PollScheduleTest, DevicesDueTogetherAreAskedInTheirOrder) {
  Line line({Every(10), Every(20)});
  std::vector<size_t> order;
  line.RunUntil(At(30), [&](size_t device) {
    order.push_back(device);
    return Result{absl::Milliseconds(1), true};
  });
  EXPECT_THAT(order, ElementsAre(0, 1, 0, 0, 1));
}

TEST(PollScheduleTest, AFastDeviceDoesNotStarveASlowOne) {
  Line line({Every(10), Every(100)});
  line.RunUntil(At(1'000), [](size_t) { return Result{absl::Milliseconds(12), true}; });
  EXPECT_GE(line.polls[1].size(), 9u);
}

TEST(PollScheduleTest, AnAnswerToSomethingElseEndsABackoff) {
  PollSchedule schedule({Every(100), Every(100)}, At(0));
  for (const size_t device : {0, 1}) {
    schedule.Begin(device, At(0));
    schedule.End(device, At(0), /*answered=*/device == 1);
  }
  schedule.EndBackoff(0, At(7));
  EXPECT_EQ(schedule.Next().due, At(7));
  schedule.Begin(0, At(7));
  schedule.End(0, At(8), true);
  schedule.EndBackoff(0, At(9));
  EXPECT_EQ(schedule.Next().due, At(100));
}

TEST(PollScheduleTest, WhatPassedDuringAPauseIsNotMissed) {
  Line line({Every(10)});
  line.RunUntil(At(20), [](size_t) { return Result{absl::ZeroDuration(), true}; });
  line.RestartAt(At(5'003));
  line.RunUntil(At(5'020), [](size_t) { return Result{absl::ZeroDuration(), true}; });
  EXPECT_THAT(line.polls[0], ElementsAre(0, 10, 5'003, 5'013));
  EXPECT_EQ(line.missed[0], 0u);
}

TEST(PollScheduleTest, WithoutDevicesNothingIsEverDue) {
  EXPECT_EQ(PollSchedule({}, At(0)).Next().due, MonotonicTime::Never());
}

}  // namespace
}  // namespace fieldgate::process_data
