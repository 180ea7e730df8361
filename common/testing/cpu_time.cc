#include "common/testing/cpu_time.h"

#include <algorithm>
#include <ctime>

namespace fieldgate {

absl::Duration ThreadCpuTime() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return absl::DurationFromTimespec(now);
}

absl::Duration CpuTimeOf(const std::function<void()>& work, absl::Duration enough) {
  constexpr int kRuns = 3;
  absl::Duration least = absl::InfiniteDuration();
  for (int run = 0; run < kRuns && least >= enough; ++run) {
    const absl::Duration begin = ThreadCpuTime();
    work();
    least = std::min(least, ThreadCpuTime() - begin);
  }
  return least;
}

}  // namespace fieldgate
