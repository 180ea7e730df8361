#pragma once

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::cloud_link {

// Numbers that are taken for entries in memory, and so must not be taken again
// after a kill, although nothing was written for them.
struct NumberReserve {
  // How many a Commit writes ahead, so that those after it that only take
  // numbers write nothing. 0: none, the file has the exact ones.
  int64_t ahead = 0;
  // The oldest entry in memory only; 0: none.
  EntryId oldest_entry = 0;
  // The oldest message_id that only memory knows of; 0: none.
  int64_t oldest_message_id = 0;
};

// The numbers of a connector as they are in the file: where it goes on after a
// restart.
struct StoredNumbers {
  int64_t next_message_id = 1;
  int64_t next_sequence = 1;
  // From here to next_message_id: perhaps taken by messages in memory only.
  // 0: none.
  int64_t unsure_from = 0;

  friend bool operator==(const StoredNumbers&, const StoredNumbers&) = default;
};

// What a Commit has to put into the file: `stored`, if that does. `rewrite`:
// they are written anyway, so that they may be fresh.
inline StoredNumbers NumbersToStore(const StoredNumbers& stored, int64_t next_message_id,
                                    int64_t next_sequence, const NumberReserve& reserve,
                                    bool rewrite) {
  if (reserve.ahead == 0) return {next_message_id, next_sequence, 0};
  if (!rewrite && next_message_id <= stored.next_message_id &&
      next_sequence <= stored.next_sequence) {
    return stored;
  }
  const int64_t oldest =
      reserve.oldest_message_id == 0 ? next_message_id : reserve.oldest_message_id;
  return {next_message_id + reserve.ahead, next_sequence + reserve.ahead,
          std::min(oldest, next_message_id)};
}

// An outbox on a disk, with what a tier of memory before it needs.
class DurableOutbox : public Outbox {
 public:
  // The id of an entry that is kept elsewhere for now. Within a transaction.
  virtual absl::StatusOr<EntryId> NextEntryId(Lane lane) = 0;
  // Append with an id from NextEntryId, the newest of its lane here.
  virtual absl::Status AppendAs(EntryId id, const OutboxEntry& entry) = 0;

  // Holds from the next Commit or PutLayout on.
  virtual void SetReserve(const NumberReserve& reserve) = 0;
  // The numbers that were written ahead are used up; the next Commit writes.
  virtual bool ReserveUsedUp() const = 0;
  // Those of the file. Right after it was opened: what the process before has
  // left.
  virtual const StoredNumbers& stored_numbers() const = 0;
};

}  // namespace fieldgate::cloud_link
