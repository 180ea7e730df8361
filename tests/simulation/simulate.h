#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "tests/simulation/mutation.h"
#include "tests/simulation/plan.h"

namespace fieldgate::simulation {

struct Options {
  uint64_t seed = 1;
  bool trace = false;
  Mutation mutation = Mutation::kNone;
  // Instead of the seed's own, if given.
  std::optional<Plan> plan = std::nullopt;
};

struct Outcome {
  std::string failure;  // empty: all invariants held
  uint64_t hash = 0;    // of all that happened
  absl::Duration simulated;
  uint64_t steps = 0;
  int64_t accepted = 0;  // data messages
  int64_t lost = 0;      // named in loss records
  int64_t repeated = 0;
  int64_t requests = 0;
  int64_t starts = 0;  // of processes
  uint64_t rate_checks = 0;
};

// Runs one seed: the whole gateway under the seed's faults, then in peace until
// everything is delivered, or the time for that has passed.
Outcome Simulate(const Options& options);

// The command that runs a seed again and shows it.
std::string Reproduction(uint64_t seed);
// No line of the product's log from now on: a run of faults is full of them.
void SilenceProduct();

}  // namespace fieldgate::simulation
