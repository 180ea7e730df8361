#pragma once

#include <cstdint>

#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::cloud_link {

// Keeps stored data from filling the disk (MQTTCacheMinFreeMB): while it has
// less free space than the floor, data may take what they took when it became
// so, at least 1 MiB, and the policy decides what gives way. Room of what was
// sent meanwhile is used again, which makes no file larger. Pure;
// thread-compatible.
class DiskFloor {
 public:
  // What a connector may always keep, so that a disk that others have filled
  // does not stop it.
  static constexpr int64_t kAlways = 1 << 20;

  // 0: no floor.
  void SetMinFree(int64_t bytes);
  // The disk has `free` bytes, and data take `held`.
  void Note(int64_t free, int64_t held);

  bool low() const { return low_; }
  // `allowed` by the user, with what the disk allows.
  OutboxLimits Apply(OutboxLimits allowed) const;

 private:
  int64_t min_free_ = 0;
  bool low_ = false;
  int64_t bound_ = 0;  // while low
};

}  // namespace fieldgate::cloud_link
