#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "common/time/clock.h"

namespace fieldgate::cloud_link {

// How many bytes of messages may be under way: as many as the link carries in a
// few seconds, so that an answer to a command never waits behind minutes of data
// on a narrow one. It doubles with each round that is quick, as TCP's does, and
// shrinks once for each round that is slow. Decides from what it is told alone.
class SendWindow {
 public:
  static constexpr int64_t kFirst = 8 << 10;
  static constexpr int64_t kSmallest = 4 << 10;
  // More makes Paho stall when the socket's buffer fills.
  static constexpr int64_t kLargest = 1 << 20;
  // Under way for longer is slow.
  static constexpr absl::Duration kQuick = absl::Seconds(2);

  int64_t bytes() const { return bytes_; }

  // `size` bytes that were published at `published` are acknowledged; with them
  // `under_way` were. A window that was not used says nothing about a larger one.
  void Acknowledged(int64_t size, int64_t under_way, MonotonicTime published, MonotonicTime now) {
    const absl::Duration took = now - published;
    if (took <= kQuick) {
      if (2 * under_way >= bytes_) bytes_ = std::min(bytes_ + size, kLargest);
      return;
    }
    if (published < shrunk_at_) return;  // of the round that is known to be slow
    shrunk_at_ = now;
    bytes_ = std::max(
        static_cast<int64_t>(static_cast<double>(under_way) * absl::FDivDuration(kQuick, took)),
        kSmallest);
  }

 private:
  int64_t bytes_ = kFirst;
  MonotonicTime shrunk_at_{absl::ZeroDuration()};
};

}  // namespace fieldgate::cloud_link
