#include "services/config_store/probation/timer_thread.h"

#include <atomic>
#include <thread>

#include "common/testing/process.h"
#include "common/time/threads.h"
#include "gtest/gtest.h"

namespace fieldgate::config_store {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

TEST(TimerThreadTest, SettlesAtOnceAndAgainWhenItIsDue) {
  std::atomic<int> calls = 0;
  MonotonicTime due = MonotonicTime::Never();
  std::atomic<bool> early = false;
  const auto settle = [&] {
    const MonotonicTime now = RealClock().Now();
    if (calls > 0 && now < due) early = true;
    due = now + absl::Milliseconds(5);
    ++calls;
    return due;
  };
  TimerThread timer(settle, RealThreads());
  EXPECT_TRUE(Eventually(kPatience, [&] { return calls >= 5; }));
  EXPECT_FALSE(early);
}

TEST(TimerThreadTest, AWakeOfAnIdleOneIsEnough) {
  std::atomic<int> calls = 0;
  const auto settle = [&] {
    ++calls;
    return MonotonicTime::Never();
  };
  TimerThread timer(settle, RealThreads());
  ASSERT_TRUE(Eventually(kPatience, [&] { return calls == 1; }));
  timer.Wake();
  EXPECT_TRUE(Eventually(kPatience, [&] { return calls >= 2; }));
}

TEST(TimerThreadTest, AWakeDuringSettleIsNotLost) {
  std::atomic<int> calls = 0;
  TimerThread* self = nullptr;
  std::atomic<bool> ready = false;
  const auto settle = [&] {
    while (!ready) std::this_thread::yield();
    if (++calls < 3) self->Wake();
    return MonotonicTime::Never();
  };
  TimerThread timer(settle, RealThreads());
  self = &timer;
  ready = true;
  EXPECT_TRUE(Eventually(kPatience, [&] { return calls == 3; }));
}

TEST(TimerThreadTest, EndsWhileItWaitsForAFarTime) {
  std::atomic<int> calls = 0;
  {
    const auto settle = [&] {
      ++calls;
      return RealClock().Now() + absl::Hours(24);
    };
    TimerThread timer(settle, RealThreads());
    ASSERT_TRUE(Eventually(kPatience, [&] { return calls == 1; }));
  }
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace fieldgate::config_store
