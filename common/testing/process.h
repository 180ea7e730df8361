#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// What tests need that start other programs and wait for them.
namespace fieldgate {

// A TCP port of the loopback on which nothing listens. It is below the range
// from which outgoing connections take theirs, so it stays free while a server
// on it is stopped for a while.
int FreePort();

// Asks `predicate` every few milliseconds until it is true; false if it still
// isn't after `deadline`, which is generous and only ends a failing test.
bool Eventually(absl::Duration deadline, const std::function<bool()>& predicate);

// Path of a file among the test's data: "debs_runtime/usr/sbin/mosquitto".
std::string RunfilePath(absl::string_view path);

// A new empty directory below TEST_TMPDIR; it goes away with the test.
std::string NewTempDir();

// A program that a test started, in a process group of its own. Destruction
// kills the group and reaps the process. Thread-compatible.
class ChildProcess {
 public:
  struct Options {
    std::vector<std::string> argv;  // argv[0]: path of the program
    // Added to the environment of the test; wins over it.
    std::vector<std::pair<std::string, std::string>> env = {};
    // Where its stdout and stderr go, appended; empty: a new file.
    std::string output_file = {};
  };

  // kUnavailable: the program can't be started.
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const Options& options);

  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }

  // Sends `signal` to the process; nothing if it has ended.
  void Kill(int signal);

  // The wait status (WIFEXITED, WEXITSTATUS ...) once it has ended; nothing if
  // it still runs after `deadline`.
  std::optional<int> WaitForExit(absl::Duration deadline);

  // What it has written so far.
  std::string Output() const;

 private:
  ChildProcess(pid_t pid, std::string output_file);

  const pid_t pid_;
  const std::string output_file_;
  std::optional<int> exit_;
};

}  // namespace fieldgate
