#include "services/cloud_link/outbox/disk_floor.h"

#include <algorithm>

namespace fieldgate::cloud_link {
namespace {

// Free space moves by itself by about as much: logs of SQLite, other programs.
constexpr int64_t kSway = 1 << 20;

}  // namespace

void DiskFloor::SetMinFree(int64_t bytes) {
  min_free_ = bytes;
  if (bytes == 0) low_ = false;
}

void DiskFloor::Note(int64_t free, int64_t held) {
  if (low_) {
    low_ = free < min_free_ + std::max(kSway, min_free_ / 8);
    return;
  }
  low_ = free < min_free_;
  if (low_) bound_ = std::max(held, kAlways);
}

OutboxLimits DiskFloor::Apply(OutboxLimits allowed) const {
  if (low_ && bound_ < allowed.max_bytes) {
    allowed.max_bytes = bound_;
    allowed.disk_low = true;
  }
  return allowed;
}

}  // namespace fieldgate::cloud_link
