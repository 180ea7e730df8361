// A thousand seeds, in blocks that shards run side by side.
#include <chrono>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/testing/process.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/simulation/simulate.h"

namespace fieldgate::simulation {
namespace {

constexpr int kBlocks = 40;
constexpr uint64_t kSeedsABlock = 25;

class SimulationTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { SilenceProduct(); }
};

TEST_P(SimulationTest, EveryInvariantHoldsUnderEachSeedsFaults) {
  const auto begin = std::chrono::steady_clock::now();
  absl::Duration simulated;
  int64_t messages = 0;
  for (uint64_t i = 0; i < kSeedsABlock; ++i) {
    const uint64_t seed = static_cast<uint64_t>(GetParam()) * kSeedsABlock + i + 1;
    const Outcome outcome = Simulate({.seed = seed});
    EXPECT_EQ(outcome.failure, "") << Reproduction(seed);
    EXPECT_GT(outcome.accepted, 0) << Reproduction(seed);
    simulated += outcome.simulated;
    messages += outcome.accepted;
  }
  const double real =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%ld messages, %.0f times as fast as real time\n", messages,
              absl::ToDoubleSeconds(simulated) / real);
}

INSTANTIATE_TEST_SUITE_P(Block, SimulationTest, testing::Range(0, kBlocks));

TEST(SimulationSeedTest, TheSameSeedGivesTheSameTrace) {
  SilenceProduct();
  for (const uint64_t seed : {1u, 2u, 3u, 77u}) {
    const uint64_t first = Simulate({.seed = seed}).hash;
    EXPECT_EQ(Simulate({.seed = seed}).hash, first) << Reproduction(seed);
  }
  EXPECT_NE(Simulate({.seed = 1}).hash, Simulate({.seed = 2}).hash);
}

// What a process of its own, with its addresses and its hashes, says of a seed.
std::string RunOf(uint64_t seed) {
  const auto child =
      ChildProcess::Start({.argv = {RunfilePath("fieldgate/tests/simulation/simulation"),
                                    absl::StrCat("--seed=", seed)}});
  if (!child.ok() || !(*child)->WaitForExit(absl::Seconds(60)).has_value()) return "";
  const std::string output = (*child)->Output();
  return output.substr(0, output.find('\n'));
}

TEST(SimulationSeedTest, TheSameSeedGivesTheSameTraceInAnotherProcess) {
  for (const uint64_t seed : {5u, 12u, 100u}) {
    const std::string first = RunOf(seed);
    EXPECT_THAT(first, testing::StartsWith(absl::StrCat("seed ", seed, ": trace ")));
    EXPECT_EQ(RunOf(seed), first) << Reproduction(seed);
  }
}

}  // namespace
}  // namespace fieldgate::simulation
