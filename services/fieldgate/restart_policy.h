#pragma once

#include "absl/time/time.h"
#include "common/time/clock.h"

namespace fieldgate::commands {

// When a service that ended is started again: after 100 ms, then each time
// after twice as long, at most 10 s. A service that lived for 30 s starts from
// 100 ms again. Thread-compatible.
class RestartPolicy {
 public:
  static constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
  static constexpr absl::Duration kLongestPause = absl::Seconds(10);
  static constexpr absl::Duration kHealthyLife = absl::Seconds(30);

  void Started(MonotonicTime now) { started_ = now; }
  // Returns the pause before the next start.
  absl::Duration Ended(MonotonicTime now);

 private:
  MonotonicTime started_;
  absl::Duration pause_ = kFirstPause;
};

}  // namespace fieldgate::commands
