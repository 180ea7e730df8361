#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/recovery.h"
#include "services/process_data/variables.h"

namespace fieldgate::process_data {

// Opens the store in the SQLite file at `path`, which is made if it is missing.
// kUnavailable, kDataLoss, kFailedPrecondition (newer than this program): see
// common/sqlite. `disk` and `on_damage`: as sqlite::Options.
absl::StatusOr<std::unique_ptr<VariableStore>> OpenSqliteVariableStore(
    const std::string& path, sqlite::Disk* disk = nullptr,
    std::function<void(const absl::Status&)> on_damage = nullptr);

// Comes before it: sqlite::RecoverIfDamaged, with the variables that can be read.
absl::StatusOr<std::optional<sqlite::Recovery>> RecoverVariables(const std::string& path,
                                                                 sqlite::Disk& disk,
                                                                 absl::Time now);

}  // namespace fieldgate::process_data
