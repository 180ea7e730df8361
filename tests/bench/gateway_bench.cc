// The whole gateway: real services, a real broker, a Modbus device.
#include <signal.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status/status.h"
#include "common/testing/mosquitto.h"
#include "common/testing/process.h"
#include "common/time/clock.h"
#include "services/cloud_link/payload/topics.h"
#include "tests/bench/bench.h"
#include "tests/bench/field.h"
#include "tests/bench/gateway_process.h"
#include "tests/bench/measure.h"
#include "tests/bench/portal.h"

namespace fieldgate::bench {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);
// From the first messages until the start is over: the outbox's log is used
// again and no more grows, and services have given back what only their start
// needed.
constexpr absl::Duration kSettle = absl::Seconds(15);

// Everything around the gateway.
struct Surroundings {
  Mosquitto broker;
  std::unique_ptr<Field> field;
  std::unique_ptr<Portal> portal;
};

absl::StatusOr<std::unique_ptr<Surroundings>> StartSurroundings() {
  auto around = std::make_unique<Surroundings>();
  if (absl::Status s = around->broker.Start(); !s.ok()) return s;
  absl::StatusOr<std::unique_ptr<Field>> field = Field::Start();
  if (!field.ok()) return field.status();
  around->field = *std::move(field);
  absl::StatusOr<std::unique_ptr<Portal>> portal = Portal::Start(around->broker.url());
  if (!portal.ok()) return portal.status();
  around->portal = *std::move(portal);
  return around;
}

// What one side did in a window.
struct Window {
  double cpu_percent = 0;  // of one core, all its processes
  double messages_per_s = 0;
  std::vector<double> latencies_ms;
  int64_t missed_cycles = 0;
};

// Waits until a program is at work.
absl::Status AwaitWork(const Surroundings& around) {
  const int64_t before_start = around.portal->messages();
  if (!Eventually(kPatience, [&] { return around.portal->messages() >= before_start + 3; })) {
    return absl::UnavailableError("no messages arrive");
  }
  absl::SleepFor(kSettle);
  return absl::OkStatus();
}

// Watches the processes of `pid`, which are at work.
Window Watch(Surroundings& around, pid_t pid, absl::Duration window) {
  around.portal->TakeLatencies();
  const int64_t messages_before = around.portal->messages();
  const absl::Duration cpu_before = TreeCpu(pid);
  const MonotonicTime start = RealClock().Now();
  absl::SleepFor(window);
  const double seconds = absl::ToDoubleSeconds(RealClock().Now() - start);
  const absl::Duration cpu = TreeCpu(pid) - cpu_before;
  Window seen;
  seen.cpu_percent = 100 * absl::ToDoubleSeconds(cpu) / seconds;
  seen.messages_per_s = static_cast<double>(around.portal->messages() - messages_before) / seconds;
  seen.latencies_ms = around.portal->TakeLatencies();
  return seen;
}

// All windows of one side.
struct Side {
  std::vector<double> cpu_percent, messages_per_s, latencies_ms;
  int64_t missed_cycles = 0;

  void Add(Window window) {
    missed_cycles += window.missed_cycles;
    cpu_percent.push_back(window.cpu_percent);
    messages_per_s.push_back(window.messages_per_s);
    latencies_ms.insert(latencies_ms.end(), window.latencies_ms.begin(), window.latencies_ms.end());
  }
};

absl::StatusOr<Window> WatchBaseline(Surroundings& around, int poll_ms, absl::Duration window) {
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = ChildProcess::Start(
      {.argv = {RunfilePath("fieldgate/tests/bench/baseline_loop"),
                absl::StrCat(around.field->port()), around.broker.url(),
                cloud_link::TopicsOf(kCustomer, kGateway).data, absl::StrCat(poll_ms)}});
  if (!process.ok()) return process.status();
  const absl::Status works = AwaitWork(around);
  Window seen;
  if (works.ok()) seen = Watch(around, (*process)->pid(), window);
  (*process)->Kill(SIGTERM);
  (*process)->WaitForExit(kPatience);
  const std::string output = (*process)->Output();
  if (!works.ok() || !absl::SimpleAtoi(output, &seen.missed_cycles)) {
    return absl::UnavailableError(absl::StrCat("baseline_loop: ", works.message(), output));
  }
  return seen;
}

absl::StatusOr<Window> WatchGateway(Surroundings& around, int poll_ms, absl::Duration window) {
  absl::StatusOr<std::unique_ptr<GatewayProcess>> gateway =
      GatewayProcess::Start({around.field->port(), around.broker.url(), poll_ms});
  if (!gateway.ok()) return gateway.status();
  if (absl::Status s = AwaitWork(around); !s.ok()) return Annotate(s, (*gateway)->Output());
  const absl::StatusOr<int64_t> missed_before = (*gateway)->MissedCycles();
  if (!missed_before.ok()) return missed_before.status();
  Window seen = Watch(around, (*gateway)->pid(), window);
  const absl::StatusOr<int64_t> missed = (*gateway)->MissedCycles();
  if (!missed.ok()) return missed.status();
  seen.missed_cycles = *missed - *missed_before;
  return seen;
}

struct Comparison {
  Side ours, baseline;
};

absl::StatusOr<Comparison> Compare(Surroundings& around, int poll_ms, const BenchOptions& options) {
  Comparison result;
  for (int round = 0; round < options.rounds; ++round) {
    absl::StatusOr<Window> raw = WatchBaseline(around, poll_ms, options.window);
    if (!raw.ok()) return raw.status();
    result.baseline.Add(*std::move(raw));
    absl::StatusOr<Window> own = WatchGateway(around, poll_ms, options.window);
    if (!own.ok()) return own.status();
    result.ours.Add(*std::move(own));
  }
  return result;
}

std::vector<Row> RowsOf(const Comparison& all, int poll_ms, double cpu_target,
                        bool with_latency_targets) {
  const std::string name = absl::StrCat("gateway, 1,000 registers each ", poll_ms, " ms, ");
  const auto latency = [&](double p, double target) {
    return Row{absl::StrCat(name, "latency p", p * 100), "ms", Percentile(all.ours.latencies_ms, p),
               Percentile(all.baseline.latencies_ms, p),
               with_latency_targets ? Target::RatioAtMost(target) : Target{}};
  };
  return {{name + "CPU", "%", Median(all.ours.cpu_percent), Median(all.baseline.cpu_percent),
           Target::RatioAtMost(cpu_target)},
          latency(0.5, 3),
          latency(0.99, 2.5),
          {name + "messages", "/s", Median(all.ours.messages_per_s),
           Median(all.baseline.messages_per_s)},
          {name + "missed cycles", "", static_cast<double>(all.ours.missed_cycles),
           static_cast<double>(all.baseline.missed_cycles), Target::OursAtMost(0)}};
}

}  // namespace

Rows BenchGateway(const BenchOptions& options) {
  absl::StatusOr<std::unique_ptr<Surroundings>> around = StartSurroundings();
  if (!around.ok()) return around.status();
  std::vector<Row> rows;
  absl::StatusOr<Comparison> slow = Compare(**around, 100, options);
  if (!slow.ok()) return slow.status();
  for (Row& row : RowsOf(*slow, 100, 3.5, true)) rows.push_back(std::move(row));
  absl::StatusOr<Comparison> fast = Compare(**around, 10, options);
  if (!fast.ok()) return fast.status();
  for (Row& row : RowsOf(*fast, 10, 3, false)) rows.push_back(std::move(row));
  return rows;
}

Rows BenchFootprint(const BenchOptions& options) {
  absl::StatusOr<std::unique_ptr<Surroundings>> around = StartSurroundings();
  if (!around.ok()) return around.status();
  absl::StatusOr<std::unique_ptr<GatewayProcess>> gateway =
      GatewayProcess::Start({(*around)->field->port(), (*around)->broker.url(), 1000, false});
  if (!gateway.ok()) return gateway.status();
  if (absl::Status s = AwaitWork(**around); !s.ok()) return Annotate(s, (*gateway)->Output());
  const Window seen = Watch(**around, (*gateway)->pid(), options.window);
  std::vector<Row> rows = {
      {"1,000 points a second, CPU", "%", seen.cpu_percent, std::nullopt, Target::OursAtMost(0.4)}};
  double total = 0;
  for (const ProcessInfo& process : ProcessTree((*gateway)->pid())) {
    absl::StatusOr<int64_t> pss = PssOf(process.pid);
    if (!pss.ok()) return pss.status();
    const double megabytes = static_cast<double>(*pss) / 1e6;
    rows.push_back({absl::StrCat("1,000 points, PSS of ", process.name), "MB", megabytes});
    total += megabytes;
  }
  rows.push_back({"1,000 points, PSS of all", "MB", total, std::nullopt, Target::OursAtMost(24)});
  return rows;
}

}  // namespace fieldgate::bench
