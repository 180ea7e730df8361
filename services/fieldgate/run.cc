#include "services/fieldgate/run.h"

#include <malloc.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/service/service.h"
#include "services/fieldgate/run_lock.h"
#include "services/fieldgate/supervisor.h"
#include "services/fieldgate/usage.h"

namespace fieldgate::commands {
namespace {

// A service whose shutdown hangs ends itself after 3 s (common/service).
constexpr absl::Duration kLockPatience = absl::Seconds(5);

constexpr char kDetails[] =
    R"(Makes DIR if it is missing. A service that dies is started again. Ctrl-C or
SIGTERM stops everything within 5 s. One gateway runs on a DIR at a time.

The import files are executed when the services are up. A problem is shown as
FILE:LINE: PATH: what is wrong; what would be right; then everything is
stopped. Warnings are shown likewise. A mistake in FILE.json stops it, too.

Example:
  fieldgate run --state-dir=/tmp/gw --device=device.json --import=gateway.tixml

Exit status: 0 stopped by a signal; 1 already running on DIR, a file can't be
read, or an import failed; 2 misuse.)";

struct Arguments {
  service::StateDir state_dir;
  std::string device;
  std::vector<std::string> imports;
  std::string log_format = "text";
  std::string log_level = "info";
};

absl::Status CheckReadable(const std::string& file) {
  if (access(file.c_str(), R_OK) == 0) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("can't read ", file, ": ", strerror(errno)));
}

std::vector<ChildCommand> Services(const Arguments& arguments) {
  const std::vector<std::string> common = {
      absl::StrCat("--state-dir=", arguments.state_dir.path),
      absl::StrCat("--log-format=", arguments.log_format),
      absl::StrCat("--log-level=", arguments.log_level),
  };
  std::vector<ChildCommand> services;
  for (const char* name : {"config_store", "process_data", "cloud_link"}) {
    services.push_back({.name = name, .arguments = common});
  }
  services[0].arguments.push_back(absl::StrCat("--device=", arguments.device));
  return services;
}

std::optional<ChildCommand> ImportTask(const Arguments& arguments) {
  if (arguments.imports.empty()) return std::nullopt;
  ChildCommand import = {
      .name = "fieldgate",
      .arguments = {"import", absl::StrCat("--state-dir=", arguments.state_dir.path), "--"}};
  import.arguments.insert(import.arguments.end(), arguments.imports.begin(),
                          arguments.imports.end());
  return import;
}

// Else the services would fail one after the other.
absl::Status CheckSocketPaths(const service::StateDir& dir) {
  constexpr size_t kMaxBytes = sizeof(sockaddr_un::sun_path) - 1;
  const size_t bytes = dir.Socket("config_store").size();
  if (bytes <= kMaxBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the path of DIR is too long for the sockets in it; choose one of at most ",
                   dir.path.size() - (bytes - kMaxBytes), " bytes"));
}

absl::Status RunGateway(const Arguments& arguments) {
  for (const std::string& file : arguments.imports) {
    if (absl::Status readable = CheckReadable(file); !readable.ok()) return readable;
  }
  if (absl::Status readable = CheckReadable(arguments.device); !readable.ok()) return readable;
  if (absl::Status fits = CheckSocketPaths(arguments.state_dir); !fits.ok()) return fits;
  if (absl::Status made = service::Prepare(arguments.state_dir); !made.ok()) return made;
  const absl::StatusOr<RunLock> lock =
      RunLock::Take(arguments.state_dir, RealClock().WallNow(), kLockPatience);
  if (!lock.ok()) return lock.status();

  Supervisor supervisor("/proc/self/exe", Services(arguments), RealClock());
  log::Info("starting", {{"state_dir", arguments.state_dir.path}});
  return supervisor.Run(ImportTask(arguments));
}

}  // namespace

int Run(int argc, char** argv) {
  mallopt(M_ARENA_MAX, 1);
  Arguments arguments;
  const cli::Command command = {
      .name = "fieldgate run",
      .summary = "Runs the gateway in the foreground: config_store, process_data and cloud_link.",
      .usage = "--state-dir=DIR --device=FILE.json [--import=FILE.tixml ...]",
      .options = {{.name = "state-dir",
                   .placeholder = "DIR",
                   .help = "Where databases, sockets and certificates are.",
                   .text = &arguments.state_dir.path},
                  {.name = "device",
                   .placeholder = "FILE.json",
                   .help = "Who this device is: serial number, product, interfaces.",
                   .text = &arguments.device},
                  {.name = "import",
                   .placeholder = "FILE.tixml",
                   .help = "Commands to be executed first; may be given several times.",
                   .list = &arguments.imports},
                  {.name = "log-format",
                   .placeholder = "FORMAT",
                   .help = "text (default) or json, a line an event on stderr.",
                   .text = &arguments.log_format},
                  {.name = "log-level",
                   .placeholder = "LEVEL",
                   .help = "Lowest level shown: debug, info (default), warning, error.",
                   .text = &arguments.log_level}},
      .positional = nullptr,
      .details = kDetails,
  };
  if (const auto status = ParseOrExit(command, argc, argv)) return *status;
  log::Format format;
  log::Level level;
  if (arguments.state_dir.path.empty()) return Misuse(command, "--state-dir=DIR is missing");
  if (arguments.device.empty()) return Misuse(command, "--device=FILE.json is missing");
  if (!log::ParseFormat(arguments.log_format, format)) {
    return Misuse(command, "--log-format is text or json");
  }
  if (!log::ParseLevel(arguments.log_level, level)) {
    return Misuse(command, "--log-level is debug, info, warning or error");
  }
  log::Configure("fieldgate", format, level);
  const absl::Status status = RunGateway(arguments);
  if (absl::IsAborted(status)) return Fail(command, "the import failed; everything was stopped");
  return status.ok() ? kDone : Fail(command, status.message());
}

}  // namespace fieldgate::commands
