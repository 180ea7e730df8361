#pragma once

#include "absl/time/time.h"
#include "common/time/clock.h"

namespace fieldgate::cloud_link {

// Both clocks at one moment.
struct Now {
  MonotonicTime monotonic;
  absl::Time wall;
};

inline Now NowOf(const Clock& clock) { return {clock.Now(), clock.WallNow()}; }

}  // namespace fieldgate::cloud_link
