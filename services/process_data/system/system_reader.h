#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/time/clock.h"
#include "proto/config_store.pb.h"
#include "services/process_data/system/network_reader.h"
#include "services/process_data/system/system_values.h"

namespace fieldgate::process_data {

// Reads what the machine tells about itself. Thread-compatible but for Ask.
class SystemReader {
 public:
  struct Options {
    // Before the paths of proc, sys, etc and var: "" is this machine.
    std::string root;
    // Whose file system is FileSystem and FreeFileSize.
    std::string state_dir;
    std::function<std::vector<InterfaceAddress>()> addresses = ReadAddresses;
    // Entries that a log of messages ever had; none: not known at the moment.
    // May block.
    std::function<std::optional<int64_t>(const std::string& log)> log_counter =
        [](const std::string&) { return std::nullopt; };
    // What is known of the modem of a network interface. May block.
    std::function<ModemReport(const std::string&)> modem = [](const std::string&) {
      return ModemReport();
    };
    std::function<PollingStatus()> polling = [] { return PollingStatus(); };
  };

  // What others answer.
  struct Answers {
    std::map<std::string, int64_t> log_counters = {};
    ModemReport modem = {};
  };

  SystemReader(const Clock& clock, Options options) : clock_(clock), options_(std::move(options)) {}

  // Asks those of `sources` that are no part of the kernel. `modem` is the
  // network interface of the modem, or "". Thread-safe; blocks as the functions
  // of the options do.
  Answers Ask(Sources sources, const std::string& modem) const;

  // Reads all of `sources` into `values`, with the answers of Ask for them; of
  // the others nothing changes. What can't be read is none or empty, but for
  // the counters of logs, which stay as they were. The CPU's load is that since
  // the last reading, or since the machine started. Blocks on the kernel.
  void Read(Sources sources, const config_store::v1::Device& device, const Answers& answers,
            SystemValues& values);

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
