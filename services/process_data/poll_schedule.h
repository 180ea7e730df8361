#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "common/time/clock.h"

namespace fieldgate::process_data {

// When each device of a line is polled: at a fixed rate (each device has a
// grid of instants, one period apart, that reading times don't move), or, while
// it does not answer, after pauses that double from its period to its longest
// backoff. A grid instant that passes before the poll of the one before has
// ended is skipped and counted, never made up for.
//
// Pure: time comes in as an argument. Thread-compatible.
class PollSchedule {
 public:
  struct Timing {
    absl::Duration period;
    absl::Duration max_backoff;
  };
  struct Turn {
    size_t device = 0;
    MonotonicTime due = MonotonicTime::Never();
  };

  // All devices are due at `start`.
  PollSchedule(std::vector<Timing> devices, MonotonicTime start);

  // The device that is due first; of several, the one configured first. Never
  // when there are no devices.
  Turn Next() const;

  // The poll of `device` begins at `now`, not before it is due. Returns how
  // many polls were skipped since its last one.
  uint64_t Begin(size_t device, MonotonicTime now);

  // The poll begun has ended.
  void End(size_t device, MonotonicTime now, bool answered);

  // The device has answered something else than a poll: one that is in backoff
  // is due at `now`.
  void EndBackoff(size_t device, MonotonicTime now);

  // All devices are due at `now`; what passed before counts as nothing (after
  // a pause).
  void Restart(MonotonicTime now);

 private:
  struct Device {
    Timing timing;
    MonotonicTime slot;  // the grid's instant that is next or running
    MonotonicTime due;
    absl::Duration backoff;  // zero: it answers
  };
  std::vector<Device> devices_;
};

}  // namespace fieldgate::process_data
