#include "tests/bench/scratch.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "tests/bench/measure.h"

namespace fieldgate::bench {
namespace {

// A handler may only write; a thread does the rest. Handlers, other than
// blocked signals, don't pass to the programs that are started.
int signal_pipe[2];

void OnSignal(int number) {
  const char byte = static_cast<char>(number);
  [[maybe_unused]] const ssize_t ignored = write(signal_pipe[1], &byte, 1);
}

void EndOnSignal(const std::string& dir) {
  char number = 0;
  while (read(signal_pipe[0], &number, 1) != 1) {
  }
  // Each child leads a group (ChildProcess); services go with their supervisor.
  const auto signal_children = [](int signal) {
    const std::vector<ProcessInfo> tree = ProcessTree(getpid());
    for (const ProcessInfo& process : tree) {
      if (process.parent == getpid()) kill(-process.pid, signal);
    }
  };
  signal_children(SIGTERM);
  absl::SleepFor(absl::Seconds(1));
  signal_children(SIGKILL);
  std::error_code ignored;
  std::filesystem::remove_all(dir, ignored);
  _exit(128 + number);
}

}  // namespace

Scratch::Scratch() : dir_("/tmp/fg-bench.XXXXXX") {
  if (mkdtemp(dir_.data()) == nullptr || pipe2(signal_pipe, O_CLOEXEC) != 0) {
    perror("bench: /tmp");
    exit(1);
  }
  setenv("TEST_TMPDIR", dir_.c_str(), 1);
  std::thread(EndOnSignal, dir_).detach();
  struct sigaction action {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
}

}  // namespace fieldgate::bench
