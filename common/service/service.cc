#include "common/service/service.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/cli/options.h"
#include "common/log/log.h"
#include "common/service/memory.h"

namespace fieldgate::service {
namespace {

constexpr std::chrono::seconds kStopWithin(3);
// When memory is given back: after the start, and after what came since.
constexpr timespec kFirstRelease = {10, 0};
constexpr timespec kRelease = {600, 0};
constexpr int kFailed = 1;
constexpr int kMisuse = 2;

// Threads inherit the mask, so that the signal waits for `wait` alone.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int Misuse(absl::string_view service, absl::string_view problem) {
  const std::string text = absl::StrCat(service, ": ", problem, "\nSee ", service, " --help.\n");
  std::fputs(text.c_str(), stderr);
  return kMisuse;
}

}  // namespace

int Main(
    absl::string_view service, int argc, char** argv,
    const std::function<absl::Status(const Options&, const std::function<void()>& wait)>& run) {
  // gRPC's threads would otherwise each get an arena of the heap.
  mallopt(M_ARENA_MAX, 2);
  // Debian's abseil looks for deadlocks at each lock of gRPC's.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // All services are one program; its name in ps and top says which.
  prctl(PR_SET_NAME, std::string(service).c_str());
  const sigset_t stop_signals = BlockStopSignals();
  signal(SIGPIPE, SIG_IGN);  // a peer that went away is an error of the write

  Options options;
  std::string format_name = "text";
  std::string level_name = "info";
  cli::Command command = {
      .name = std::string(service),
      .summary = absl::StrCat("Runs the service ", service,
                              " in the foreground until SIGTERM or SIGINT comes."),
      .usage = "--state-dir=DIR [--log-format=text|json] [--log-level=LEVEL]",
      .options =
          {
              {.name = "state-dir",
               .placeholder = "DIR",
               .help = "Where databases, sockets and certificates are; made if it is missing.",
               .text = &options.state_dir.path},
              {.name = "log-format",
               .placeholder = "FORMAT",
               .help = "text (default) or json, a line an event on stderr.",
               .text = &format_name},
              {.name = "log-level",
               .placeholder = "LEVEL",
               .help = "Lowest level shown: debug, info (default), warning, error.",
               .text = &level_name},
          },
      .positional = nullptr,
      .details = "Exit status: 0 after a signal, 1 on an error, 2 on misuse.",
  };
  const bool needs_device = service == "config_store";
  if (needs_device) {
    command.usage =
        "--state-dir=DIR --device=FILE.json [--log-format=text|json] [--log-level=LEVEL]";
    command.options.push_back({.name = "device",
                               .placeholder = "FILE.json",
                               .help = "Who this device is: serial number, product, interfaces.",
                               .text = &options.device_file});
  }
  const absl::Status parsed = cli::Parse(command, argc, argv);
  if (absl::IsCancelled(parsed)) {
    std::fputs(cli::Help(command).c_str(), stdout);
    return 0;
  }
  log::Format format;
  log::Level level;
  if (!parsed.ok()) return Misuse(service, parsed.message());
  if (options.state_dir.path.empty()) return Misuse(service, "--state-dir=DIR is missing");
  if (needs_device && options.device_file.empty()) {
    return Misuse(service, "--device=FILE.json is missing");
  }
  if (!log::ParseFormat(format_name, format)) {
    return Misuse(service, "--log-format is text or json");
  }
  if (!log::ParseLevel(level_name, level)) {
    return Misuse(service, "--log-level is debug, info, warning or error");
  }
  log::Configure(service, format, level);

  // A call that hangs (a device, a name server) must not hold up the end: what
  // matters is on the disk already.
  std::promise<void> ended;
  std::thread guard;
  absl::Status status = Prepare(options.state_dir);
  if (status.ok()) {
    status = run(options, [&] {
      int signal_number = -1;
      for (timespec pause = kFirstRelease; signal_number < 0; pause = kRelease) {
        signal_number = sigtimedwait(&stop_signals, nullptr, &pause);
        if (signal_number < 0 && errno == EAGAIN) ReleaseUnusedMemory();
      }
      log::Info("stopping", {{"signal", signal_number == SIGTERM ? "SIGTERM" : "SIGINT"}});
      guard = std::thread([&ended] {
        if (ended.get_future().wait_for(kStopWithin) == std::future_status::ready) return;
        log::Warning("calls under way were cut off");
        _exit(0);
      });
    });
  }
  ended.set_value();
  if (guard.joinable()) guard.join();
  if (!status.ok()) {
    log::Error("stopped", {{"error", std::string(status.message())}});
    return kFailed;
  }
  return 0;
}

}  // namespace fieldgate::service
