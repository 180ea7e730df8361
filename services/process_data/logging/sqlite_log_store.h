#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "services/process_data/logging/log_store.h"

namespace fieldgate::sqlite {
class Disk;
}

namespace fieldgate::process_data {

// The store in the SQLite file at `path`, which is made if it is missing. It is
// opened by the first call, and as long as that fails, by each further one.
//
// `on_damage` is told, once, of a file that turns out to be damaged, whose records
// RecoverLogs saves at the next start; from then on every call that needs the file is
// kUnavailable. Without it, only what needs a damaged part is, and Read is kDataLoss
// there, so that a reader can go on behind it.
//
// `prepare`, if given, comes before the file is opened; until it succeeds, calls fail
// with its error.
//
// Every call also has kFailedPrecondition: the file is of a newer program.
// `disk`: as sqlite::Options.
std::unique_ptr<LogStore> MakeSqliteLogStore(
    std::string path, sqlite::Disk* disk = nullptr,
    std::function<void(const absl::Status&)> on_damage = nullptr,
    std::function<absl::Status()> prepare = nullptr);

}  // namespace fieldgate::process_data
