#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/sqlite/sqlite.h"

namespace fieldgate::sqlite {

struct Finding {
  // What is wrong; empty: nothing was found.
  std::string damage;
  // Not all of the file was looked at within the time.
  bool in_part = false;
  // The file has no byte, and its log has none.
  bool empty = false;
  // The version whose tables it has; 0: that can't be told.
  int version = 0;
};

// Checks a database that `migrations` made, without changing its files: headers,
// write-ahead log, PRAGMA integrity_check for at most `time`, and whether the tables
// are those of its version. `options` are those it is opened with.
//
// A database of a newer program is none of its business: nothing is found.
// kUnavailable: it can't be opened now (another process holds it).
absl::StatusOr<Finding> Check(const std::string& path, const Options& options,
                              absl::Span<const Migration> migrations, absl::Duration time);

// The tables that the migrations up to a version make.
absl::Span<const Migration> UpTo(absl::Span<const Migration> migrations, int version);

}  // namespace fieldgate::sqlite
