#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/recovery.h"

namespace fieldgate::config_store {

// Origin of the revision without any database that a recovery begins with when
// nothing of the configuration could be read.
inline constexpr char kNothingLeft[] = "recovery: no revision could be read";

// A revision's number is never given twice; so far it may be ahead of those that can
// be read of a damaged file.
inline constexpr int64_t kRevisionsToLeave = 1000;

// Before ConfigDatabase::Open: sqlite::RecoverIfDamaged for config.db. Identities and
// logs of messages are there as far as they could be read. In force is the newest
// revision that is wholly sound, as a revision of its own, above all that were given;
// if nothing was lost, the one that was.
absl::StatusOr<std::optional<sqlite::Recovery>> RecoverConfig(const std::string& path,
                                                              sqlite::Disk& disk, absl::Time now);

// Revisions below may have been given: a small file beside the database, written so
// far ahead. 0: there is none.
int64_t ReadRevisionCeiling(sqlite::Disk& disk, const std::string& path);
// Before a revision is given that is not below the ceiling.
absl::Status WriteRevisionCeiling(sqlite::Disk& disk, const std::string& path, int64_t revision);

}  // namespace fieldgate::config_store
