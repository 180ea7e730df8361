#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/time/clock.h"
#include "services/process_data/logging/log_bounds.h"
#include "services/process_data/logging/record_codec.h"

namespace fieldgate::process_data {

// What the records of one definition of a log hold: a column a value.
struct LogLayout {
  std::vector<std::string> names;
  std::vector<std::string> paths;

  friend bool operator==(const LogLayout&, const LogLayout&) = default;
};

struct NewRecord {
  std::string log;
  std::shared_ptr<const LogLayout> layout;
  absl::Time recorded_at;
  MonotonicTime monotonic;  // then
  std::string content;      // EncodeRecord
};

// What is stored of one log.
struct StoredLog {
  std::string name;
  bool configured = false;
  uint64_t records = 0;
  int64_t first_id = 0;  // 0: none is stored
  int64_t last_id = 0;   // of the newest record ever; 0: none yet
  uint64_t bytes = 0;
  uint64_t dropped = 0;
  std::optional<absl::Time> last_recorded_at;
};

struct LogQuery {
  int64_t after_id = 0;
  std::optional<absl::Time> from;
  std::optional<absl::Time> until;  // exclusive
  bool newest_first = false;
  int count = 100;
  // Ends early there, with at least one record.
  size_t max_bytes = 1 << 20;
};

struct LogRecords {
  struct Record {
    int64_t id = 0;
    absl::Time recorded_at;
    size_t layout = 0;  // in `layouts`
    RecordValues values;
  };
  std::vector<LogLayout> layouts;
  std::vector<Record> records;
  bool more = false;
};

// Where records survive. Each log counts its records with ids from 1, without
// a gap and never the same twice, also over restarts and after all were
// evicted. (Only after a factory reset, or when the file was lost or the log's
// name was forgotten, they begin above all former ones instead of with 1.)
//
// Records age as AgeClock counts: no jump of the wall clock makes them old.
//
// A log that is configured no more keeps its records until they are too old,
// or until it is among more than kMaxRemoved such logs, of which the one removed
// first is forgotten. When a log of that name is configured again it goes on
// where it was.
//
// Thread-safe. Every call but Logs blocks on disk, and for other calls that do.
// Each fails with kUnavailable when the disk fails or is full; then nothing was
// changed and the same call may work later.
class LogStore {
 public:
  static constexpr int kMaxRemoved = 20;

  virtual ~LogStore() = default;

  struct Definition {
    std::string log;
    LogBounds bounds;
  };
  // Replaces the set of configured logs.
  virtual absl::Status Configure(const std::vector<Definition>& logs) = 0;

  // Forgets everything, the logs themselves included, when `epoch` is a later one
  // than that given before. The first one ever is only kept in mind, and so is an
  // earlier one: config_store has lost its file then, which is no factory reset.
  // Durable. True: all is forgotten.
  virtual absl::StatusOr<bool> AdoptEpoch(int64_t epoch) = 0;

  // Stores the records, all or none, durably, and makes room in their logs.
  // `lost` counts, by log, records that were never stored, as dropped. Returns
  // the ids. A log that is not configured is kFailedPrecondition.
  virtual absl::StatusOr<std::vector<int64_t>> Append(
      const std::vector<NewRecord>& records, const std::map<std::string, uint64_t>& lost) = 0;

  // Takes out what is over the bounds at `now`, so much of it that it doesn't
  // take long. Called often, so that the age goes on. True: there is more.
  virtual absl::StatusOr<bool> Evict(Now now) = 0;

  // kNotFound: neither is the log configured nor is anything of it stored.
  // kDataLoss: a record is damaged.
  virtual absl::StatusOr<LogRecords> Read(const std::string& log, const LogQuery& query) = 0;

  // Bytes that can still be written to the store's disk.
  virtual absl::StatusOr<int64_t> FreeBytes() = 0;

  // The configured logs, in the order of Configure, then those of which
  // something is still stored. As of the last call that changed something; does
  // not wait.
  virtual std::vector<StoredLog> Logs() const = 0;
};

}  // namespace fieldgate::process_data
