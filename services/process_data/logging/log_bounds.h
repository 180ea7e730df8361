#pragma once

#include <cstdint>

#include "absl/time/time.h"

// What must go from a log so that it stays within its bounds. Pure.
namespace fieldgate::process_data {

struct LogBounds {
  int64_t max_bytes = 0;
  absl::Duration max_age = absl::InfiniteDuration();

  friend bool operator==(const LogBounds&, const LogBounds&) = default;
};

// How many bytes to free in a log of `bytes`; 0: none. More than is needed, so
// that not each record costs the deletion of another one, which is a page of
// flash as well.
int64_t BytesToFree(int64_t bytes, const LogBounds& bounds);

// Whether the disk has too little free space for logs to grow: less than 16 MiB
// (as MQTTCacheMinFreeMB has by default), until there are 2 MiB more. `low`: it
// had too little a moment ago.
bool IsLow(int64_t free_bytes, bool low);

// The bounds of a log that takes `bytes`, on a disk with too little free space:
// its oldest records go instead of growth, but 64 KiB it may always have.
LogBounds WithoutGrowth(LogBounds bounds, int64_t bytes);

}  // namespace fieldgate::process_data
