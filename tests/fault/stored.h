#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/sqlite/disk.h"
#include "tests/fault/writer.h"

namespace fieldgate::fault {

// All rows of all tables of the database at `path`, a line each.
// kDataLoss: it is damaged, by SQLite's own check (integrity_check and
// foreign_key_check).
absl::StatusOr<std::string> ReadStored(sqlite::Disk& disk, const std::string& path);

// That, after what the open `writer` shows.
absl::StatusOr<std::string> ReadAll(Writer& writer, sqlite::Disk& disk, const std::string& path);

// Where two texts differ first, for people.
std::string FirstDifference(const std::string& is, const std::string& expected);

}  // namespace fieldgate::fault
