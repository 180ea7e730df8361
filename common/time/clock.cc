#include "common/time/clock.h"

#include <ctime>

#include "absl/time/clock.h"

namespace fieldgate {
namespace {

class SystemClock : public Clock {
 public:
  absl::Time WallNow() const override { return absl::Now(); }
  MonotonicTime Now() const override {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return {absl::DurationFromTimespec(t)};
  }
};

}  // namespace

const Clock& RealClock() {
  static const Clock& clock = *new SystemClock;
  return clock;
}

}  // namespace fieldgate
