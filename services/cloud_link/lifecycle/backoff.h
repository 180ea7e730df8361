#pragma once

#include <algorithm>
#include <random>

#include "absl/time/time.h"

namespace fieldgate::cloud_link {

// Pauses between tries with full jitter: each is drawn evenly from (0, bound],
// and the bound doubles from 1 s to `max`. So that gateways which fail at the
// same moment don't come back at the same moment.
class Backoff {
 public:
  explicit Backoff(absl::Duration max) : max_(max) {}

  absl::Duration Next(std::minstd_rand& random) {
    const absl::Duration bound = std::min(bound_, max_);
    bound_ = std::min(2 * bound_, max_);
    const double share = static_cast<double>(random()) / std::minstd_rand::max();
    return std::max(share * bound, kShortest);
  }
  void Reset() { bound_ = kFirstBound; }
  void SetMax(absl::Duration max) { max_ = max; }

 private:
  static constexpr absl::Duration kFirstBound = absl::Seconds(1);
  // A draw near 0 must not make a busy loop of a broker that refuses at once.
  static constexpr absl::Duration kShortest = absl::Milliseconds(50);

  absl::Duration max_;
  absl::Duration bound_ = kFirstBound;
};

}  // namespace fieldgate::cloud_link
