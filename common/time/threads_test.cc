#include "common/time/threads.h"

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace fieldgate {
namespace {

TEST(RealThreadsTest, ANotificationEndsAWait) {
  const std::unique_ptr<ConditionVariable> condition = RealThreads().MakeConditionVariable();
  std::mutex mutex;
  bool said = false;
  const std::unique_ptr<Thread> thread = RealThreads().Start([&] {
    const std::lock_guard lock(mutex);
    said = true;
    condition->NotifyOne();
  });
  std::unique_lock lock(mutex);
  condition->Await(lock, [&] { return said; });
  EXPECT_TRUE(said);
}

TEST(RealThreadsTest, AWaitEndsAtItsDeadline) {
  const std::unique_ptr<ConditionVariable> condition = RealThreads().MakeConditionVariable();
  std::mutex mutex;
  std::unique_lock lock(mutex);
  const MonotonicTime deadline = RealThreads().clock().Now() + absl::Milliseconds(1);
  EXPECT_FALSE(condition->AwaitUntil(lock, deadline, [] { return false; }));
  EXPECT_GE(RealThreads().clock().Now(), deadline);
}

TEST(RealThreadsTest, WhatHoldsAtTheDeadlineCounts) {
  const std::unique_ptr<ConditionVariable> condition = RealThreads().MakeConditionVariable();
  std::mutex mutex;
  std::unique_lock lock(mutex);
  int asked = 0;
  const MonotonicTime past = RealThreads().clock().Now() - absl::Seconds(1);
  EXPECT_TRUE(condition->AwaitUntil(lock, past, [&] { return ++asked == 2; }));
}

TEST(RealThreadsTest, AThreadIsJoined) {
  bool ended = false;
  RealThreads().Start([&] { ended = true; })->Join();
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace fieldgate
