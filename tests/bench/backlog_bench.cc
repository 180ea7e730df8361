// A week without a connection, and then the connection.
#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/testing/mosquitto.h"
#include "common/testing/process.h"
#include "services/cloud_link/outbox/outbox_pump.h"
#include "tests/bench/backlog.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"

namespace fieldgate::bench {
namespace {

// Before the same subscriber.
absl::StatusOr<double> MeasureBare(const std::string& url, const std::string& topic,
                                   absl::Duration window, int64_t bytes) {
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = ChildProcess::Start(
      {.argv = {RunfilePath("fieldgate/tests/bench/baseline_publish"), url, topic,
                absl::StrCat(bytes), absl::StrCat(cloud_link::OutboxPump::kWindowEntries),
                absl::StrCat(absl::ToDoubleSeconds(window))}});
  if (!process.ok()) return process.status();
  const std::optional<int> status = (*process)->WaitForExit(window + absl::Seconds(30));
  double rate = 0;
  if (status != 0 || !absl::SimpleAtod((*process)->Output(), &rate)) {
    return absl::UnavailableError(absl::StrCat("baseline_publish: ", (*process)->Output()));
  }
  return rate;
}

double Longest(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

}  // namespace

Rows BenchBacklog(const BenchOptions& options) {
  constexpr double kMegabyte = 1 << 20;
  Mosquitto broker;
  if (absl::Status s = broker.Start(); !s.ok()) return s;
  BacklogOptions of_one;
  of_one.broker_url = broker.url();
  of_one.messages = 1;
  // Before and after, and the better one counts: what else the machine does
  // changes within minutes.
  double bare = 0;
  const auto measure_bare = [&](const std::string& topic, int64_t bytes) {
    absl::StatusOr<double> measured = MeasureBare(broker.url(), topic, options.window, bytes);
    if (measured.ok()) bare = std::max(bare, *measured);
    return measured.status();
  };
  of_one.afterwards = measure_bare;
  absl::StatusOr<BacklogDrain> one = DrainBacklog(of_one);
  if (!one.ok()) return one.status();
  BacklogOptions backlog;
  backlog.broker_url = broker.url();
  backlog.messages = options.messages;
  backlog.idle_commands = 20;
  backlog.afterwards = measure_bare;
  absl::StatusOr<BacklogDrain> drain = DrainBacklog(backlog);
  if (!drain.ok()) return drain.status();
  const double rate =
      static_cast<double>(options.messages - 1) / absl::ToDoubleSeconds(drain->took);
  const std::string name = absl::StrCat("backlog of ", options.messages);
  return std::vector<Row>{
      {absl::StrCat(name, ": drained, ", drain->body_bytes, " B each (raw: Paho C alone)"), "/s",
       rate, bare, Target::RatioAtLeast(0.5)},
      {name + ": command, median (raw: without backlog)", "ms", Median(drain->busy_commands_ms),
       Median(drain->idle_commands_ms), Target()},
      {name + ": command, longest (raw: without backlog)", "ms", Longest(drain->busy_commands_ms),
       Longest(drain->idle_commands_ms), Target::OursAtMost(1000)},
      {name + ": start to first message (raw: backlog of 1)", "s",
       absl::ToDoubleSeconds(drain->first_after), absl::ToDoubleSeconds(one->first_after),
       Target::RatioAtMost(1.5)},
      {name + ": cloud_link's memory, growth (raw: at the start)", "MB",
       static_cast<double>(drain->memory_at_most - drain->memory_at_first) / kMegabyte,
       static_cast<double>(drain->memory_at_first) / kMegabyte, Target::OursAtMost(8)}};
}

}  // namespace fieldgate::bench
