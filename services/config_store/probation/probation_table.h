#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sqlite/sqlite.h"
#include "proto/config_store.pb.h"
#include "services/config_store/database_text.h"

namespace fieldgate::config_store {

// A probation as it is on the disk.
struct StoredProbation {
  v1::Probation record;
  v1::Identity identity;         // before it; without gateway_id: none
  std::vector<TextPart> former;  // ISP as it comes back; empty: it has ended
};

// Replaces all of them; to be called within a transaction. Errors as
// common/sqlite.
absl::Status WriteProbations(sqlite::Database& database,
                             const std::vector<StoredProbation>& probations);

// In the order in which they were written. Of a text that is not what was stored
// `former` is empty.
absl::StatusOr<std::vector<StoredProbation>> ReadProbations(sqlite::Database& database);

}  // namespace fieldgate::config_store
