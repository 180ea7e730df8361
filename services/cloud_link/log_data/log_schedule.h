#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/time/clock.h"
#include "proto/config_store.pb.h"
#include "services/cloud_link/realtime/send_schedule.h"

namespace fieldgate::cloud_link {

// Which log section of a connector is to be read next, and when (manual 1 "Log
// data"): right after the connector began to run and then each LogSendTimeN, and
// on command. A section is its index in the connector. Pure; thread-compatible.
class LogSchedule {
 public:
  // After a failure a section is tried again after this.
  static constexpr absl::Duration kRetryAfter = absl::Seconds(10);

  explicit LogSchedule(const config_store::v1::Connector& connector);

  // The connector runs from now on.
  void Start(MonotonicTime now);
  // It doesn't any more. What was asked for by command stays so, also when it was
  // just being read.
  void Stop();
  // Takes over what was asked for of logs that are still sent; `former` is
  // stopped.
  void KeepRequests(const LogSchedule& former);

  // <CloudSendLogData/>: reads the section with this number, or all; false when
  // there is none.
  bool SendNow(std::optional<int> section_number);

  // The section to read now, in turn; none while the connector doesn't run, or
  // another one is being read: until Done, Failed or Stop.
  std::optional<size_t> Next(MonotonicTime now);
  // What was read is stored; `more`: there may be more.
  void Done(bool more);
  void Failed(MonotonicTime now);
  // The section that is being read.
  std::optional<size_t> reading() const { return reading_; }

  // When Next has something again.
  MonotonicTime NextDeadline() const;

 private:
  struct Section {
    std::string log;
    int number = 0;
    absl::Duration period;  // zero: by command only
    std::optional<SendSchedule> schedule;
    bool wanted = false;
    MonotonicTime not_before;
  };

  std::vector<Section> sections_;
  bool running_ = false;
  std::optional<size_t> reading_;
  size_t turn_ = 0;  // the section that Next looks at first
};

}  // namespace fieldgate::cloud_link
