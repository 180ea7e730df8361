#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/fault/process_usage.h"

namespace fieldgate::fault {

struct GatewaySoakOptions {
  int64_t requests = 3000;
  int64_t warm_up = 500;
  absl::Duration cut_every = absl::Seconds(2);
  uint64_t seed = 1;
  std::function<void(const std::string&)> on_progress = {};
};

struct GatewaySoakResult {
  int64_t requests = 0;  // since the warm-up
  int64_t cuts = 0;      // each of all three connections
  int64_t messages = 0;
  // By service.
  std::map<std::string, ProcessUsage> before, after;
  std::vector<std::string> problems;
};

// The gateway's own processes under full load: commands, SetConfigs that are in
// force at once, reads and logs, and a broker that is cut off every now and
// then. What each service takes, after so many requests and at the end.
GatewaySoakResult RunGateway(const GatewaySoakOptions& options);

}  // namespace fieldgate::fault
