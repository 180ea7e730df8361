#include "tests/fault/gateway_soak.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/fault/gateway_site.h"
#include "tests/fault/requester.h"

namespace fieldgate::fault {
namespace {

std::map<std::string, ProcessUsage> UsageOfServices(GatewaySite& site) {
  std::map<std::string, ProcessUsage> usage;
  for (const char* service : kServices) usage[service] = UsageOf(site.Pid(service));
  return usage;
}

// At rest: nothing is open, and the least of some times.
std::map<std::string, ProcessUsage> Measure(GatewaySite& site, Requester& requester) {
  constexpr int kTimes = 20;
  requester.Pause();
  Eventually(kPatience, [&] { return requester.AllAnswered(); });
  std::map<std::string, ProcessUsage> least = UsageOfServices(site);
  for (int i = 0; i < kTimes; ++i) {
    const int64_t messages = site.checker().messages() + 5;
    Eventually(kPatience, [&] { return site.checker().messages() >= messages; });
    for (const auto& [service, usage] : UsageOfServices(site)) {
      ProcessUsage& known = least[service];
      known.anonymous = std::min(known.anonymous, usage.anonymous);
      known.fds = std::min(known.fds, usage.fds);
      known.threads = std::min(known.threads, usage.threads);
    }
  }
  requester.Resume();
  return least;
}

}  // namespace

GatewaySoakResult RunGateway(const GatewaySoakOptions& options) {
  GatewaySoakResult result;
  absl::StatusOr<std::unique_ptr<GatewaySite>> site = GatewaySite::Start({});
  if (!site.ok()) {
    result.problems.push_back(site.status().ToString());
    return result;
  }
  Requester requester(**site, options.seed);
  absl::Time cut_at = absl::Now() + options.cut_every;
  // A connector that never runs would pause for longer and longer.
  std::map<std::string, int64_t> at_last_cut;
  const auto all_ran_since = [&] {
    for (int i = 1; i <= kConnectors; ++i) {
      const std::string topic = DataTopic(i);
      if ((*site)->checker().AcknowledgedUntil(topic) <= at_last_cut[topic]) return false;
    }
    return true;
  };
  int64_t told = 0;
  const auto run_until = [&](int64_t requests) {
    absl::Time deadline = absl::Now() + kPatience;
    int64_t before = 0;
    while (requester.sent() < requests) {
      absl::SleepFor(absl::Milliseconds(20));
      const absl::Time now = absl::Now();
      if (now > cut_at && all_ran_since()) {
        for (int i = 1; i <= kConnectors; ++i) {
          at_last_cut[DataTopic(i)] = (*site)->checker().AcknowledgedUntil(DataTopic(i));
        }
        (*site)->proxy().Cut(/*reset=*/++result.cuts % 2 == 0);
        cut_at = now + options.cut_every;
      }
      if (requester.sent() > before) deadline = now + kPatience;
      before = requester.sent();
      if (now > deadline) {
        result.problems.push_back(absl::StrCat("stands still after ", before, " requests"));
        return false;
      }
      if (options.on_progress && before / 500 > told) {
        told = before / 500;
        options.on_progress(absl::StrCat(before, " requests, ", result.cuts, " cuts: cloud_link ",
                                         UsageOf((*site)->Pid("cloud_link")).ToString()));
      }
    }
    return true;
  };
  if (!run_until(options.warm_up)) return result;
  result.before = Measure(**site, requester);
  if (!run_until(options.warm_up + options.requests)) return result;
  result.after = Measure(**site, requester);
  result.requests = options.requests;
  result.messages = (*site)->checker().messages();
  result.problems = (*site)->checker().problems();
  return result;
}

}  // namespace fieldgate::fault
