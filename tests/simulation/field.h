#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/time/time.h"
#include "services/process_data/bus/bus.h"
#include "tests/simulation/random.h"
#include "tests/simulation/scheduler.h"
#include "tests/simulation/trace.h"

namespace fieldgate::simulation {

enum class DeviceMood { kAnswers, kSilent, kRefuses, kNoConnection, kGarbled };

// A device with holding registers: 0 and 1 count its polls, so that what arrives
// of them shows whether anything was left out or came out of order; 2 walks at
// random; 10 can be written.
struct Device {
  DeviceMood mood = DeviceMood::kAnswers;
  uint32_t polls = 0;
  uint16_t level = 100;
  uint16_t written = 0;
  std::map<uint16_t, int> writes;  // of each value
  // Of the rate check: when the last poll began, and how many are not checked: after
  // a disturbance one may be off the grid, at which polls come again.
  MonotonicTime last_poll = MonotonicTime::Never();
  int unchecked = 2;
};

// The devices in the field, one a host.
class Field {
 public:
  Field(Scheduler& scheduler, Trace& trace, Random random, absl::Duration poll_period)
      : scheduler_(scheduler), trace_(trace), random_(random), poll_period_(poll_period) {}

  Device& device(const std::string& host) { return devices_[host]; }
  void SetMood(const std::string& host, DeviceMood mood);
  // Polls may have been off their rate: process_data was away, its configuration or
  // mode changed.
  void Disturb();
  void Disturb(const std::string& host);

  absl::Duration latency = absl::Milliseconds(5);

  std::shared_ptr<process_data::Bus> Connect(Process& process, const std::string& host);

  uint64_t rate_checks() const { return rate_checks_; }

 private:
  friend class SimulatedBus;
  void NotePoll(const std::string& host);
  void Read(Device& device, process_data::RegisterAddress first, absl::Span<uint16_t> words);

  Scheduler& scheduler_;
  Trace& trace_;
  Random random_;
  const absl::Duration poll_period_;
  std::map<std::string, Device> devices_;
  uint64_t rate_checks_ = 0;
};

// Most that a poll may be away from its instant.
inline constexpr absl::Duration kRateTolerance = absl::Milliseconds(50);

}  // namespace fieldgate::simulation
