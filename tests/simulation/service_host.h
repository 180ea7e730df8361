#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/simulation/scheduler.h"
#include "tests/simulation/trace.h"

namespace fieldgate::simulation {

// What runs in a process, made of the product's classes.
class Instance {
 public:
  virtual ~Instance() = default;
  // Ends its threads and destroys its objects, as the process's main does. On a
  // thread of the process.
  virtual void TakeApart() = 0;
};

// One of the three services: a process at a time, or none. It may be killed, and
// is then started again, as systemd does. Thread-compatible.
class ServiceHost {
 public:
  // On a thread of the new process. An error ends it; it is tried again.
  using Starter = std::function<absl::StatusOr<std::unique_ptr<Instance>>(Process& process)>;

  ServiceHost(std::string name, Scheduler& scheduler, Trace& trace, Random random, Starter starter);

  void Start();
  // Dies now, and is started again after `pause`. From outside of all processes.
  void Kill(absl::Duration pause);

  bool up() const { return instance_ != nullptr; }
  Instance* instance() const { return instance_.get(); }
  Process* process() const { return process_; }
  // Grows with each start.
  uint64_t generation() const { return generation_; }
  const std::string& name() const { return name_; }
  int starts() const { return starts_; }

  // What its death does to the machine, before its threads notice.
  std::function<void()> before_death;

  // How long a message to or from it takes at most.
  absl::Duration latency = absl::Milliseconds(2);

  // Calls `handler` on a thread of this service, as gRPC does, and waits for its
  // end. On a thread of `caller`.
  // kUnavailable:      not there within `connect`, or it died; what the handler did
  //                    is not known.
  // kDeadlineExceeded: no answer within `timeout`.
  absl::Status Call(Process& caller, absl::Duration connect, absl::Duration timeout,
                    std::function<void(Instance&)> handler);
  absl::Duration DrawLatency();

 private:
  struct Pending;

  void Launch();

  const std::string name_;
  Scheduler& scheduler_;
  Trace& trace_;
  Random random_;
  const Starter starter_;
  std::vector<std::unique_ptr<Process>> processes_;  // all that ever were
  Process* process_ = nullptr;
  std::unique_ptr<Instance> instance_;
  uint64_t generation_ = 0;
  int starts_ = 0;
  std::vector<std::shared_ptr<Pending>> calls_;
};

}  // namespace fieldgate::simulation
