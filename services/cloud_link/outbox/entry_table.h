#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sqlite/sqlite.h"
#include "services/cloud_link/outbox/key.h"
#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::cloud_link {

// The entries of one connector in the outbox file (table `entry`). What each
// call takes depends on the entries it is about, not on how many there are.
// Errors as sqlite.h.
class EntryTable {
 public:
  EntryTable(sqlite::Database& db, int64_t connector) : db_(db), connector_(connector) {}

  int64_t FirstKey(Lane lane) const { return cloud_link::FirstKey(connector_, lane); }
  int64_t LastKey(Lane lane) const { return FirstKey(lane) + kLaneSize - 1; }
  int64_t KeyOf(EntryId id) const { return FirstKey(LaneOf(id)) + (id >> 1); }

  // Within a transaction.
  absl::Status Insert(EntryId id, const OutboxEntry& entry);
  // As Outbox::Read.
  absl::StatusOr<std::vector<StoredEntry>> Read(Lane lane, EntryId after, int max_count,
                                                int64_t max_bytes);
  // The sequence of the lane's oldest entry.
  absl::StatusOr<std::optional<int64_t>> OldestSequence(Lane lane);

  struct Removed {
    int64_t entries = 0;
    int64_t bytes = 0;  // of SizeOf
  };
  // Keys of one lane. Within a transaction.
  absl::StatusOr<Removed> RemoveRange(int64_t first_key, int64_t last_key);

 private:
  sqlite::Database& db_;
  const int64_t connector_;
};

}  // namespace fieldgate::cloud_link
