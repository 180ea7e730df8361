#pragma once

#include <sys/types.h>

#include <string>

#include "absl/time/time.h"
#include "common/service/service.h"

namespace fieldgate::commands {

struct ServiceHealth {
  std::string name;
  // The standard health service says SERVING.
  bool up = false;
  // The process behind the socket; 0: there is none.
  pid_t pid = 0;
  // Why it isn't up: "connection refused".
  std::string error;
};

// Blocks for at most `timeout`.
ServiceHealth CheckHealth(const service::StateDir& dir, const std::string& service,
                          absl::Duration timeout);

}  // namespace fieldgate::commands
