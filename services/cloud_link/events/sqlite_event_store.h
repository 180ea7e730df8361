#pragma once

#include <memory>

#include "services/cloud_link/events/event_store.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"

namespace fieldgate::cloud_link {

// In `file`, which outlives it.
std::unique_ptr<EventStore> MakeSqliteEventStore(OutboxFile& file);

}  // namespace fieldgate::cloud_link
