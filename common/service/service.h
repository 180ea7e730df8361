#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// What the mains of all services share.
namespace fieldgate::service {

// Where things are in a state directory (mode 0700).
struct StateDir {
  std::string path;

  std::string Socket(absl::string_view service) const;  // DIR/run/<service>.sock
  std::string File(absl::string_view name) const;       // DIR/<name>
  std::string Certs() const;                            // DIR/certs
};

// kNotFound etc.: can't make DIR (0700), DIR/run or DIR/certs, or they belong
// to somebody else.
absl::Status Prepare(const StateDir& dir);

struct Options {
  StateDir state_dir;
  std::string device_file;  // config_store only
};

// The life of a service process: parses --state-dir, --device, --log-format,
// --log-level; prepares the directory and logging; blocks SIGTERM and SIGINT
// and ignores SIGPIPE before any thread exists; calls `run`.
//
// `run` starts its threads, then calls `wait`, which returns when SIGTERM or
// SIGINT comes, and shuts down; what still runs 3 s later is cut off. Its error
// is logged; the exit status is 0, 1 (error) or 2 (misuse).
int Main(absl::string_view service, int argc, char** argv,
         const std::function<absl::Status(const Options&, const std::function<void()>& wait)>& run);

}  // namespace fieldgate::service
