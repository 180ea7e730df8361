#include "services/cloud_link/realtime/send_schedule.h"

namespace fieldgate::cloud_link {

SendSchedule::SendSchedule(absl::Duration period, MonotonicTime start)
    : period_(period), next_(start) {}

bool SendSchedule::Due(MonotonicTime now) {
  if (now < next_) return false;
  absl::Duration rest;
  const int64_t missed = absl::IDivDuration(now - next_, period_, &rest);
  next_ = next_ + period_ * (missed + 1);
  return true;
}

}  // namespace fieldgate::cloud_link
