#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "services/cloud_link/command/program_journal.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"

namespace fieldgate::cloud_link {

// A ProgramJournal in the outbox's file, with a connection of its own, so that
// it is used beside the loop. Errors as ProgramJournal.
absl::StatusOr<std::unique_ptr<ProgramJournal>> OpenSqliteProgramJournal(OutboxFile& file);

}  // namespace fieldgate::cloud_link
