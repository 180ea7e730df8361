#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/recovery.h"

namespace fieldgate::process_data {

// Before the store opens the file: sqlite::RecoverIfDamaged for logs.db, with all records
// that can be read and decoded. The others count as dropped. Ids go on where they
// were; those of a log whose row is lost, above all that it may have given.
absl::StatusOr<std::optional<sqlite::Recovery>> RecoverLogs(const std::string& path,
                                                            sqlite::Disk& disk, absl::Time now);

}  // namespace fieldgate::process_data
