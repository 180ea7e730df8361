#include "services/process_data/logging/log_bounds.h"

#include <algorithm>

namespace fieldgate::process_data {
namespace {

// SQLite's file format, for tables.
constexpr int64_t kPage = 4'096;
constexpr int64_t kPageHeader = 8;
constexpr int64_t kOverflow = kPage - 4;                     // of a row in a further page
constexpr int64_t kMaxLocal = kPage - 35;                    // of a row in its first page
constexpr int64_t kMinLocal = (kPage - 12) * 32 / 255 - 23;  // of one that goes on
constexpr int64_t kRow = 20;  // id, time, layout, lengths, and the cell's place

}  // namespace

int64_t DiskBytes(int64_t bytes) {
  int64_t local = bytes + kRow;
  int64_t pages = 0;
  if (local > kMaxLocal) {
    const int64_t rest = (local - kMinLocal) % kOverflow;
    const int64_t first = kMinLocal + rest <= kMaxLocal ? kMinLocal + rest : kMinLocal;
    pages = (local - first + kOverflow - 1) / kOverflow;
    local = first;
  }
  return pages * kPage + kPage / ((kPage - kPageHeader) / local);
}

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
