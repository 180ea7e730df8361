#include "services/process_data/poll_schedule.h"

#include <algorithm>

namespace fieldgate::process_data {
namespace {

// Whole periods from `slot` to `now`; 0 when `now` is before `slot`.
int64_t PeriodsUntil(MonotonicTime slot, MonotonicTime now, absl::Duration period) {
  if (now < slot) return 0;
  absl::Duration rest;
  return absl::IDivDuration(now - slot, period, &rest);
}

}  // namespace

PollSchedule::PollSchedule(std::vector<Timing> devices, MonotonicTime start) {
  for (Timing& timing : devices) {
    // A period of nothing would spin.
    timing.period = std::max(timing.period, absl::Milliseconds(1));
    timing.max_backoff = std::max(timing.max_backoff, timing.period);
    devices_.push_back({timing, start, start, absl::ZeroDuration()});
  }
}

PollSchedule::Turn PollSchedule::Next() const {
  Turn turn;
  for (size_t i = 0; i < devices_.size(); ++i) {
    if (devices_[i].due < turn.due) turn = {i, devices_[i].due};
  }
  return turn;
}

uint64_t PollSchedule::Begin(size_t device, MonotonicTime now) {
  Device& d = devices_[device];
  if (d.backoff > absl::ZeroDuration()) return 0;
  const int64_t skipped = PeriodsUntil(d.slot, now, d.timing.period);
  d.slot = d.slot + skipped * d.timing.period;
  return static_cast<uint64_t>(skipped);
}

void PollSchedule::End(size_t device, MonotonicTime now, bool answered) {
  Device& d = devices_[device];
  if (!answered) {
    d.backoff = d.backoff == absl::ZeroDuration() ? d.timing.period
                                                  : std::min(2 * d.backoff, d.timing.max_backoff);
    d.due = now + d.backoff;
    return;
  }
  // Back from a backoff, the grid goes on where it would be by now.
  const int64_t passed =
      d.backoff > absl::ZeroDuration() ? PeriodsUntil(d.slot, now, d.timing.period) : 0;
  d.backoff = absl::ZeroDuration();
  d.slot = d.slot + (passed + 1) * d.timing.period;
  d.due = d.slot;
}

void PollSchedule::EndBackoff(size_t device, MonotonicTime now) {
  Device& d = devices_[device];
  if (d.backoff > absl::ZeroDuration()) d.due = std::min(d.due, now);
}

void PollSchedule::Restart(MonotonicTime now) {
  for (Device& d : devices_) {
    d.slot = now;
    d.due = now;
    d.backoff = absl::ZeroDuration();
  }
}

}  // namespace fieldgate::process_data
