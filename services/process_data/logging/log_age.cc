// The age of records, of log_tables.h.
#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "services/process_data/logging/log_tables.h"

namespace fieldgate::process_data {
namespace {

// Seconds are cut, so two clocks that go alike are that far apart at times.
constexpr int64_t kApart = 1;

// A log that gets no records costs a commit that often.
constexpr int64_t kKeepEvery = 3'600;

// Seconds; 0: none.
int64_t MaxAge(const LogRow& log) {
  return log.bounds.max_age == absl::InfiniteDuration() ? 0
                                                        : absl::ToInt64Seconds(log.bounds.max_age);
}

// The clocks when the newest record was made, or later, as the file has them.
std::optional<AgeClock::Mark> MarkOf(const LogRow& log) {
  if (!log.era.has_value()) return std::nullopt;
  const bool has_records = log.last_id >= log.era->first_id && log.last_recorded_at.has_value();
  const int64_t passed =
      has_records ? std::max<int64_t>(absl::ToUnixSeconds(*log.last_recorded_at) - log.era->wall, 0)
                  : 0;
  return AgeClock::Mark{.age = log.era->age + passed,
                        .wall = log.era->wall + passed,
                        .monotonic = log.era->monotonic + passed};
}

Era EraFrom(Now now, const LogRow& log) {
  return {.first_id = log.last_id + 1,
          .age = log.age->At(now.monotonic),
          .wall = absl::ToUnixSeconds(now.wall),
          .monotonic = absl::ToInt64Seconds(now.monotonic.since_start)};
}

bool GoesOn(const Era& era, const Era& now) {
  const int64_t passed = now.age - era.age;
  return std::abs(now.wall - era.wall - passed) <= kApart &&
         std::abs(now.monotonic - era.monotonic - passed) <= kApart;
}

absl::Status Insert(sqlite::Database& db, const LogRow& log, const Era& era) {
  absl::StatusOr<sqlite::Statement*> insert = db.Cached(
      "INSERT OR REPLACE INTO era (log, first_id, age, wall, monotonic)"
      " VALUES (?1, ?2, ?3, ?4, ?5)");
  if (!insert.ok()) return insert.status();
  (*insert)
      ->BindInt(1, log.number)
      .BindInt(2, era.first_id)
      .BindInt(3, era.age)
      .BindInt(4, era.wall)
      .BindInt(5, era.monotonic);
  return (*insert)->Run();
}

absl::Status Begin(sqlite::Database& db, const Era& era, LogRow& log) {
  absl::Status status;
  if (!log.era.has_value() && log.records() > 0) {
    // They are of a former version or were saved from a damaged file: as if made
    // now, up to the newest one.
    Era newest = era;
    newest.first_id = log.last_id;
    newest.wall = absl::ToUnixSeconds(log.last_recorded_at.value_or(absl::UnixEpoch()));
    status = Insert(db, log, newest);
  }
  if (status.ok()) status = Insert(db, log, era);
  log.era = era;
  return status;
}

}  // namespace

absl::Status LoadAge(sqlite::Database& db, LogRow& log) {
  absl::StatusOr<sqlite::Statement*> last = db.Cached(
      "SELECT first_id, age, wall, monotonic FROM era WHERE log = ?1"
      " ORDER BY first_id DESC LIMIT 1");
  if (!last.ok()) return last.status();
  const absl::StatusOr<bool> row = (*last)->BindInt(1, log.number).Step();
  if (!row.ok()) return row.status();
  if (*row) {
    log.era = Era{.first_id = (*last)->Int(0),
                  .age = (*last)->Int(1),
                  .wall = (*last)->Int(2),
                  .monotonic = (*last)->Int(3)};
  }
  (*last)->Reset();
  return absl::OkStatus();
}

void TickAge(Now now, LogRow& log) {
  if (!log.age.has_value()) log.age.emplace(MarkOf(log), now);
  log.age->Tick(now, MaxAge(log));
}

absl::Status NoteAge(sqlite::Database& db, Now made, LogRow& log) {
  TickAge(made, log);
  const Era era = EraFrom(made, log);
  return log.era.has_value() && GoesOn(*log.era, era) ? absl::OkStatus() : Begin(db, era, log);
}

bool MustKeepAge(const LogRow& log) {
  if (log.records() == 0) return false;
  const std::optional<AgeClock::Mark> kept = MarkOf(log);
  return !kept.has_value() || log.age->age() - kept->age >= kKeepEvery;
}

absl::Status KeepAge(sqlite::Database& db, Now now, LogRow& log) {
  return Begin(db, EraFrom(now, log), log);
}

absl::Status RemoveEras(sqlite::Database& db, const LogRow& log) {
  absl::StatusOr<sqlite::Statement*> remove = db.Cached(
      "DELETE FROM era WHERE log = ?1 AND first_id <"
      " (SELECT max(first_id) FROM era WHERE log = ?1 AND first_id <= ?2)");
  if (!remove.ok()) return remove.status();
  return (*remove)->BindInt(1, log.number).BindInt(2, log.first_id).Run();
}

absl::StatusOr<int64_t> FindByAge(sqlite::Database& db, const LogRow& log, int64_t max_records) {
  const int64_t max_age = MaxAge(log);
  if (max_age == 0) return 0;
  // What was made before that is too old for certain.
  const int64_t due = log.age->age() - max_age - kApart;
  absl::StatusOr<sqlite::Statement*> last_old = db.Cached(
      "SELECT first_id, wall - age, coalesce((SELECT min(first_id) FROM era AS next WHERE"
      " next.log = era.log AND next.first_id > era.first_id), ?3)"
      " FROM era WHERE log = ?1 AND age < ?2 ORDER BY first_id DESC LIMIT 1");
  if (!last_old.ok()) return last_old.status();
  const absl::StatusOr<bool> found =
      (*last_old)->BindInt(1, log.number).BindInt(2, due).BindInt(3, log.last_id + 1).Step();
  if (!found.ok()) return found.status();
  if (!*found) return 0;
  const int64_t first = std::max((*last_old)->Int(0), log.first_id);
  const int64_t due_us = ((*last_old)->Int(1) + due) * 1'000'000;  // on that era's wall clock
  const int64_t end = (*last_old)->Int(2);
  (*last_old)->Reset();
  // All before this era is older than it. Within it times are in order.
  const int64_t behind = std::min(end, log.first_id + max_records);
  absl::StatusOr<sqlite::Statement*> young =
      db.Cached(absl::StrCat("SELECT id FROM record_", log.number,
                             " WHERE id >= ?1 AND id < ?2 AND recorded_at_us >= ?3"
                             " ORDER BY id LIMIT 1"));
  if (!young.ok()) return young.status();
  const absl::StatusOr<bool> row =
      (*young)->BindInt(1, first).BindInt(2, behind).BindInt(3, due_us).Step();
  if (!row.ok()) return row.status();
  const int64_t next = *row ? (*young)->Int(0) : behind;
  (*young)->Reset();
  return next - 1;
}

}  // namespace fieldgate::process_data
