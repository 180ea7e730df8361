#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/sqlite/disk.h"

namespace fieldgate::sqlite {

// A database that was put aside, as proto/service.proto has it.
struct Recovery {
  std::string file;
  std::string put_aside;  // "": it was missing
  int64_t at = 0;         // Unix seconds
  std::string why;
  uint64_t rows_saved = 0;
  uint64_t rows_lost = 0;
  std::string effect;
  bool told = false;  // it stands in the SupportLog

  friend bool operator==(const Recovery&, const Recovery&) = default;
};

// What is remembered of the recoveries of one database, in a small text file
// beside it. A file that is damaged itself is read as far as its lines make
// sense.
struct RecoveryJournal {
  static constexpr size_t kMaxRecoveries = 20;

  std::vector<Recovery> recoveries;  // oldest first; of more, the oldest goes
  // Salvages that ended the process, one after the other, and the one under way.
  int unfinished = 0;
  // Recoveries without a start between them that found nothing wrong.
  int in_a_row = 0;
  // Not empty: the new database is complete, and takes the place of the damaged
  // one now. The last one of `recoveries` is about it.
  std::string swap_to;

  void Add(Recovery recovery);

  // An empty one if there is none, or something that is no file of ours.
  // kUnavailable: it can't be read now, so nobody knows what it says.
  static absl::StatusOr<RecoveryJournal> Load(Disk& disk, const std::string& path);
  absl::Status Save(Disk& disk, const std::string& path) const;

  // Both are of no file: for tests.
  static RecoveryJournal Parse(absl::string_view text);
  std::string Text() const;
};

}  // namespace fieldgate::sqlite
