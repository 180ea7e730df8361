#pragma once

#include <memory>
#include <string>

#include "common/time/clock.h"
#include "services/process_data/logging/log_store.h"

namespace fieldgate::sqlite {
class Disk;
}

namespace fieldgate::process_data {

// The store in the SQLite file at `path`, which is made if it is missing. It is
// opened by the first call, and as long as that fails, by each further one. A
// damaged file is put aside as `path`.damaged and a new one begun, so that
// recording goes on; `clock` gives the ids to begin with, above all that it may
// have had.
//
// Every call also has kFailedPrecondition: the file is of a newer program.
// `disk`: as sqlite::Options.
std::unique_ptr<LogStore> MakeSqliteLogStore(std::string path, const Clock& clock,
                                             sqlite::Disk* disk = nullptr);

}  // namespace fieldgate::process_data
