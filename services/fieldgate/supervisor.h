#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/time/clock.h"
#include "services/fieldgate/restart_policy.h"

namespace fieldgate::commands {

// A program started as `name arguments...` (argv[0] is the name).
struct ChildCommand {
  std::string name;
  std::vector<std::string> arguments;
};

// Runs services as child processes. Each is in a process group of its own (a
// Ctrl-C reaches the supervisor alone) and gets SIGTERM when the supervisor
// dies. Use it in a process with one thread.
class Supervisor {
 public:
  // `program` is what children execute. From here on SIGTERM, SIGINT, SIGHUP
  // and SIGCHLD are blocked in this process, and SIGPIPE is ignored.
  Supervisor(std::string program, const std::vector<ChildCommand>& services, const Clock& clock);

  // Starts the services and, once, `task`; starts again what dies
  // (RestartPolicy). Returns when SIGTERM, SIGINT or SIGHUP comes, with OK, or
  // when the task fails, after the services have ended: SIGTERM, and SIGKILL
  // after 4 s. A service that ends with status 2 (misuse) at its first start
  // would do so each time, and stops everything, too.
  //
  // kAborted:            the task failed.
  // kFailedPrecondition: a service refused what it was given; it has said why.
  absl::Status Run(const std::optional<ChildCommand>& task);

 private:
  struct Child {
    ChildCommand command;
    pid_t pid = 0;  // 0: not running
    MonotonicTime start_at;
    int starts = 0;
    RestartPolicy policy = {};
  };

  void StartDue();
  // Waits for a signal until `deadline`; 0: none came.
  int WaitForSignal(MonotonicTime deadline) const;
  // Collects children that ended. An error is Run's.
  absl::Status Reap(bool restart);
  bool AnyRunning() const;
  void SignalAll(int signal_number) const;
  void StopAll();

  const std::string program_;
  const Clock& clock_;
  std::vector<Child> services_;
  pid_t task_pid_ = 0;  // 0: none, or it has succeeded
};

}  // namespace fieldgate::commands
