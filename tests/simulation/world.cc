#include "tests/simulation/world.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/tixml/codec.h"

namespace fieldgate::simulation {
namespace {

// A loop that rests does a few hundred steps a second; one that doesn't, as many
// as it can.
constexpr uint64_t kStepsASecond = 20'000;
// From the end of all faults to running: the longest pause between connects, a
// connect that still hangs, and a few tries of rollout and init.
constexpr int kRunsWithinS = 120 + 30 + 4 * (kResponseTimeoutS + kRetryMaxS);
constexpr absl::Duration kRunsWithin = absl::Seconds(kRunsWithinS);
// And until all is delivered and answered. A request that was lost is sent again
// by the portal, and one on probation waits for its outcome.
constexpr absl::Duration kSettlesWithin = absl::Seconds(kRunsWithinS + 120);
constexpr absl::Duration kSendAgain = absl::Seconds(15);
// Data must go on afterwards.
constexpr absl::Duration kGoesOn = absl::Seconds(10);

std::string TextOf(const config_store::ConfigurationStore& store) {
  const auto nodes = store.GetConfig("");
  std::string text;
  if (!nodes.ok()) return text;
  for (const tixml::Node& node : nodes->nodes) text += tixml::WriteElement(node);
  return text;
}

}  // namespace

World::World(const Options& options)
    : options_(options),
      random_(options.seed),
      plan_(options.plan.has_value() ? *options.plan : MakePlan(random_.Fork())),
      scheduler_(random_.Next()),
      trace_(scheduler_, options.trace),
      disk_(random_.Next()),
      field_(scheduler_, trace_, random_.Fork(), kPollPeriod),
      portal_(scheduler_, trace_, random_.Fork()),
      broker_("tcp://broker:1883", scheduler_, trace_, random_.Fork(),
              [this](const Broker::Arrival& arrival) { portal_.OnArrival(arrival); }),
      around_{.scheduler = scheduler_,
              .trace = trace_,
              .disk = disk_,
              .field = field_,
              .portal = portal_,
              .find_broker = [this](const std::string& url) -> Broker* {
                return url == broker_.url() ? &broker_ : nullptr;
              }},
      config_store_("config_store", scheduler_, trace_, random_.Fork(),
                    [this](Process& process) { return ConfigInstance::Start(process, around_); }),
      process_data_("process_data", scheduler_, trace_, random_.Fork(),
                    [this](Process& process) { return ProcessInstance::Start(process, around_); }),
      cloud_link_("cloud_link", scheduler_, trace_, random_.Fork(),
                  [this](Process& process) { return CloudInstance::Start(process, around_); }),
      faults_(random_.Fork()),
      faults_end_(scheduler_.now() + plan_.faults_last) {
  portal_.SetBroker(broker_);
  around_.config_store = &config_store_;
  around_.process_data = &process_data_;
  around_.cloud_link = &cloud_link_;
  around_.shrink_outbox = plan_.shrink_outbox;
  around_.mutation = options_.mutation;
  around_.on_applied = [this](const config_store::ConfigurationStore& store) {
    OnConfigApplied(store);
  };
  around_.on_config_opened = [this](config_store::ConfigurationStore& store) {
    OnConfigOpened(store);
  };
  around_.restart_all = [this] {
    scheduler_.After(absl::Milliseconds(10), [this] {
      for (ServiceHost* host : {&config_store_, &process_data_, &cloud_link_}) {
        host->Kill(absl::Milliseconds(200));
      }
    });
  };
  config_store_.before_death = [this] { disk_.Kill("/config/"); };
  process_data_.before_death = [this] {
    field_.Disturb();
    disk_.Kill("/process/");
  };
  cloud_link_.before_death = [this] { disk_.Kill("/cloud/"); };
  for (const ConnectorPlan& connector : plan_.connectors) {
    portal_.AddConnector(connector.name, connector.client_id, connector.customer_id,
                         connector.gateway_id);
    if (connector.qos == 0) portal_.ledger(connector.name).AllowLossOnTheWay();
  }
}

World::~World() {
  // No thread may outlive what it uses.
  for (ServiceHost* host : {&cloud_link_, &process_data_, &config_store_}) {
    host->Kill(absl::InfiniteDuration());
  }
}

void World::OnConfigOpened(config_store::ConfigurationStore& store) {
  const int64_t revision = store.Current()->revision();
  if (revision == 0) {
    const absl::StatusOr<tixml::Document> commands =
        tixml::Parse(InitialConfiguration(plan_, options_.mutation == Mutation::kPollsLate));
    if (!commands.ok()) return trace_.Fail("configuration: ", commands.status().ToString());
    for (const tixml::Node& command : commands->nodes) {
      const auto response = store.SetConfig(*command.Find("_"), command.children, "simulation");
      if (!response.ok()) return;  // the disk; tried again after the restart
      if (!response->applied()) {
        return trace_.Fail("configuration: ", response->problems(0).path(), ": ",
                           response->problems(0).message());
      }
    }
    return OnConfigApplied(store);
  }
  // A later one may have been under way, or one on probation been taken back.
  if (revision < applied_revision_ ||
      (revision == applied_revision_ && TextOf(store) != applied_)) {
    trace_.Fail("config_store starts with revision ", revision, "; ", applied_revision_,
                " was in force, with another content");
  }
}

void World::OnConfigApplied(const config_store::ConfigurationStore& store) {
  applied_revision_ = store.Current()->revision();
  applied_ = TextOf(store);
}

void World::CheckStep() {
  if (scheduler_.steps_this_second() > kStepsASecond) {
    trace_.Fail("over ", kStepsASecond, " steps in a second: something does not rest");
  }
  if (disk_.power_is_off()) CutPower();
}

void World::AskStatus() {
  if (asking_ || !cloud_link_.up()) return;
  asking_ = true;
  const uint64_t generation = cloud_link_.generation();
  std::map<std::string, int64_t> dropped;
  for (const ConnectorPlan& c : plan_.connectors) {
    dropped[c.name] = portal_.ledger(c.name).dropped();
  }
  cloud_link_.process()->Detach([this, generation, dropped] {
    auto& cloud = *static_cast<CloudInstance*>(cloud_link_.instance());
    const auto status = cloud.gateway().Status();
    asking_ = false;
    if (!cloud_link_.up() || cloud_link_.generation() != generation) return;
    if (!status.ok()) return;
    status_ = *status;
    for (const auto& connector : status->connectors()) {
      const auto counted = static_cast<int64_t>(connector.messages_dropped());
      const int64_t now = portal_.ledger(connector.name()).dropped();
      if (counted < dropped.at(connector.name()) || counted > now) {
        trace_.Fail(connector.name(), ": the status counts ", counted, " lost messages; there are ",
                    now);
      }
    }
  });
}

bool World::AllRun() const {
  if (!config_store_.up() || !process_data_.up() || !cloud_link_.up()) return false;
  if (!status_.has_value() || !status_->config_store_ok() || !status_->process_data_ok() ||
      status_->connectors_size() != static_cast<int>(plan_.connectors.size())) {
    return false;
  }
  for (const auto& connector : status_->connectors()) {
    if (connector.state() != cloud_link::v1::RUNNING) return false;
  }
  return true;
}

bool World::Settled() const {
  if (!AllRun() || !portal_.AllAnswered()) return false;
  for (const auto& connector : status_->connectors()) {
    if (connector.messages_waiting() > 0) return false;
  }
  return static_cast<ProcessInstance*>(process_data_.instance())->control().Mode() == "Run";
}

std::string World::WhatIsMissing() const {
  for (const ServiceHost* host : {&config_store_, &process_data_, &cloud_link_}) {
    if (!host->up()) return absl::StrCat(host->name(), " does not run");
  }
  if (!status_.has_value()) return "no status";
  if (!AllRun()) return absl::StrCat("not running: ", status_->ShortDebugString());
  for (const auto& connector : status_->connectors()) {
    if (connector.messages_waiting() > 0) {
      return absl::StrCat(connector.name(), " has ", connector.messages_waiting(),
                          " messages waiting");
    }
  }
  for (const auto& [key, job] : portal_.jobs()) {
    if (job.answers.empty()) return absl::StrCat("no answer to ", key);
  }
  return "the program stands still";
}

bool World::AllArrived() {
  for (const ConnectorPlan& c : plan_.connectors) {
    if (!portal_.ledger(c.name).AllArrived()) return false;
  }
  return true;
}

Outcome World::Run() {
  trace_.Note("seed", options_.seed, ": ", plan_.connectors.size(), " connectors");
  for (const FaultKind kind : plan_.faults) trace_.Note("fault", NameOf(kind));
  const MonotonicTime start = scheduler_.now();
  const auto check = [this] {
    CheckStep();
    return !trace_.failed();
  };
  config_store_.Start();
  scheduler_.RunUntil(start + absl::Milliseconds(100), check);
  process_data_.Start();
  cloud_link_.Start();
  ScheduleFaults();
  scheduler_.RunUntil(faults_end_, check);

  EndFaults();
  const MonotonicTime calm = scheduler_.now();
  std::optional<MonotonicTime> ran;
  while (!trace_.failed()) {
    AskStatus();
    // Not in step with what is sent each second, which would always be under way.
    scheduler_.RunUntil(
        scheduler_.now() + random_.Between(absl::Milliseconds(600), absl::Milliseconds(1400)),
        check);
    if (trace_.failed()) break;
    if (!ran.has_value() && AllRun()) ran = scheduler_.now();
    if (!ran.has_value() && scheduler_.now() > calm + kRunsWithin) {
      trace_.Fail("not running ", absl::FormatDuration(kRunsWithin),
                  " after all faults: ", WhatIsMissing());
    }
    if (Settled()) break;
    if (scheduler_.now() > calm + kSettlesWithin) {
      trace_.Fail("not at rest ", absl::FormatDuration(kSettlesWithin),
                  " after all faults: ", WhatIsMissing());
    }
    portal_.Resend(kSendAgain);
  }
  std::map<std::string, int64_t> accepted;
  for (const ConnectorPlan& c : plan_.connectors)
    accepted[c.name] = portal_.ledger(c.name).accepted();
  if (!trace_.failed()) {
    portal_.CheckAnswers();
    scheduler_.RunUntil(scheduler_.now() + kGoesOn, check);
  }
  // What was accepted a moment ago is still on its way.
  const MonotonicTime end = scheduler_.now() + absl::Seconds(5);
  while (!trace_.failed() && scheduler_.now() < end && !AllArrived()) {
    scheduler_.RunUntil(scheduler_.now() + absl::Milliseconds(10), check);
  }
  for (const ConnectorPlan& c : plan_.connectors) {
    if (trace_.failed()) break;
    const int64_t more = portal_.ledger(c.name).accepted() - accepted[c.name];
    if (more < absl::ToInt64Seconds(kGoesOn) / c.send_period_s - 1) {
      trace_.Fail(c.name, ": ", more, " messages in the last ", absl::FormatDuration(kGoesOn));
    }
    portal_.ledger(c.name).CheckAllArrived();
  }

  Outcome outcome;
  outcome.failure = trace_.failure();
  outcome.hash = scheduler_.hash();
  outcome.simulated = scheduler_.now() - start;
  outcome.steps = scheduler_.steps();
  for (const ConnectorPlan& c : plan_.connectors) {
    const Ledger& ledger = portal_.ledger(c.name);
    outcome.accepted += ledger.accepted();
    outcome.lost += ledger.lost();
    outcome.repeated += ledger.repeated();
  }
  outcome.requests = static_cast<int64_t>(portal_.jobs().size());
  outcome.starts = config_store_.starts() + process_data_.starts() + cloud_link_.starts();
  outcome.rate_checks = field_.rate_checks();
  return outcome;
}

Outcome Simulate(const Options& options) { return World(options).Run(); }

std::string Reproduction(uint64_t seed) {
  return absl::StrCat("bazel run //tests/simulation:simulation -- --seed=", seed, " --trace");
}

void SilenceProduct() {
  constexpr int kAboveAll = static_cast<int>(log::Level::kError) + 1;
  log::Configure("simulation", log::Format::kText, static_cast<log::Level>(kAboveAll));
}

}  // namespace fieldgate::simulation
