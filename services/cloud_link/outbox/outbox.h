#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/time/clock.h"

namespace fieldgate::cloud_link {

// Lanes of one outbox: results of commands go out before data.
enum class Lane { kResult = 0, kData = 1 };

// Number of an entry: grows with each Append, never reused. Its lowest bit is the
// lane.
using EntryId = int64_t;
inline Lane LaneOf(EntryId id) { return static_cast<Lane>(id & 1); }

// What one entry is. Data is stored as columns with the layout that turns
// them into a body (DataLayout), which makes an entry a seventh of its body;
// encoding is deterministic, so that a message sent again is byte-identical.
struct OutboxEntry {
  Lane lane = Lane::kData;
  std::string topic;
  int qos = 1;
  // Data only: the id this message carries, from ReserveMessageId.
  int64_t message_id = 0;
  // Unix seconds, as sent.
  int64_t timestamp = 0;
  // Data only: seconds on the connector's AgeClock when it was accepted.
  int64_t born = 0;
  // 0: `content` is the body itself. Otherwise from PutLayout.
  int64_t layout = 0;
  std::string content;
};

struct StoredEntry {
  EntryId id = 0;
  OutboxEntry entry;
};

// A contiguous loss: what the bound or the user's policy threw away. Without
// message_ids (0): results, or what never became a message. A timestamp that is
// not known is 0.
struct LossRecord {
  int64_t first_message_id = 0;
  int64_t last_message_id = 0;
  int64_t first_timestamp = 0;
  int64_t last_timestamp = 0;
  // 0: the ids were left out, no message with them is known to be lost.
  int64_t count = 0;
  std::string reason;
  // Given by the outbox: from 1, one more with each record of the connector.
  int64_t number = 0;
  // The portal was told, or its message is in the outbox; it does not grow any more.
  bool reported = false;
};

struct OutboxStats {
  int64_t entries = 0;  // waiting, not yet acknowledged
  int64_t bytes = 0;    // what they take, by SizeOf
  int64_t dropped = 0;  // since the file was made
  // Of the data lane alone: what it takes, and may take.
  int64_t data_bytes = 0;
  int64_t data_limit = 0;
  // Of `entries`, those in memory only.
  int64_t in_memory = 0;
  // Number of the newest loss record, and how many are not reported.
  int64_t newest_loss = 0;
  int64_t unreported_losses = 0;
};

enum class FullPolicy { kDropOldest, kDropNewest };

// MQTTCacheMode: what Commit promises for data. Results are durable in each.
enum class CacheMode {
  // On the disk when Commit returns.
  kDurable,
  // In memory while messages are acknowledged, on the disk as soon as they are
  // not: a kill loses at most what was in memory.
  kDiskOnOutage,
  // Never on the disk: lost with the process.
  kMemory,
};

// What an entry takes of the limits: topic and content, and 64 bytes for its
// numbers and its place, without which a million tiny messages would take ten
// times the disk that the user allowed.
inline int64_t SizeOf(const OutboxEntry& entry) {
  return static_cast<int64_t>(entry.topic.size() + entry.content.size()) + 64;
}

// Results are few and small; they are bounded apart from data, so that neither
// a full cache nor its policy ever loses an answer that somebody waits for.
constexpr int64_t kMaxResultBytes = 4 << 20;
// Loss records that are kept; of more, the oldest goes. OutboxStats.dropped
// counts on.
constexpr int kMaxLossRecords = 1000;
// Entries that DropOlder removes at a time, so that a transaction stays short.
constexpr int kDropAtOnce = 1000;
// Entries that Append removes at most to make room, for the same reason: a bound
// that was made much smaller is reached with some of the next ones.
constexpr int kMaxDropForRoom = 100'000;

struct OutboxLimits {
  int64_t max_bytes = 64 << 20;  // of the data lane
  FullPolicy policy = FullPolicy::kDropOldest;
  CacheMode mode = CacheMode::kDurable;
  // `max_bytes` is less than the user allows, since the disk has no room.
  bool disk_low = false;
};

// The ledger of one connector: what was accepted here is sent, in order,
// whatever dies, as far as the CacheMode promises. Hysteresis needs no table of its own: the last
// sent values are the columns of the entry, and after a start all are sent once (section 7.2), so
// the caller takes a value as sent when Commit returned OK.
//
// A batch of calls is one transaction: Begin .. Commit. Nothing of it is
// durable before Commit returns OK; after that all of it survives a power
// cut, but for data in a mode that keeps them in memory. Thread-compatible; blocks on disk; called
// by the loop only.
//
// Every method: kUnavailable when the file can't be read or written (kDataLoss
// when it is damaged); the transaction is rolled back and may be tried again.
// kFailedPrecondition: a method that changes something, outside of a
// transaction.
class Outbox {
 public:
  virtual ~Outbox() = default;

  virtual absl::Status Begin() = 0;
  virtual absl::Status Commit() = 0;
  // Forgets what was done since Begin.
  virtual void Rollback() = 0;

  // The next message_id of this connector: one more than the last, for ever;
  // also after a crash, a re-init or a clock jump. Within a transaction.
  virtual absl::StatusOr<int64_t> NextMessageId() = 0;
  // What NextMessageId would give; for status.
  virtual int64_t PeekMessageId() const = 0;

  // A persistent counter, shared by all connectors, for ids of requests ("rollout", "request"): 1,
  // 2 ... Commits by itself when no transaction is open.
  virtual absl::StatusOr<int64_t> NextCounter(absl::string_view name) = 0;

  // Keeps a serialized layout and returns its number, the same for the same
  // bytes. It is forgotten once no entry needs it and another was put.
  virtual absl::StatusOr<int64_t> PutLayout(absl::string_view bytes) = 0;
  // kNotFound: there is none of this number.
  virtual absl::StatusOr<std::string> GetLayout(int64_t layout) = 0;

  // Adds an entry. Over the limits, kDropOldest removes the oldest data
  // entries and writes a loss record. A record may name a message that was
  // under way and arrives after all; none is missing.
  //
  // kResourceExhausted: full under kDropNewest, larger than the limit itself,
  //                     or too many results; the entry was not added and its
  //                     loss is recorded. The transaction goes on.
  virtual absl::StatusOr<EntryId> Append(const OutboxEntry& entry) = 0;

  // Removes acknowledged entries. Unknown ids are ignored.
  virtual absl::Status Remove(const std::vector<EntryId>& ids) = 0;

  // Removes an entry that can't be sent and records its loss.
  virtual absl::Status Discard(EntryId id, absl::string_view reason) = 0;

  // Removes data entries, from the oldest on, as long as they were born before
  // `born`, and records their loss. Returns how many; at most kDropAtOnce a call.
  virtual absl::StatusOr<int> DropOlder(int64_t born) = 0;

  // The entries of `lane` after `after`, oldest first, at most `max_count`
  // and about `max_bytes` (but at least one if there is any; those in memory
  // come once none on the disk is left).
  virtual absl::StatusOr<std::vector<StoredEntry>> Read(Lane lane, EntryId after, int max_count,
                                                        int64_t max_bytes) = 0;

  // Records a loss that happened elsewhere, which can't be sent any more.
  virtual absl::Status RecordLoss(const LossRecord& loss) = 0;

  // How far the connector has got with what it takes from elsewhere (records of
  // a log), so that it moves in the transaction of what was appended. None:
  // never set.
  virtual std::optional<int64_t> Position(absl::string_view name) const = 0;
  virtual absl::Status SetPosition(absl::string_view name, int64_t position) = 0;

  // The newest `max_count`, oldest first. Losses that follow each other for the
  // same reason are one, until it is reported.
  virtual absl::StatusOr<std::vector<LossRecord>> Losses(int max_count = kMaxLossRecords) = 0;
  // The records up to `number` are reported: a further loss begins a new one.
  virtual absl::Status MarkReported(int64_t number) = 0;
  virtual OutboxStats Stats() const = 0;

  // Holds from the next Append on; nothing is removed before.
  virtual void SetLimits(const OutboxLimits& limits) = 0;

  // Whether data are acknowledged now, which decides where they are kept in
  // CacheMode::kDiskOnOutage. Moves what has to be moved, and logs when it
  // can't. Returns when to call it again at the latest. Outside of a
  // transaction.
  virtual MonotonicTime Settle(bool /*delivering*/, MonotonicTime /*now*/) {
    return MonotonicTime::Never();
  }
  // An orderly end: puts on the disk what the mode lets survive it, and records
  // the rest as a loss. Nothing else is called after it.
  virtual absl::Status Close() { return absl::OkStatus(); }
};

}  // namespace fieldgate::cloud_link
