#pragma once

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "common/time/clock.h"

namespace fieldgate {

// The age of stored data, whatever the wall clock does: counts the seconds that its
// owner (a connector, a log) has lived through, over restarts. An entry is as old
// as this clock has advanced since it was accepted.
//
// - While the process runs, the monotonic clock counts. A jump of the wall clock
//   counts nothing.
// - Between two processes of one boot the monotonic clock counts, too.
// - For the time before a boot there is the wall clock alone. It counts once it
//   was set (kEarliestWall) both then and now, forward only, and at most
//   half of the bound a boot: a clock that is years ahead can't take what was
//   stored shortly before. What can't be measured doesn't count.
//
// Pure; thread-compatible.
class AgeClock {
 public:
  // What is stored of it now and then.
  struct Mark {
    int64_t age = 0;        // seconds
    int64_t wall = 0;       // Unix seconds; 0: was not set
    int64_t monotonic = 0;  // seconds
    friend bool operator==(const Mark&, const Mark&) = default;
  };

  // `last`: the newest mark stored; none: data begin here.
  AgeClock(const std::optional<Mark>& last, Now now);

  // `bound`: of the age, in seconds; 0: none, and the time before a boot does not
  // count.
  void Tick(Now now, int64_t bound);

  // Seconds, at the last Tick; never goes back.
  int64_t age() const { return age_; }
  // What it stood at then, a while before the last Tick.
  int64_t At(MonotonicTime then) const { return base_ + absl::ToInt64Seconds(then - start_); }
  // At the last Tick.
  Mark mark() const { return mark_; }

 private:
  int64_t base_ = 0;  // age at the start
  MonotonicTime start_;
  // The wall time of before the boot, whose distance is not counted yet.
  std::optional<int64_t> before_boot_;
  int64_t age_ = 0;
  Mark mark_;
};

}  // namespace fieldgate
