#include "services/cloud_link/answer.h"

#include <memory>

#include "absl/time/time.h"
#include "common/time/threads.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

TEST(AnswerTest, WhatAnotherThreadGivesArrives) {
  Answer<int> answer(RealThreads());
  const std::unique_ptr<Thread> thread = RealThreads().Start([&] { answer.Give(7); });
  EXPECT_EQ(answer.Await(MonotonicTime::Never()), 7);
}

TEST(AnswerTest, TheFirstOneCounts) {
  Answer<int> answer(RealThreads());
  answer.Give(1);
  answer.Give(2);
  EXPECT_EQ(answer.Await(MonotonicTime::Never()), 1);
}

TEST(AnswerTest, NothingCameByTheDeadline) {
  Answer<int> answer(RealThreads());
  EXPECT_EQ(answer.Await(RealThreads().clock().Now()), std::nullopt);
}

}  // namespace
}  // namespace fieldgate::cloud_link
