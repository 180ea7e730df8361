#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace fieldgate::simulation {

// Numbers that follow from a seed alone, on every machine (splitmix64).
// Thread-compatible.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // From 0 to `bound` - 1.
  uint64_t Below(uint64_t bound) { return Next() % bound; }
  // Both included.
  int64_t Between(int64_t first, int64_t last) {
    return first + static_cast<int64_t>(Below(static_cast<uint64_t>(last - first + 1)));
  }
  bool Chance(double probability) {
    return static_cast<double>(Next() >> 11) * 0x1.0p-53 < probability;
  }
  absl::Duration Between(absl::Duration first, absl::Duration last) {
    return absl::Microseconds(
        Between(absl::ToInt64Microseconds(first), absl::ToInt64Microseconds(last)));
  }
  // A sequence of its own, so that what draws from it does not shift others.
  Random Fork() { return Random(Next()); }

 private:
  uint64_t state_;
};

}  // namespace fieldgate::simulation
