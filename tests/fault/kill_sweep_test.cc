// The short form of the sweep: 200 kills, four gateways.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "tests/fault/sweep.h"

namespace fieldgate::fault {
namespace {

constexpr int kKills = 50;

class KillSweepTest : public testing::TestWithParam<int> {};

TEST_P(KillSweepTest, NothingIsLostOrdersHoldAndNoCommandRunsTwice) {
  const std::atomic<bool> stop = false;
  const EpisodeResult result = RunEpisode(EpisodeSeed(1, GetParam()), kKills, stop);
  EXPECT_THAT(result.problems, testing::IsEmpty())
      << result.story
      << "\nReproduce: bazel run //tests/fault:kill_sweep -- --seed=1 --kills=" << kKills
      << " --episode=" << GetParam();
  EXPECT_EQ(result.kills, kKills);
  EXPECT_GT(result.messages, 0);
  EXPECT_GT(result.records, 0);
  EXPECT_GT(result.requests, 0);
}

INSTANTIATE_TEST_SUITE_P(Gateways, KillSweepTest, testing::Range(1, 5));

}  // namespace
}  // namespace fieldgate::fault
