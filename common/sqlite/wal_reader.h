#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "common/sqlite/vfs_file.h"

namespace fieldgate::sqlite {

// The committed pages of a write-ahead log (SQLite's file format, section 4).
struct WalPages {
  int page_size = 0;                             // 0: it has no readable header
  std::unordered_map<uint32_t, int64_t> offset;  // of each page's newest content
  // Why something that was committed can't be read; empty: nothing is missing. A
  // last transaction that was cut off in the middle is none: it was not
  // committed, as far as anybody can tell.
  std::string damage;
};

// Reads the log. Where a frame is damaged, SQLite takes the log to end; this goes
// on behind it. `page_size` is taken if the log's header is damaged.
absl::StatusOr<WalPages> ReadWal(VfsFile& wal, int page_size);

}  // namespace fieldgate::sqlite
