// ReadRecords of log_tables.h.
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/process_data/logging/log_tables.h"

namespace fieldgate::process_data {
namespace {

// Of a record in an answer, besides its columns.
constexpr size_t kRecordBytes = 40;

size_t SizeOf(const RecordValues& values) {
  size_t size = kRecordBytes + values.size() * (2 + sizeof(uint64_t));
  for (const std::string& text : values.texts) size += text.size() + 2;
  return size;
}

size_t SizeOf(const LogLayout& layout) {
  size_t size = 0;
  for (const std::string& name : layout.names) size += name.size() + 3;
  for (const std::string& path : layout.paths) size += path.size() + 3;
  return size;
}

class LogReader {
 public:
  LogReader(sqlite::Database& db, const LogRow& log, const LogQuery& query)
      : db_(db),
        log_(log),
        query_(query),
        from_us_(query.from ? absl::ToUnixMicros(*query.from) : INT64_MIN),
        until_us_(query.until ? absl::ToUnixMicros(*query.until) : INT64_MAX),
        first_(std::max(query.after_id, log.first_id - 1) + 1) {}

  absl::StatusOr<LogRecords> Read() {
    absl::Status status;
    if (first_ <= log_.last_id) {
      if (query_.from.has_value() || query_.until.has_value()) {
        status = ReadSpans();
      } else {
        status = ReadRange(first_, log_.last_id).status();
      }
    }
    if (!status.ok()) return status;
    return std::move(result_);
  }

 private:
  // Only the spans whose times are among those asked for.
  absl::Status ReadSpans() {
    const int64_t last_span = log_.last_id >> kSpanBits;
    const bool last_overlaps = log_.latest_us >= from_us_ && log_.earliest_us < until_us_;
    if (query_.newest_first && last_overlaps) {
      const absl::StatusOr<bool> go_on = ReadSpan(last_span);
      if (!go_on.ok() || !*go_on) return go_on.status();
    }
    absl::StatusOr<sqlite::Statement*> spans = db_.Cached(absl::StrCat(
        "SELECT span FROM span WHERE log = ?1 AND span BETWEEN ?2 AND ?3 AND latest_us >= ?4"
        " AND earliest_us < ?5 ORDER BY span",
        Direction()));
    if (!spans.ok()) return spans.status();
    (*spans)
        ->BindInt(1, log_.number)
        .BindInt(2, first_ >> kSpanBits)
        .BindInt(3, last_span - 1)
        .BindInt(4, from_us_)
        .BindInt(5, until_us_);
    for (;;) {
      const absl::StatusOr<bool> row = (*spans)->Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      const absl::StatusOr<bool> go_on = ReadSpan((*spans)->Int(0));
      if (!go_on.ok() || !*go_on) {
        (*spans)->Reset();
        return go_on.status();
      }
    }
    if (query_.newest_first || !last_overlaps) return absl::OkStatus();
    return ReadSpan(last_span).status();
  }

  absl::StatusOr<bool> ReadSpan(int64_t span) {
    return ReadRange(std::max(first_, span << kSpanBits),
                     std::min(log_.last_id, ((span + 1) << kSpanBits) - 1));
  }

  // False: the answer is complete or full.
  absl::StatusOr<bool> ReadRange(int64_t first, int64_t last) {
    absl::StatusOr<sqlite::Statement*> select = db_.Cached(
        absl::StrCat("SELECT id, recorded_at_us, layout, content FROM record_", log_.number,
                     " WHERE id BETWEEN ?1 AND ?2 AND recorded_at_us >= ?3 AND recorded_at_us < ?4"
                     " ORDER BY id",
                     Direction()));
    if (!select.ok()) return select.status();
    (*select)->BindInt(1, first).BindInt(2, last).BindInt(3, from_us_).BindInt(4, until_us_);
    for (;;) {
      const absl::StatusOr<bool> row = (*select)->Step();
      if (!row.ok()) return row.status();
      if (!*row) return true;
      const absl::StatusOr<bool> taken = Take(**select);
      if (taken.ok() && *taken) continue;
      (*select)->Reset();
      return taken;
    }
  }

  // False: the answer is full without this record.
  absl::StatusOr<bool> Take(const sqlite::Statement& row) {
    if (static_cast<int>(result_.records.size()) >= query_.count) return Full();
    absl::StatusOr<RecordValues> values = DecodeRecord(row.Blob(3));
    if (!values.ok()) {
      return absl::DataLossError(
          absl::StrCat("record ", row.Int(0), " of ", log_.name, ": ", values.status().message()));
    }
    size_t size = SizeOf(*values);
    const int64_t layout = row.Int(2);
    LogLayout new_layout;
    if (layouts_.count(layout) == 0) {
      absl::StatusOr<LogLayout> content = LoadLayout(db_, layout);
      if (!content.ok()) return content.status();
      new_layout = *std::move(content);
      size += SizeOf(new_layout);
    }
    if (!result_.records.empty() && bytes_ + size > query_.max_bytes) return Full();
    bytes_ += size;
    const auto [place, added] = layouts_.try_emplace(layout, result_.layouts.size());
    if (added) result_.layouts.push_back(std::move(new_layout));
    result_.records.push_back(
        {row.Int(0), absl::FromUnixMicros(row.Int(1)), place->second, *std::move(values)});
    return true;
  }

  bool Full() {
    result_.more = true;
    return false;
  }

  absl::string_view Direction() const { return query_.newest_first ? " DESC" : ""; }

  sqlite::Database& db_;
  const LogRow& log_;
  const LogQuery& query_;
  const int64_t from_us_;
  const int64_t until_us_;
  const int64_t first_;
  LogRecords result_;
  std::map<int64_t, size_t> layouts_;  // place in the result
  size_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<LogRecords> ReadRecords(sqlite::Database& db, const LogRow& log,
                                       const LogQuery& query) {
  return LogReader(db, log, query).Read();
}

}  // namespace fieldgate::process_data
