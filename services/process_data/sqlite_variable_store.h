#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/process_data/variables.h"

namespace fieldgate::sqlite {
class Disk;
}

namespace fieldgate::process_data {

// Opens the store in the SQLite file at `path`, which is made if it is missing.
// kUnavailable, kDataLoss, kFailedPrecondition (newer than this program): see
// common/sqlite. `disk`: as sqlite::Options.
absl::StatusOr<std::unique_ptr<VariableStore>> OpenSqliteVariableStore(
    const std::string& path, sqlite::Disk* disk = nullptr);

}  // namespace fieldgate::process_data
