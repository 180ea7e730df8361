#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "services/cloud_link/command/factory_journal.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"

namespace fieldgate::cloud_link {

// The journal in `file`, which outlives it. When an epoch has begun since, first
// forgets whatever the file holds of the one before: messages, requests and
// their answers, positions, states. Counters and message_ids go on. Open it
// before anything else of the file.
//
// kUnavailable, kDataLoss: as FactoryJournal.
absl::StatusOr<std::unique_ptr<FactoryJournal>> OpenSqliteFactoryJournal(OutboxFile& file);

}  // namespace fieldgate::cloud_link
