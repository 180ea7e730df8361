#include "tests/simulation/scheduler.h"

#include <memory>
#include <mutex>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace fieldgate::simulation {
namespace {

class SchedulerTest : public testing::Test {
 protected:
  void Run(absl::Duration duration) {
    scheduler_.RunUntil(scheduler_.now() + duration, [] { return true; });
  }

  Scheduler scheduler_{1};
  Process process_{scheduler_, "process"};
};

TEST_F(SchedulerTest, EventsHappenAtTheirTimeInOrder) {
  std::string order;
  scheduler_.After(absl::Seconds(2), [&] { order += "b"; });
  scheduler_.After(absl::Seconds(1), [&] { order += "a"; });
  scheduler_.After(absl::Seconds(4), [&] { order += "too late"; });
  Run(absl::Seconds(3));
  EXPECT_EQ(order, "ab");
}

TEST_F(SchedulerTest, AThreadWaitsInSimulatedTime) {
  const MonotonicTime start = scheduler_.now();
  MonotonicTime woke = start;
  process_.Detach([&] {
    process_.Sleep(absl::Hours(5));
    woke = process_.clock().Now();
  });
  Run(absl::Hours(6));
  EXPECT_EQ(woke - start, absl::Hours(5));
}

TEST_F(SchedulerTest, ANotificationEndsAWaitAndADeadlineToo) {
  const auto condition = process_.MakeConditionVariable();
  std::mutex mutex;
  bool said = false;
  bool heard = false;
  bool late = true;
  process_.Detach([&] {
    std::unique_lock lock(mutex);
    heard = condition->AwaitUntil(lock, process_.clock().Now() + absl::Seconds(10),
                                  [&] { return said; });
    late = condition->AwaitUntil(lock, process_.clock().Now() + absl::Seconds(10),
                                 [&] { return false; });
  });
  process_.Detach([&] {
    process_.Sleep(absl::Seconds(5));
    const std::lock_guard lock(mutex);
    said = true;
    condition->NotifyOne();
  });
  Run(absl::Seconds(6));
  EXPECT_TRUE(heard);
  EXPECT_TRUE(late) << "not before its deadline";
  Run(absl::Seconds(10));
  EXPECT_FALSE(late);
}

TEST_F(SchedulerTest, WhoWaitsForADeadlineThatHasPassedTakesSteps) {
  const auto condition = process_.MakeConditionVariable();
  std::mutex mutex;
  process_.Detach([&] {
    std::unique_lock lock(mutex);
    while (process_.alive()) condition->WaitUntil(lock, process_.clock().Now());
  });
  scheduler_.RunUntil(scheduler_.now() + absl::Seconds(1),
                      [&] { return scheduler_.steps_this_second() < 100; });
  EXPECT_EQ(scheduler_.steps_this_second(), 100) << "and time does not pass";
  EXPECT_TRUE(process_.Die([] {}));
}

TEST_F(SchedulerTest, AThreadIsJoined) {
  bool joined = false;
  bool ended = false;
  process_.Detach([&] {
    const std::unique_ptr<Thread> thread = process_.Start([&] {
      process_.Sleep(absl::Seconds(1));
      ended = true;
    });
    thread->Join();
    joined = ended;
  });
  Run(absl::Seconds(2));
  EXPECT_TRUE(joined);
}

// What three threads do that nobody orders.
std::string OrderOf(uint64_t seed) {
  Scheduler scheduler(seed);
  Process process(scheduler, "process");
  std::string order;
  for (const char name : {'a', 'b', 'c'}) {
    process.Detach([&order, &process, name] {
      for (int i = 0; i < 4; ++i) {
        order += name;
        process.Sleep(absl::Seconds(1));
      }
    });
  }
  scheduler.RunUntil(scheduler.now() + absl::Seconds(10), [] { return true; });
  return order;
}

TEST(SchedulerSeedTest, TheSeedSaysWhichOfSeveralThreadsRuns) {
  EXPECT_EQ(OrderOf(1), OrderOf(1));
  bool other = false;
  for (uint64_t seed = 2; seed < 10; ++seed) other |= OrderOf(seed) != OrderOf(1);
  EXPECT_TRUE(other);
}

TEST_F(SchedulerTest, WhoDiesEndsWhileNothingElseHappens) {
  const auto condition = process_.MakeConditionVariable();
  std::mutex mutex;
  bool stop = false;
  bool ended = false;
  bool event = false;
  process_.Detach([&] {
    std::unique_lock lock(mutex);
    condition->Await(lock, [&] { return stop; });
    process_.Sleep(absl::Hours(1));
    ended = true;
  });
  scheduler_.After(absl::Seconds(2), [&] { event = true; });
  Run(absl::Seconds(1));
  const MonotonicTime before = scheduler_.now();
  EXPECT_TRUE(process_.Die([&] {
    stop = true;
    condition->NotifyAll();
  }));
  EXPECT_TRUE(ended);
  EXPECT_FALSE(process_.alive());
  EXPECT_EQ(scheduler_.now(), before);
  EXPECT_FALSE(event);
}

TEST_F(SchedulerTest, AThreadThatNobodyWakesIsFound) {
  // Both outlive the thread, which is never ended.
  const auto condition = std::shared_ptr<ConditionVariable>(process_.MakeConditionVariable());
  const auto mutex = std::make_shared<std::mutex>();
  process_.Detach([condition, mutex] {
    std::unique_lock lock(*mutex);
    condition->Await(lock, [] { return false; });
  });
  Run(absl::Seconds(1));
  EXPECT_FALSE(process_.Die([] {}));
}

TEST_F(SchedulerTest, AWallClockJumpMovesNoDeadline) {
  bool woke = false;
  process_.Detach([&] {
    process_.Sleep(absl::Seconds(10));
    woke = true;
  });
  Run(absl::Seconds(1));
  scheduler_.ShiftWall(absl::Hours(24 * 365 * 10));
  Run(absl::Seconds(1));
  EXPECT_FALSE(woke);
  Run(absl::Seconds(8));
  EXPECT_TRUE(woke);
}

}  // namespace
}  // namespace fieldgate::simulation
