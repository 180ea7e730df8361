// The simulation can fail: each part that is broken on purpose is found within a
// few seeds, and by the invariant that stands for it.
#include "tests/simulation/mutation.h"

#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "tests/simulation/simulate.h"

namespace fieldgate::simulation {
namespace {

constexpr uint64_t kSeeds = 150;

class MutationTest : public testing::TestWithParam<size_t> {};

TEST_P(MutationTest, IsFound) {
  SilenceProduct();
  const NamedMutation& mutation = Mutations()[GetParam()];
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Outcome outcome = Simulate({.seed = seed, .mutation = mutation.mutation});
    if (outcome.failure.empty()) continue;
    std::printf("%s: found by seed %lu: %s\n", std::string(mutation.name).c_str(), seed,
                outcome.failure.c_str());
    return;
  }
  FAIL() << mutation.name << " is not found within " << kSeeds << " seeds";
}

INSTANTIATE_TEST_SUITE_P(Each, MutationTest, testing::Range<size_t>(0, Mutations().size()));

}  // namespace
}  // namespace fieldgate::simulation
