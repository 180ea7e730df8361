#include "services/process_data/logging/log_tables.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/sqlite/row_size.h"

namespace fieldgate::process_data {
namespace {

// A number of seconds that is no bound at all.
constexpr int64_t kForever = int64_t{1} << 40;

template <typename Bind>
absl::Status Execute(sqlite::Database& db, absl::string_view sql, Bind bind) {
  absl::StatusOr<sqlite::Statement*> statement = db.Cached(sql);
  if (!statement.ok()) return statement.status();
  bind(**statement);
  return (*statement)->Run();
}

// `sql` about the records of `log`, whose table is "@" in it. Numbers of logs
// are few, so these texts are, too.
std::string OfRecords(const LogRow& log, absl::string_view sql) {
  const size_t at = sql.find('@');
  return absl::StrCat(sql.substr(0, at), "record_", log.number, sql.substr(at + 1));
}

absl::Status LoadNewest(sqlite::Database& db, LogRow& log) {
  absl::StatusOr<sqlite::Statement*> newest =
      db.Cached(OfRecords(log, "SELECT recorded_at_us FROM @ ORDER BY id DESC LIMIT 1"));
  if (!newest.ok()) return newest.status();
  absl::StatusOr<bool> row = (*newest)->Step();
  if (!row.ok()) return row.status();
  if (*row) log.last_recorded_at = absl::FromUnixMicros((*newest)->Int(0));
  (*newest)->Reset();

  absl::StatusOr<sqlite::Statement*> layout =
      db.Cached("SELECT coalesce(max(id), 0) FROM layout WHERE log = ?1");
  if (!layout.ok()) return layout.status();
  row = (*layout)->BindInt(1, log.number).Step();
  if (!row.ok()) return row.status();
  log.layout = (*layout)->Int(0);
  (*layout)->Reset();
  if (log.layout == 0) return absl::OkStatus();
  absl::StatusOr<LogLayout> content = LoadLayout(db, log.layout);
  if (!content.ok()) return content.status();
  log.layout_content = std::make_shared<const LogLayout>(*std::move(content));
  return absl::OkStatus();
}

absl::Status AddLayout(sqlite::Database& db, const std::shared_ptr<const LogLayout>& content,
                       LogRow& log) {
  absl::Status status =
      Execute(db, "INSERT INTO layout (log) VALUES (?1)",
              [&](sqlite::Statement& statement) { statement.BindInt(1, log.number); });
  const int64_t layout = db.LastInsertRowId();
  for (size_t i = 0; status.ok() && i < content->names.size(); ++i) {
    status = Execute(db,
                     "INSERT INTO layout_point (layout, position, name, path)"
                     " VALUES (?1, ?2, ?3, ?4)",
                     [&](sqlite::Statement& statement) {
                       statement.BindInt(1, layout)
                           .BindInt(2, static_cast<int64_t>(i))
                           .BindText(3, content->names[i])
                           .BindText(4, content->paths[i]);
                     });
  }
  if (!status.ok()) return status;
  log.layout = layout;
  log.layout_content = content;
  return absl::OkStatus();
}

// Notes the time of the record `log.last_id`.
absl::Status NoteTime(sqlite::Database& db, int64_t at_us, LogRow& log) {
  const int64_t former = log.last_id - 1;
  const bool same_span = former >> kSpanBits == log.last_id >> kSpanBits;
  const bool former_exists = former >= log.first_id;
  if (same_span && former_exists) {
    log.earliest_us = std::min(log.earliest_us, at_us);
    log.latest_us = std::max(log.latest_us, at_us);
    return absl::OkStatus();
  }
  absl::Status status;
  if (former_exists) {
    status =
        Execute(db, "INSERT INTO span (log, span, earliest_us, latest_us) VALUES (?1, ?2, ?3, ?4)",
                [&](sqlite::Statement& statement) {
                  statement.BindInt(1, log.number)
                      .BindInt(2, former >> kSpanBits)
                      .BindInt(3, log.earliest_us)
                      .BindInt(4, log.latest_us);
                });
  }
  log.earliest_us = log.latest_us = at_us;
  return status;
}

}  // namespace

std::string CreateRecordTable(absl::string_view table, bool if_missing) {
  return absl::StrCat("CREATE TABLE ", if_missing ? "IF NOT EXISTS " : "", table,
                      " (id INTEGER PRIMARY KEY,"
                      " recorded_at_us INTEGER NOT NULL, layout INTEGER NOT NULL,"
                      " content BLOB NOT NULL) STRICT");
}

absl::StatusOr<LogRows> LoadLogs(sqlite::Database& db) {
  absl::StatusOr<sqlite::Statement*> select = db.Cached(
      "SELECT number, name, removed, max_bytes, max_age_s, first_id, last_id, bytes, dropped,"
      " earliest_us, latest_us FROM log ORDER BY number");
  if (!select.ok()) return select.status();
  LogRows logs;
  for (;;) {
    const absl::StatusOr<bool> row = (*select)->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    const sqlite::Statement& s = **select;
    LogRow& log = logs[std::string(s.Text(1))];
    log.number = s.Int(0);
    log.name = std::string(s.Text(1));
    log.removed = s.Int(2);
    log.bounds = {
        .max_bytes = s.Int(3),
        .max_age = s.Int(4) < kForever ? absl::Seconds(s.Int(4)) : absl::InfiniteDuration()};
    log.first_id = s.Int(5);
    log.last_id = s.Int(6);
    log.bytes = s.Int(7);
    log.dropped = s.Int(8);
    log.earliest_us = s.Int(9);
    log.latest_us = s.Int(10);
  }
  for (auto& [name, log] : logs) {
    if (absl::Status status = LoadNewest(db, log); !status.ok()) return status;
    if (absl::Status status = LoadAge(db, log); !status.ok()) return status;
  }
  return logs;
}

absl::Status InsertLog(sqlite::Database& db, const LogRow& log) {
  absl::Status status = Execute(
      db,
      "INSERT INTO log (number, name, removed, max_bytes, max_age_s, first_id, last_id, bytes,"
      " dropped, earliest_us, latest_us) VALUES (?1, ?2, 0, 0, 0, 1, 0, 0, 0, 0, 0)",
      [&](sqlite::Statement& s) { s.BindInt(1, log.number).BindText(2, log.name); });
  if (status.ok()) {
    status = db.Execute(CreateRecordTable(OfRecords(log, "@"), /*if_missing=*/false));
  }
  return status.ok() ? UpdateLog(db, log) : status;
}

absl::Status UpdateLog(sqlite::Database& db, const LogRow& log) {
  return Execute(
      db,
      "UPDATE log SET removed = ?2, max_bytes = ?3, max_age_s = ?4, first_id = ?5, last_id = ?6,"
      " bytes = ?7, dropped = ?8, earliest_us = ?9, latest_us = ?10 WHERE number = ?1",
      [&](sqlite::Statement& s) {
        s.BindInt(1, log.number)
            .BindInt(2, log.removed)
            .BindInt(3, log.bounds.max_bytes)
            .BindInt(4, absl::ToInt64Seconds(std::min(log.bounds.max_age, absl::Seconds(kForever))))
            .BindInt(5, log.first_id)
            .BindInt(6, log.last_id)
            .BindInt(7, log.bytes)
            .BindInt(8, log.dropped)
            .BindInt(9, log.earliest_us)
            .BindInt(10, log.latest_us);
      });
}

absl::Status DeleteLog(sqlite::Database& db, const LogRow& log) {
  absl::Status status = db.Execute(OfRecords(log, "DROP TABLE @"));
  if (!status.ok()) return status;
  return Execute(db, "DELETE FROM log WHERE number = ?1",
                 [&](sqlite::Statement& s) { s.BindInt(1, log.number); });
}

absl::Status AddRecord(sqlite::Database& db, const NewRecord& record, LogRow& log) {
  absl::Status status;
  const bool same = log.layout_content == record.layout ||
                    (log.layout_content != nullptr && *log.layout_content == *record.layout);
  if (!same) status = AddLayout(db, record.layout, log);
  if (status.ok()) status = NoteAge(db, {record.monotonic, record.recorded_at}, log);
  if (!status.ok()) return status;
  ++log.last_id;
  const int64_t at_us = absl::ToUnixMicros(record.recorded_at);
  status = Execute(
      db,
      OfRecords(log, "INSERT INTO @ (id, recorded_at_us, layout, content) VALUES (?1, ?2, ?3, ?4)"),
      [&](sqlite::Statement& s) {
        s.BindInt(1, log.last_id)
            .BindInt(2, at_us)
            .BindInt(3, log.layout)
            .BindBlob(4, record.content);
      });
  if (status.ok()) status = NoteTime(db, at_us, log);
  log.bytes += sqlite::DiskBytes(static_cast<int64_t>(record.content.size()));
  log.last_recorded_at = record.recorded_at;
  return status;
}

absl::Status RemoveRecords(sqlite::Database& db, int64_t last, LogRow& log) {
  absl::StatusOr<sqlite::Statement*> sizes =
      db.Cached(OfRecords(log, "SELECT length(content) FROM @ WHERE id <= ?1 ORDER BY id"));
  if (!sizes.ok()) return sizes.status();
  (*sizes)->BindInt(1, last);
  for (;;) {
    const absl::StatusOr<bool> row = (*sizes)->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    log.bytes -= sqlite::DiskBytes((*sizes)->Int(0));
  }
  log.first_id = last + 1;

  absl::Status status = Execute(db, OfRecords(log, "DELETE FROM @ WHERE id <= ?1"),
                                [&](sqlite::Statement& s) { s.BindInt(1, last); });
  if (!status.ok()) return status;
  status = Execute(db, "DELETE FROM span WHERE log = ?1 AND span < ?2", [&](sqlite::Statement& s) {
    s.BindInt(1, log.number).BindInt(2, log.first_id >> kSpanBits);
  });
  if (status.ok()) status = RemoveEras(db, log);
  if (!status.ok()) return status;
  // Those that only older records had.
  return Execute(db,
                 OfRecords(log,
                           "DELETE FROM layout WHERE log = ?1 AND id <"
                           " coalesce((SELECT layout FROM @ ORDER BY id LIMIT 1), ?2)"),
                 [&](sqlite::Statement& s) { s.BindInt(1, log.number).BindInt(2, log.layout); });
}

absl::StatusOr<int64_t> FindByBytes(sqlite::Database& db, const LogRow& log, int64_t bytes,
                                    int64_t max_records) {
  absl::StatusOr<sqlite::Statement*> oldest =
      db.Cached(OfRecords(log, "SELECT id, length(content) FROM @ ORDER BY id LIMIT ?1"));
  if (!oldest.ok()) return oldest.status();
  (*oldest)->BindInt(1, max_records);
  int64_t last = log.first_id - 1;
  for (int64_t freed = 0; freed < bytes;) {
    const absl::StatusOr<bool> row = (*oldest)->Step();
    if (!row.ok()) return row.status();
    if (!*row) return last;
    last = (*oldest)->Int(0);
    freed += sqlite::DiskBytes((*oldest)->Int(1));
  }
  (*oldest)->Reset();
  return last;
}

absl::StatusOr<LogLayout> LoadLayout(sqlite::Database& db, int64_t layout) {
  absl::StatusOr<sqlite::Statement*> select =
      db.Cached("SELECT name, path FROM layout_point WHERE layout = ?1 ORDER BY position");
  if (!select.ok()) return select.status();
  (*select)->BindInt(1, layout);
  LogLayout content;
  for (;;) {
    const absl::StatusOr<bool> row = (*select)->Step();
    if (!row.ok()) return row.status();
    if (!*row) return content;
    content.names.emplace_back((*select)->Text(0));
    content.paths.emplace_back((*select)->Text(1));
  }
}

}  // namespace fieldgate::process_data
