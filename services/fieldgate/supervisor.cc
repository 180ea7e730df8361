#include "services/fieldgate/supervisor.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/service/memory.h"

namespace fieldgate::commands {
namespace {

// Services promise to stop within 3 s; systemd and people wait for 5.
constexpr absl::Duration kUntilKill = absl::Seconds(4);
constexpr absl::Duration kUntilGivenUp = absl::Seconds(1);
// The start is over, and so is an import.
constexpr absl::Duration kRelease = absl::Seconds(12);
// How a service says that it was started wrongly (common/service).
constexpr int kMisused = 2;

sigset_t Signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int s : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&signals, s);
  return signals;
}

// The child's side of a start; never returns.
[[noreturn]] void Become(const std::string& program, const ChildCommand& command, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(0);  // it died before prctl
  setpgid(0, 0);
  std::vector<char*> argv = {const_cast<char*>(command.name.c_str())};
  for (const std::string& argument : command.arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execv(program.c_str(), argv.data());
  log::Error("can't execute",
             {{"program", program}, {"service", command.name}, {"error", strerror(errno)}});
  _exit(127);
}

// 0 when there can be no further process now.
pid_t Spawn(const std::string& program, const ChildCommand& command) {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) Become(program, command, parent);
  if (pid < 0) {
    log::Error("can't start", {{"service", command.name}, {"error", strerror(errno)}});
    return 0;
  }
  log::Debug("started", {{"service", command.name}, {"pid", absl::StrCat(pid)}});
  return pid;
}

std::string DescribeEnd(int status) {
  if (WIFSIGNALED(status)) {
    return absl::StrCat("killed by signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)),
                        ")");
  }
  return absl::StrCat("exit status ", WEXITSTATUS(status));
}

}  // namespace

Supervisor::Supervisor(std::string program, const std::vector<ChildCommand>& services,
                       const Clock& clock)
    : program_(std::move(program)), clock_(clock) {
  for (const ChildCommand& command : services) {
    services_.push_back({.command = command, .start_at = clock.Now()});
  }
  const sigset_t signals = Signals();
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGCHLD, SIG_DFL);  // a parent that ignores it hands that down
  signal(SIGPIPE, SIG_IGN);  // who reads the log may end; children inherit it
}

absl::Status Supervisor::Run(const std::optional<ChildCommand>& task) {
  StartDue();
  if (task.has_value()) {
    task_pid_ = Spawn(program_, *task);
    if (task_pid_ == 0) {
      StopAll();
      return absl::AbortedError("the task can't be started");
    }
  }
  MonotonicTime release_at = clock_.Now() + kRelease;
  while (true) {
    if (clock_.Now() >= release_at) {
      service::ReleaseUnusedMemory();
      release_at = MonotonicTime::Never();
    }
    MonotonicTime next = release_at;
    for (const Child& child : services_) {
      if (child.pid == 0) next = std::min(next, child.start_at);
    }
    const int signal_number = WaitForSignal(next);
    if (signal_number != 0 && signal_number != SIGCHLD) {
      log::Info("stopping", {{"signal", strsignal(signal_number)}});
      StopAll();
      return absl::OkStatus();
    }
    if (absl::Status reaped = Reap(/*restart=*/true); !reaped.ok()) {
      StopAll();
      return reaped;
    }
    StartDue();
  }
}

void Supervisor::StartDue() {
  for (Child& child : services_) {
    const MonotonicTime now = clock_.Now();
    if (child.pid != 0 || child.start_at > now) continue;
    child.policy.Started(now);
    ++child.starts;
    child.pid = Spawn(program_, child.command);
    if (child.pid == 0) child.start_at = now + child.policy.Ended(now);
  }
}

int Supervisor::WaitForSignal(MonotonicTime deadline) const {
  const sigset_t signals = Signals();
  // The kernel gives pending signals in the order of their numbers: a wish to
  // stop before SIGCHLD.
  int signal_number;
  if (deadline == MonotonicTime::Never()) {
    signal_number = sigwaitinfo(&signals, nullptr);
  } else {
    const timespec timeout =
        absl::ToTimespec(std::max(deadline - clock_.Now(), absl::ZeroDuration()));
    signal_number = sigtimedwait(&signals, nullptr, &timeout);
  }
  return std::max(signal_number, 0);
}

absl::Status Supervisor::Reap(bool restart) {
  absl::Status result;
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid == task_pid_) {
      task_pid_ = 0;
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        result.Update(absl::AbortedError("the task failed"));
      }
      continue;
    }
    const auto child = std::find_if(services_.begin(), services_.end(),
                                    [pid](const Child& c) { return c.pid == pid; });
    if (child == services_.end()) continue;
    child->pid = 0;
    if (!restart) continue;
    if (child->starts == 1 && WIFEXITED(status) && WEXITSTATUS(status) == kMisused) {
      result.Update(absl::FailedPreconditionError(
          absl::StrCat(child->command.name, " can't start; its message is above")));
      continue;
    }
    const MonotonicTime now = clock_.Now();
    const absl::Duration pause = child->policy.Ended(now);
    child->start_at = now + pause;
    log::Warning("service ended", {{"service", child->command.name},
                                   {"pid", absl::StrCat(pid)},
                                   {"how", DescribeEnd(status)},
                                   {"restart_in", absl::FormatDuration(pause)}});
  }
  return result;
}

bool Supervisor::AnyRunning() const {
  return task_pid_ != 0 || std::any_of(services_.begin(), services_.end(),
                                       [](const Child& child) { return child.pid != 0; });
}

void Supervisor::SignalAll(int signal_number) const {
  for (const Child& child : services_) {
    if (child.pid != 0) kill(child.pid, signal_number);
  }
  if (task_pid_ != 0) kill(task_pid_, signal_number);
}

void Supervisor::StopAll() {
  SignalAll(SIGTERM);
  const auto wait_for_all = [this](absl::Duration patience) {
    const MonotonicTime deadline = clock_.Now() + patience;
    while (AnyRunning() && clock_.Now() < deadline) {
      WaitForSignal(deadline);
      Reap(/*restart=*/false).IgnoreError();  // everything ends anyway
    }
  };
  wait_for_all(kUntilKill);
  for (const Child& child : services_) {
    if (child.pid != 0) log::Warning("killing", {{"service", child.command.name}});
  }
  SignalAll(SIGKILL);
  wait_for_all(kUntilGivenUp);
}

}  // namespace fieldgate::commands
