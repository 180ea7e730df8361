#pragma once

#include "absl/time/time.h"
#include "common/time/clock.h"

namespace fieldgate::cloud_link {

// Fixed-rate schedule on the monotonic clock: no drift, and after a stall one
// due time, not a burst (RTSendTimeN, UpdateRateN).
class SendSchedule {
 public:
  // First due at `start`, then every `period` (> 0).
  SendSchedule(absl::Duration period, MonotonicTime start);

  MonotonicTime next() const { return next_; }
  // True when it is due at `now`; then `next` is the first later grid time.
  bool Due(MonotonicTime now);

 private:
  absl::Duration period_;
  MonotonicTime next_;
};

}  // namespace fieldgate::cloud_link
