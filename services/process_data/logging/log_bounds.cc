#include "services/process_data/logging/log_bounds.h"

#include <algorithm>

namespace fieldgate::process_data {

int64_t BytesToFree(int64_t bytes, const LogBounds& bounds) {
  if (bytes <= bounds.max_bytes) return 0;
  return bytes - bounds.max_bytes + bounds.max_bytes / 64;
}

bool IsLow(int64_t free_bytes, bool low) {
  return free_bytes < (low ? int64_t{18} << 20 : int64_t{16} << 20);
}

LogBounds WithoutGrowth(LogBounds bounds, int64_t bytes) {
  constexpr int64_t kAlways = 64 << 10;
  bounds.max_bytes = std::min(bounds.max_bytes, std::max(bytes, kAlways));
  return bounds;
}

}  // namespace fieldgate::process_data
