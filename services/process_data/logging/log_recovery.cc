#include "services/process_data/logging/log_recovery.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/sqlite/row_size.h"
#include "common/time/clock.h"
#include "services/process_data/logging/log_bounds.h"
#include "services/process_data/logging/log_schema.h"
#include "services/process_data/logging/log_tables.h"

namespace fieldgate::process_data {
namespace {

using sqlite::Database;
using sqlite::Recovery;
using sqlite::Statement;

// The number of the log whose records a table holds; 0: it is none of those.
int64_t LogOf(absl::string_view table) {
  int64_t number = 0;
  if (!absl::ConsumePrefix(&table, "record_") || !absl::SimpleAtoi(table, &number)) return 0;
  return number > 0 && absl::StrCat(number) == table ? number : 0;
}

bool IsPlausible(const sqlite::SalvagedRow& row) {
  const std::string& table = row.table.name;
  if (LogOf(table) != 0) return row.Int("id") >= 1 && row.Int("layout") >= 1;
  if (table == "log") {
    return row.Int("number") >= 1 && !row.Bytes("name").empty() && row.Int("first_id") >= 1 &&
           row.Int("last_id") >= row.Int("first_id") - 1;
  }
  if (table == "state") return row.Int("highest_id") >= 0;
  return true;
}

class Mender {
 public:
  Mender(Database& db, absl::Time now, Recovery& recovery)
      : db_(db), now_(now), recovery_(recovery) {}

  absl::Status Mend() {
    // Of ids that a lost file can have had, counted from 1: a record a second since
    // 1970 is more than that. While the clock is not set: 1970 to 2020.
    const int64_t above = std::max(absl::ToUnixSeconds(now_), kEarliestWall);
    absl::Status status = db_.Execute(
        absl::StrCat("INSERT INTO state (id, factory_epoch, highest_id) VALUES (1, NULL, ", above,
                     ") ON CONFLICT DO NOTHING"));
    if (status.ok() && recovery_.rows_saved == 0) {
      status =
          db_.Execute(absl::StrCat("UPDATE state SET highest_id = max(highest_id, ", above, ")"));
    }
    std::vector<int64_t> logs;
    if (status.ok()) status = ReadInts("SELECT number FROM log ORDER BY number", logs);
    if (status.ok()) status = DropUnknown(std::set<int64_t>(logs.begin(), logs.end()), above);
    for (const int64_t log : logs) {
      if (status.ok()) status = MendLog(log);
    }
    if (!status.ok()) return status;
    recovery_.effect =
        absl::StrCat(logs.size(), " logs go on, ", dropped_, " of their records are lost");
    recovery_.rows_lost += static_cast<uint64_t>(dropped_);
    // What has no log or layout any more.
    return db_.Execute(
        "DELETE FROM layout_point WHERE layout NOT IN"
        " (SELECT id FROM layout WHERE log IN (SELECT number FROM log));"
        "DELETE FROM layout WHERE log NOT IN (SELECT number FROM log)");
  }

 private:
  absl::Status ReadInts(absl::string_view sql, std::vector<int64_t>& to) {
    absl::StatusOr<Statement> read = db_.Prepare(sql);
    if (!read.ok()) return read.status();
    while (true) {
      absl::StatusOr<bool> row = read->Step();
      if (!row.ok()) return row.status();
      if (!*row) return absl::OkStatus();
      to.push_back(read->Int(0));
    }
  }

  // Records of logs whose names are lost.
  absl::Status DropUnknown(const std::set<int64_t>& known, int64_t above) {
    std::vector<int64_t> unknown;
    {
      absl::StatusOr<Statement> read = db_.Prepare(
          "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'record%'");
      if (!read.ok()) return read.status();
      while (true) {
        absl::StatusOr<bool> row = read->Step();
        if (!row.ok()) return row.status();
        if (!*row) break;
        const int64_t log = LogOf(read->Text(0));
        if (log != 0 && known.count(log) == 0) unknown.push_back(log);
      }
    }
    for (const int64_t log : unknown) {
      std::vector<int64_t> records;
      absl::Status s = ReadInts(absl::StrCat("SELECT count(*) FROM record_", log), records);
      if (s.ok()) s = db_.Execute(absl::StrCat("DROP TABLE record_", log));
      if (!s.ok()) return s;
      dropped_ += records.empty() ? 0 : records[0];
    }
    if (unknown.empty()) return absl::OkStatus();
    return db_.Execute(absl::StrCat("UPDATE state SET highest_id = max(highest_id, ", above, ")"));
  }

  absl::Status MendLog(int64_t log) {
    const std::string table = absl::StrCat("record_", log);
    absl::Status status = db_.Execute(
        absl::StrCat(CreateRecordTable(table, /*if_missing=*/true), ";DELETE FROM ", table,
                     " WHERE layout NOT IN (SELECT id FROM layout WHERE log = ", log,
                     ") OR layout NOT IN (SELECT layout FROM layout_point WHERE position = 0);",
                     // Of all spans but the last one, which is in the log's row.
                     "DELETE FROM span WHERE log = ", log,
                     ";INSERT INTO span (log, span, earliest_us, latest_us)", " SELECT ", log,
                     ", id >> ", kSpanBits, ", min(recorded_at_us), max(recorded_at_us) FROM ",
                     table, " GROUP BY id >> ", kSpanBits, " HAVING id >> ", kSpanBits,
                     " < (SELECT max(last_id, (SELECT coalesce(max(id), 0) FROM ", table, ")) >> ",
                     kSpanBits, " FROM log WHERE number = ", log, ")"));
    if (!status.ok()) return status;
    int64_t count = 0;
    int64_t bytes = 0;
    int64_t first = 0;
    int64_t last = 0;
    {
      absl::StatusOr<Statement> read =
          db_.Prepare(absl::StrCat("SELECT id, length(content) FROM ", table, " ORDER BY id"));
      if (!read.ok()) return read.status();
      while (true) {
        absl::StatusOr<bool> row = read->Step();
        if (!row.ok()) return row.status();
        if (!*row) break;
        if (count++ == 0) first = read->Int(0);
        last = read->Int(0);
        bytes += sqlite::DiskBytes(read->Int(1));
      }
    }
    std::vector<int64_t> before;
    status = ReadInts(
        absl::StrCat("SELECT last_id FROM log WHERE number = ", log,
                     " UNION ALL SELECT last_id - first_id + 1 FROM log WHERE number = ", log),
        before);
    if (!status.ok() || before.size() != 2) return status;
    last = std::max(last, before[0]);
    if (count == 0) first = last + 1;
    const int64_t lost = std::max<int64_t>(before[1] - count, 0);
    dropped_ += lost;
    return db_.Execute(absl::StrCat(
        "UPDATE log SET first_id = ", first, ", last_id = ", last, ", bytes = ", bytes,
        ", dropped = dropped + ", lost,
        ", (earliest_us, latest_us) ="
        " (SELECT coalesce(min(recorded_at_us), 0), coalesce(max(recorded_at_us), 0) FROM ",
        table, " WHERE id >> ", kSpanBits, " = ", last >> kSpanBits, ") WHERE number = ", log));
  }

  Database& db_;
  const absl::Time now_;
  Recovery& recovery_;
  int64_t dropped_ = 0;
};

}  // namespace

absl::StatusOr<std::optional<Recovery>> RecoverLogs(const std::string& path, sqlite::Disk& disk,
                                                    absl::Time now) {
  sqlite::RecoveryRules rules;
  rules.options.disk = &disk;
  rules.migrations = kLogMigrations;
  // Of records whose table is not known, the layout tells the log.
  std::map<int64_t, int64_t> logs;  // by layout
  rules.rows.plausible = [&logs](const sqlite::SalvagedRow& row) {
    if (!IsPlausible(row)) return false;
    const auto log = logs.find(row.Int("layout"));
    return !row.orphan || log == logs.end() || LogOf(row.table.name) == 0 ||
           LogOf(row.table.name) == log->second;
  };
  rules.rows.create_missing = [&logs](Database& db) -> absl::StatusOr<std::string> {
    absl::StatusOr<Statement> read = db.Prepare("SELECT id, log FROM layout");
    if (!read.ok()) return read.status();
    std::string sql;
    while (true) {
      absl::StatusOr<bool> row = read->Step();
      if (!row.ok()) return row.status();
      if (!*row) return sql;
      logs[read->Int(0)] = read->Int(1);
      absl::StrAppend(&sql, CreateRecordTable(absl::StrCat("record_", read->Int(1)), true), ";");
    }
  };
  rules.rows.derived = {"span", "era"};
  rules.rows.bulk = [](absl::string_view table) { return LogOf(table) != 0; };
  rules.rows.create = [](absl::string_view table) {
    return LogOf(table) == 0 ? "" : CreateRecordTable(table, /*if_missing=*/true);
  };
  rules.mend = [now](Database& db, const sqlite::Salvaged&, Recovery& recovery) {
    return Mender(db, now, recovery).Mend();
  };
  return sqlite::RecoverIfDamaged(path, rules, now);
}

}  // namespace fieldgate::process_data
