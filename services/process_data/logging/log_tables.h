#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/sqlite/sqlite.h"
#include "common/time/age_clock.h"
#include "common/time/clock.h"
#include "services/process_data/logging/log_bounds.h"
#include "services/process_data/logging/log_store.h"

// The tables of logs.db (log_schema.h). Errors as sqlite.h; all that writes is
// called within a transaction.
namespace fieldgate::process_data {

// Of the table `era`, in seconds.
struct Era {
  int64_t first_id = 0;
  int64_t age = 0;
  int64_t wall = 0;
  int64_t monotonic = 0;
};

// The row of a log, kept in memory in step with the file.
struct LogRow {
  int64_t number = 0;
  std::string name;
  int64_t removed = 0;
  LogBounds bounds;
  int64_t first_id = 1;
  int64_t last_id = 0;
  int64_t bytes = 0;
  int64_t dropped = 0;
  int64_t earliest_us = 0;
  int64_t latest_us = 0;

  // Follow from the other tables.
  int64_t layout = 0;  // of the newest records; 0: none
  std::shared_ptr<const LogLayout> layout_content;
  std::optional<absl::Time> last_recorded_at;
  std::optional<Era> era;  // the last one

  // Since the first TickAge.
  std::optional<AgeClock> age;

  int64_t records() const { return last_id - first_id + 1; }
};

// By name.
using LogRows = std::map<std::string, LogRow>;

inline constexpr int kSpanBits = 8;  // 256 records

// The statement that makes the table of a log's records.
std::string CreateRecordTable(absl::string_view table, bool if_missing);

absl::StatusOr<LogRows> LoadLogs(sqlite::Database& db);
absl::Status InsertLog(sqlite::Database& db, const LogRow& log);
absl::Status UpdateLog(sqlite::Database& db, const LogRow& log);
// With all that belongs to it.
absl::Status DeleteLog(sqlite::Database& db, const LogRow& log);

// Adds the record behind the last one, and moves `log` on.
absl::Status AddRecord(sqlite::Database& db, const NewRecord& record, LogRow& log);

// Removes the oldest records up to `last`, and moves `log` on.
absl::Status RemoveRecords(sqlite::Database& db, int64_t last, LogRow& log);

// The last of the oldest records that hold at least `bytes` together, but at
// most `max_records` of them.
absl::StatusOr<int64_t> FindByBytes(sqlite::Database& db, const LogRow& log, int64_t bytes,
                                    int64_t max_records);

// The age of records (log_age.cc).
absl::Status LoadAge(sqlite::Database& db, LogRow& log);
// `log.age` goes on.
void TickAge(Now now, LogRow& log);
// Before a record made at `made` is added: it begins an era unless the last one
// goes on.
absl::Status NoteAge(sqlite::Database& db, Now made, LogRow& log);
// After TickAge: whether the age in the file lags behind by an hour or is missing,
// while there are records; KeepAge stores it.
bool MustKeepAge(const LogRow& log);
absl::Status KeepAge(sqlite::Database& db, Now now, LogRow& log);
// Those that only removed records had.
absl::Status RemoveEras(sqlite::Database& db, const LogRow& log);
// The last of the oldest records that are too old at the last TickAge, but at most
// `max_records` of them; 0: none is.
absl::StatusOr<int64_t> FindByAge(sqlite::Database& db, const LogRow& log, int64_t max_records);

absl::StatusOr<LogLayout> LoadLayout(sqlite::Database& db, int64_t layout);

// Proto ReadLog.
absl::StatusOr<LogRecords> ReadRecords(sqlite::Database& db, const LogRow& log,
                                       const LogQuery& query);

}  // namespace fieldgate::process_data
