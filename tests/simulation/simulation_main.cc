// The simulation by command: seeds from --first on, or one with its trace.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/log/log.h"
#include "tests/simulation/simulate.h"

namespace fieldgate::simulation {
namespace {

struct Arguments {
  uint64_t first = 1;
  uint64_t seeds = 100;
  bool trace = false;
  std::string mutation;
};

bool Parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--seeds=")) {
      if (!absl::SimpleAtoi(argument, &arguments.seeds)) return false;
    } else if (absl::ConsumePrefix(&argument, "--first=")) {
      if (!absl::SimpleAtoi(argument, &arguments.first)) return false;
    } else if (absl::ConsumePrefix(&argument, "--seed=")) {
      if (!absl::SimpleAtoi(argument, &arguments.first)) return false;
      arguments.seeds = 1;
    } else if (absl::ConsumePrefix(&argument, "--mutation=")) {
      arguments.mutation = std::string(argument);
    } else if (argument == "--trace") {
      arguments.trace = true;
    } else {
      return false;
    }
  }
  return true;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, arguments)) {
    std::cerr << "usage: simulation [--seeds=N] [--first=SEED] [--seed=SEED] [--trace] "
                 "[--mutation=NAME]\n";
    return 2;
  }
  Mutation mutation = Mutation::kNone;
  for (const NamedMutation& named : Mutations()) {
    if (named.name == arguments.mutation) mutation = named.mutation;
  }
  // With a trace the log of the product is part of it.
  if (arguments.trace) {
    log::Configure("simulation", log::Format::kText, log::Level::kInfo);
  } else {
    SilenceProduct();
  }
  if (arguments.trace) std::setvbuf(stdout, nullptr, _IONBF, 0);  // in order with the log
  const auto begin = std::chrono::steady_clock::now();
  absl::Duration simulated;
  int64_t failed = 0;
  Outcome sum;
  for (uint64_t seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed) {
    const Outcome outcome =
        Simulate({.seed = seed, .trace = arguments.trace, .mutation = mutation});
    simulated += outcome.simulated;
    sum.steps += outcome.steps;
    sum.accepted += outcome.accepted;
    sum.lost += outcome.lost;
    sum.repeated += outcome.repeated;
    sum.requests += outcome.requests;
    sum.starts += outcome.starts;
    sum.rate_checks += outcome.rate_checks;
    if (arguments.seeds == 1) std::printf("seed %lu: trace %016lx\n", seed, outcome.hash);
    if ((seed - arguments.first + 1) % 1000 == 0) {
      std::fprintf(stderr, "%lu of %lu seeds\n", seed - arguments.first + 1, arguments.seeds);
    }
    if (outcome.failure.empty()) continue;
    ++failed;
    std::printf("seed %lu: %s\n  %s\n", seed, outcome.failure.c_str(), Reproduction(seed).c_str());
    std::fflush(stdout);
  }
  const double real =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf(
      "%lu seeds, %ld failed; %.0f s simulated in %.1f s, %.0f times as fast; %lu steps, %ld "
      "messages (%ld repeated, %ld named as lost), %ld requests, %ld starts, %lu polls checked\n",
      arguments.seeds, failed, absl::ToDoubleSeconds(simulated), real,
      absl::ToDoubleSeconds(simulated) / real, sum.steps, sum.accepted, sum.repeated, sum.lost,
      sum.requests, sum.starts, sum.rate_checks);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace fieldgate::simulation

int main(int argc, char** argv) { return fieldgate::simulation::Main(argc, argv); }
