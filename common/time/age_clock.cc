#include "common/time/age_clock.h"

#include <algorithm>

namespace fieldgate {
namespace {

int64_t Seconds(MonotonicTime t) { return absl::ToInt64Seconds(t.since_start); }

}  // namespace

AgeClock::AgeClock(const std::optional<Mark>& last, Now now) : start_(now.monotonic) {
  if (last) {
    base_ = last->age;
    const int64_t since = Seconds(now.monotonic) - last->monotonic;
    // After a boot this is less than what has passed, at most.
    if (since >= 0) {
      base_ += since;
    } else if (last->wall >= kEarliestWall) {
      before_boot_ = last->wall;
    }
  }
  Tick(now, 0);
}

void AgeClock::Tick(Now now, int64_t bound) {
  const int64_t here = absl::ToInt64Seconds(now.monotonic - start_);
  const int64_t wall = absl::ToUnixSeconds(now.wall);
  if (before_boot_ && wall >= kEarliestWall && bound > 0) {
    base_ += std::clamp<int64_t>(wall - here - *before_boot_, 0, bound / 2);
    before_boot_.reset();
  }
  age_ = std::max(age_, base_ + here);
  mark_ = {age_, wall >= kEarliestWall ? wall : 0, Seconds(now.monotonic)};
}

}  // namespace fieldgate
