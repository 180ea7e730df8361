#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/cloud_link/command/request_log.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"

namespace fieldgate::cloud_link {

// The log of a connector in `file`, which outlives it, with what it held when
// it was last open. Accept and Begin have a connection of their own, and wait
// for at most 1 s for the loop's transaction.
//
// kUnavailable, kDataLoss: as RequestLog.
absl::StatusOr<std::unique_ptr<RequestLog>> OpenSqliteRequestLog(OutboxFile& file,
                                                                 absl::string_view connector);

}  // namespace fieldgate::cloud_link
