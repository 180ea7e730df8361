#include "tests/simulation/service_host.h"

#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fieldgate::simulation {

struct ServiceHost::Pending {
  explicit Pending(Process& caller) : changed(caller.MakeConditionVariable()) {}

  std::mutex mutex;
  std::unique_ptr<ConditionVariable> changed;
  bool done = false;
  bool lost = false;
};

ServiceHost::ServiceHost(std::string name, Scheduler& scheduler, Trace& trace, Random random,
                         Starter starter)
    : name_(std::move(name)),
      scheduler_(scheduler),
      trace_(trace),
      random_(random),
      starter_(std::move(starter)) {}

absl::Duration ServiceHost::DrawLatency() {
  return random_.Between(absl::Microseconds(50), latency);
}

void ServiceHost::Start() {
  if (process_ != nullptr) return;
  processes_.push_back(std::make_unique<Process>(scheduler_, name_));
  process_ = processes_.back().get();
  ++starts_;
  process_->Detach([this, process = process_] {
    absl::StatusOr<std::unique_ptr<Instance>> instance = starter_(*process);
    if (!process->alive()) {
      if (instance.ok()) (*instance)->TakeApart();
      return;
    }
    if (instance.ok()) {
      instance_ = *std::move(instance);
      ++generation_;
      trace_.Note(name_, "runs");
      return;
    }
    trace_.Note(name_, "can't start: ", instance.status().ToString());
    scheduler_.After(absl::ZeroDuration(), [this, process] {
      if (process_ == process) Kill(absl::Seconds(1));
    });
  });
}

void ServiceHost::Kill(absl::Duration pause) {
  if (process_ == nullptr) return;
  Process* const process = std::exchange(process_, nullptr);
  const std::shared_ptr<Instance> instance = std::move(instance_);
  if (before_death) before_death();
  trace_.Note(name_, "dies");
  for (const auto& call : std::exchange(calls_, {})) {
    call->lost = true;
    call->changed->NotifyAll();
  }
  const bool ended = process->Die([instance] {
    if (instance != nullptr) instance->TakeApart();
  });
  if (!ended) trace_.Fail(name_, ": its threads never end");
  if (pause != absl::InfiniteDuration()) scheduler_.After(pause, [this] { Start(); });
}

absl::Status ServiceHost::Call(Process& caller, absl::Duration connect, absl::Duration timeout,
                               std::function<void(Instance&)> handler) {
  constexpr absl::Duration kLook = absl::Milliseconds(100);
  const absl::Status lost = absl::UnavailableError(absl::StrCat(name_, " is not there"));
  const MonotonicTime give_up = caller.clock().Now() + connect;
  while (!up()) {
    if (caller.clock().Now() >= give_up) return lost;
    caller.Sleep(kLook);
  }
  caller.Sleep(DrawLatency());
  if (!caller.alive() || !up()) return lost;
  const auto call = std::make_shared<Pending>(caller);
  std::erase_if(calls_, [](const auto& pending) { return pending->done; });
  calls_.push_back(call);
  process_->Detach([call, instance = instance_.get(), handler = std::move(handler)] {
    handler(*instance);
    if (call->lost) return;
    call->done = true;
    call->changed->NotifyAll();
  });
  {
    std::unique_lock lock(call->mutex);
    call->changed->AwaitUntil(lock, caller.clock().Now() + timeout,
                              [&] { return call->done || call->lost; });
  }
  if (call->lost || !caller.alive()) return lost;
  if (!call->done) return absl::DeadlineExceededError(absl::StrCat(name_, " does not answer"));
  caller.Sleep(DrawLatency());
  return absl::OkStatus();
}

}  // namespace fieldgate::simulation
