#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace fieldgate {

// A point on the monotonic clock (CLOCK_MONOTONIC), for every interval and
// timeout; wall time (absl::Time) is for payloads only.
struct MonotonicTime {
  // Since an arbitrary start that all processes of one boot share.
  absl::Duration since_start;

  friend MonotonicTime operator+(MonotonicTime t, absl::Duration d) { return {t.since_start + d}; }
  friend MonotonicTime operator-(MonotonicTime t, absl::Duration d) { return {t.since_start - d}; }
  friend absl::Duration operator-(MonotonicTime a, MonotonicTime b) {
    return a.since_start - b.since_start;
  }
  friend bool operator==(MonotonicTime a, MonotonicTime b) = default;
  friend bool operator<(MonotonicTime a, MonotonicTime b) { return a.since_start < b.since_start; }
  friend bool operator<=(MonotonicTime a, MonotonicTime b) {
    return a.since_start <= b.since_start;
  }
  friend bool operator>(MonotonicTime a, MonotonicTime b) { return b < a; }
  friend bool operator>=(MonotonicTime a, MonotonicTime b) { return b <= a; }

  static MonotonicTime Never() { return {absl::InfiniteDuration()}; }
};

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time WallNow() const = 0;
  virtual MonotonicTime Now() const = 0;
};

// Both clocks at one moment.
struct Now {
  MonotonicTime monotonic;
  absl::Time wall;
};

inline Now NowOf(const Clock& clock) { return {clock.Now(), clock.WallNow()}; }

// Unix seconds, 2020: a wall clock that shows less has not been set. Without a
// battery it starts in 1970 or 2000.
inline constexpr int64_t kEarliestWall = 1'577'836'800;

// The machine's clocks. Never destroyed.
const Clock& RealClock();

// Stands still until it is moved. Thread-compatible.
class FakeClock : public Clock {
 public:
  explicit FakeClock(absl::Time wall = absl::FromUnixSeconds(1'700'000'000)) : wall_(wall) {}
  absl::Time WallNow() const override { return wall_; }
  MonotonicTime Now() const override { return now_; }

  void Advance(absl::Duration d) {
    now_ = now_ + d;
    wall_ += d;
  }
  // A clock jump: the monotonic clock doesn't move.
  void SetWall(absl::Time wall) { wall_ = wall; }

 private:
  absl::Time wall_;
  MonotonicTime now_{absl::ZeroDuration()};
};

}  // namespace fieldgate
