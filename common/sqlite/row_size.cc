#include "common/sqlite/row_size.h"

namespace fieldgate::sqlite {
namespace {

// SQLite's file format, for tables.
constexpr int64_t kPage = 4'096;
constexpr int64_t kPageHeader = 8;
constexpr int64_t kOverflow = kPage - 4;                     // of a row in a further page
constexpr int64_t kMaxLocal = kPage - 35;                    // of a row in its first page
constexpr int64_t kMinLocal = (kPage - 12) * 32 / 255 - 23;  // of one that goes on
constexpr int64_t kRow = 20;  // an id, a few small values, lengths, and the cell's place

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

}  // namespace fieldgate::sqlite
