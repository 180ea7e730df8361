#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/time/clock.h"
#include "proto/config_store.pb.h"
#include "services/process_data/system/network_reader.h"
#include "services/process_data/system/system_values.h"

namespace fieldgate::process_data {

// How long polls took: the last one of the slowest device, and the longest.
struct CycleTimes {
  absl::Duration last;
  absl::Duration longest;
};

// Reads what the machine tells about itself. Thread-compatible; blocks on the
// kernel, and for the counters of logs as their function does.
class SystemReader {
 public:
  struct Options {
    // Before the paths of proc, sys, etc and var: "" is this machine.
    std::string root;
    // Whose file system is FileSystem and FreeFileSize.
    std::string state_dir;
    std::function<std::vector<InterfaceAddress>()> addresses = ReadAddresses;
    // Entries that a log of messages ever had; none: not known at the moment.
    std::function<std::optional<int64_t>(const std::string& log)> log_counter =
        [](const std::string&) { return std::nullopt; };
    std::function<CycleTimes()> cycle_times = [] { return CycleTimes(); };
  };

  SystemReader(const Clock& clock, Options options) : clock_(clock), options_(std::move(options)) {}

  // Reads all of `sources` into `values`; of the others nothing changes. What
  // can't be read is none or empty, but for the counters of logs, which stay
  // as they were. The CPU's load is that since the last reading, or since the machine
  // started.
  void Read(Sources sources, const config_store::v1::Device& device, SystemValues& values);

 private:
  struct CpuTimes {  // ticks since the machine started
    uint64_t busy = 0;
    uint64_t all = 0;
  };

  void ReadMemory(SystemValues& values) const;
  void ReadStorage(SystemValues& values) const;
  void ReadKernel(SystemValues& values) const;
  void ReadTimes(SystemValues& values) const;
  void ReadMainboard(const std::string& signal_led, SystemValues& values);
  std::string File(absl::string_view path) const;

  const Clock& clock_;
  const Options options_;
  CpuTimes cpu_times_;
};

}  // namespace fieldgate::process_data
