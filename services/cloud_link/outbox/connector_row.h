#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sqlite/sqlite.h"

namespace fieldgate::cloud_link {

// The id of the connector's row in the outbox file (table `connector`), which is
// added if there is none; a new one begins with `first_message_id`. Errors as
// sqlite.h.
absl::StatusOr<int64_t> FindOrAddConnector(sqlite::Database& db, absl::string_view name,
                                           int64_t first_message_id);

}  // namespace fieldgate::cloud_link
