// soak: 10,000 reconnects and more; what the process takes must not grow.
#include <stdlib.h>

#include <cstdio>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/cli/options.h"
#include "common/status/status.h"
#include "tests/fault/gateway_soak.h"
#include "tests/fault/process_usage.h"
#include "tests/fault/reconnect_soak.h"

namespace fieldgate::fault {
namespace {

// True: it passed.
bool Soak(const char* name, int reconnects, bool tls, uint64_t seed) {
  if (reconnects == 0) return true;
  SoakOptions options;
  options.reconnects = reconnects;
  options.warm_up = std::max(20, reconnects / 10);
  options.tls = tls;
  options.seed = seed;
  options.on_progress = [name](const std::string& line) {
    std::printf("%s: %s\n", name, line.c_str());
    std::fflush(stdout);
  };
  const absl::Time begin = absl::Now();
  const SoakResult result = RunReconnects(options);
  const int64_t heap = result.after.heap - result.before.heap;
  const int64_t anonymous = result.after.anonymous - result.before.anonymous;
  const bool passed = result.problems.empty() && heap < kMaxGrowth && anonymous < kMaxGrowth &&
                      result.after.fds <= result.before.fds &&
                      result.after.threads <= result.before.threads;
  std::printf(
      "%s %s: %d reconnects after %d (and %lld half-made connections) in %lld s, %lld messages; "
      "before: %s; after: %s; growth: heap %lld bytes, anonymous memory %lld bytes%s%s\n",
      passed ? "PASSED" : "FAILED", name, result.reconnects, options.warm_up,
      static_cast<long long>(result.half_made),
      static_cast<long long>(absl::ToInt64Seconds(absl::Now() - begin)),
      static_cast<long long>(result.messages), result.before.ToString().c_str(),
      result.after.ToString().c_str(), static_cast<long long>(heap),
      static_cast<long long>(anonymous), result.problems.empty() ? "" : "\n",
      absl::StrJoin(result.problems, "\n").c_str());
  if (!passed) {
    std::printf(
        "Reproduce: bazel run //tests/fault:soak -- --reconnects=%d --tls=%d --requests=0 "
        "--seed=%llu\n",
        tls ? 0 : reconnects, tls ? reconnects : 0, static_cast<unsigned long long>(seed));
  }
  std::fflush(stdout);
  return passed;
}

bool SoakGateway(int requests, uint64_t seed) {
  if (requests == 0) return true;
  unsetenv("GLIBC_TUNABLES");  // CountHeapExactly's; the services are as they are
  GatewaySoakOptions options;
  options.requests = requests;
  options.warm_up = std::max(100, requests / 5);
  options.seed = seed;
  options.on_progress = [](const std::string& line) {
    std::printf("gateway: %s\n", line.c_str());
    std::fflush(stdout);
  };
  const GatewaySoakResult result = RunGateway(options);
  bool passed = result.problems.empty();
  std::string lines;
  for (const auto& [service, before] : result.before) {
    const auto found = result.after.find(service);
    if (found == result.after.end()) continue;
    const ProcessUsage& after = found->second;
    passed = passed && after.anonymous - before.anonymous < kMaxGrowth && after.fds <= before.fds &&
             after.threads <= before.threads;
    absl::StrAppend(&lines, "\n  ", service, ": before ", before.ToString(), "; after ",
                    after.ToString(), "; growth ", after.anonymous - before.anonymous, " bytes");
  }
  std::printf(
      "%s gateway: %lld requests after %lld, %lld cuts of three connections, %lld messages%s%s%s\n",
      passed ? "PASSED" : "FAILED", static_cast<long long>(result.requests),
      static_cast<long long>(options.warm_up), static_cast<long long>(result.cuts),
      static_cast<long long>(result.messages), lines.c_str(), result.problems.empty() ? "" : "\n",
      absl::StrJoin(result.problems, "\n").c_str());
  if (!passed) {
    std::printf(
        "Reproduce: bazel run //tests/fault:soak -- --reconnects=0 --tls=0 --requests=%d "
        "--seed=%llu\n",
        requests, static_cast<unsigned long long>(seed));
  }
  std::fflush(stdout);
  return passed;
}

int Main(int argc, char** argv) {
  CountHeapExactly(argv);
  std::string reconnects = "10000", tls = "1000", requests = "0", seed = "1";
  const cli::Command command = {
      .name = "soak",
      .summary = "Cuts a connector's connection again and again and looks at what it takes.",
      .usage = "[--reconnects=N] [--tls=N] [--requests=N] [--seed=N]",
      .options =
          {{.name = "reconnects",
            .placeholder = "N",
            .help = "Without TLS (10000).",
            .text = &reconnects},
           {.name = "tls", .placeholder = "N", .help = "With TLS (1000).", .text = &tls},
           {.name = "requests",
            .placeholder = "N",
            .help = "To a whole gateway whose connections are cut every 2 s (0).",
            .text = &requests},
           {.name = "seed", .placeholder = "N", .help = "How they are cut (1).", .text = &seed}},
      .details =
          "A tenth of them comes before, as warm-up. Exit status: 0 growth under 1 MB, no "
          "descriptor and no thread more; 1 else.",
  };
  const absl::Status parsed = cli::Parse(command, argc, argv);
  if (absl::IsCancelled(parsed)) {
    std::fputs(cli::Help(command).c_str(), stdout);
    return 0;
  }
  int plain_count = 0;
  int tls_count = 0;
  int request_count = 0;
  uint64_t seed_number = 0;
  if (!parsed.ok() || !absl::SimpleAtoi(reconnects, &plain_count) ||
      !absl::SimpleAtoi(tls, &tls_count) || !absl::SimpleAtoi(requests, &request_count) ||
      !absl::SimpleAtoi(seed, &seed_number) || plain_count < 0 || tls_count < 0 ||
      request_count < 0) {
    std::fprintf(stderr, "soak: %s\n",
                 parsed.ok() ? "options are whole numbers" : parsed.ToString().c_str());
    return 2;
  }
  std::string dir = "/tmp/soak.XXXXXX";
  if (mkdtemp(dir.data()) == nullptr) return 1;
  setenv("TEST_TMPDIR", dir.c_str(), 1);
  const bool plain_passed = Soak("tcp", plain_count, false, seed_number);
  const bool tls_passed = Soak("tls", tls_count, true, seed_number);
  const bool gateway_passed = SoakGateway(request_count, seed_number);
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);
  return plain_passed && tls_passed && gateway_passed ? 0 : 1;
}

}  // namespace
}  // namespace fieldgate::fault

int main(int argc, char** argv) { return fieldgate::fault::Main(argc, argv); }
