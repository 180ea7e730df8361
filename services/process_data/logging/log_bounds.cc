#include "services/process_data/logging/log_bounds.h"

namespace fieldgate::process_data {
namespace {

// A clock without a battery starts in 1970 or 2000.
absl::Time Earliest() { return absl::FromUnixSeconds(1'577'836'800); }  // 2020

}  // namespace

int64_t BytesToFree(int64_t bytes, const LogBounds& bounds) {
  if (bytes <= bounds.max_bytes) return 0;
  return bytes - bounds.max_bytes + bounds.max_bytes / 64;
}

AgeWalk::AgeWalk(absl::Time now, absl::Duration max_age) : now_(now), max_age_(max_age) {}

bool AgeWalk::Take(int64_t id, absl::Time recorded_at) {
  if (now_ < Earliest()) return false;  // the clock is not set
  if (recorded_at < Earliest() || recorded_at > now_) return true;
  if (now_ - recorded_at <= max_age_) return false;
  last_id_ = id;
  return true;
}

}  // namespace fieldgate::process_data
