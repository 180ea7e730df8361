// bench: measures fieldgate against raw baselines and prints one table.
#include "tests/bench/bench.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/cli/options.h"
#include "tests/bench/measure.h"
#include "tests/bench/scratch.h"

namespace fieldgate::bench {
namespace {

struct Benchmark {
  const char* name;
  Rows (*run)(const BenchOptions&);
};

constexpr Benchmark kBenchmarks[] = {
    {"encode", BenchEncode},       {"stream", BenchStream},   {"publish", BenchPublish},
    {"wear", BenchWear},           {"poll", BenchPoll},       {"gateway", BenchGateway},
    {"footprint", BenchFootprint}, {"backlog", BenchBacklog},
};

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const Benchmark& benchmark : kBenchmarks) names.push_back(benchmark.name);
  return names;
}

int Misuse(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  return 2;
}

int Run(int argc, char** argv) {
  std::string only, seconds, messages;
  const cli::Command command = {
      .name = "bench",
      .summary =
          "Measures fieldgate's parts and the whole, each against the barest program that\n"
          "does the same in the same run, and prints one table. What counts is the ratio.",
      .usage = "[--only=NAME,...] [--seconds=N] [--messages=N]",
      .options = {{.name = "only",
                   .placeholder = "NAME,...",
                   .help = absl::StrCat("Of: ", absl::StrJoin(Names(), ", "), "."),
                   .text = &only},
                  {.name = "seconds",
                   .placeholder = "N",
                   .help = "How long the whole gateway is measured at a time (default 20); parts "
                           "take a tenth or less.",
                   .text = &seconds},
                  {.name = "messages",
                   .placeholder = "N",
                   .help = "Of the backlog (default 200000); seven days at ten a second are "
                           "6000000, which take 2 GB of /tmp.",
                   .text = &messages}},
      .positional = nullptr,
      .details =
          "Exit status: 0 measured, also when a target is MISSED; 1 something could not\n"
          "be measured; 2 misuse.",
  };
  if (absl::Status s = cli::Parse(command, argc, argv); absl::IsCancelled(s)) {
    std::fputs(cli::Help(command).c_str(), stdout);
    return 0;
  } else if (!s.ok()) {
    return Misuse(std::string(s.message()));
  }
  BenchOptions options;
  int window_s = 0;
  if (!seconds.empty()) {
    if (!absl::SimpleAtoi(seconds, &window_s) || window_s < 1 || window_s > 3600) {
      return Misuse(absl::StrCat("--seconds: '", seconds, "' is no number from 1 to 3600"));
    }
    options.window = absl::Seconds(window_s);
  }
  if (!messages.empty() && (!absl::SimpleAtoi(messages, &options.messages) ||
                            options.messages < 1 || options.messages > 100'000'000)) {
    return Misuse(absl::StrCat("--messages: '", messages, "' is no number from 1 to 100000000"));
  }
  const std::vector<std::string> wanted = absl::StrSplit(only, ',', absl::SkipEmpty());
  for (const std::string& name : wanted) {
    bool known = false;
    for (const Benchmark& benchmark : kBenchmarks) known |= name == benchmark.name;
    if (!known) {
      return Misuse(absl::StrCat("--only: '", name, "' is none of ", absl::StrJoin(Names(), ", ")));
    }
  }

  const Scratch scratch;
  std::printf("%s\n", MachineFacts().c_str());
  std::fflush(stdout);
  std::vector<Row> rows;
  bool failed = false;
  for (const Benchmark& benchmark : kBenchmarks) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), benchmark.name) == wanted.end())
      continue;
    std::fprintf(stderr, "measuring: %s\n", benchmark.name);
    Rows measured = benchmark.run(options);
    if (!measured.ok()) {
      std::fprintf(stderr, "bench: %s: %s\n", benchmark.name, measured.status().ToString().c_str());
      failed = true;
      continue;
    }
    rows.insert(rows.end(), measured->begin(), measured->end());
  }
  std::printf("\n%s", FormatTable(rows).c_str());
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace fieldgate::bench

int main(int argc, char** argv) { return fieldgate::bench::Run(argc, argv); }
