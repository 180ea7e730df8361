#include "tests/fault/database_snapshot.h"

#include <filesystem>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/sqlite/sqlite.h"

namespace fieldgate::fault {
namespace {

using sqlite::Statement;

// A copy of a database with its log, without the index of the log, which the
// dead process may have left half written.
class Copy {
 public:
  static absl::StatusOr<Copy> Of(const std::string& state_dir, const std::string& name) {
    Copy copy(absl::StrCat(state_dir, "/snapshot"));
    std::error_code error;
    std::filesystem::create_directories(copy.dir_, error);
    const std::string file = absl::StrCat(state_dir, "/", name);
    const std::string to = absl::StrCat(copy.dir_, "/", name);
    std::filesystem::copy_file(file, to, error);
    if (error) return absl::UnavailableError(absl::StrCat(file, ": ", error.message()));
    if (std::filesystem::exists(file + "-wal")) {
      std::filesystem::copy_file(file + "-wal", to + "-wal", error);
    }
    if (error) return absl::UnavailableError(absl::StrCat(file, "-wal: ", error.message()));
    absl::StatusOr<std::unique_ptr<sqlite::Database>> db = sqlite::Database::Open(to);
    if (!db.ok()) return db.status();
    copy.db_ = *std::move(db);
    return copy;
  }
  Copy(Copy&& other) = default;
  ~Copy() {
    if (db_ == nullptr) return;
    db_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }

  absl::Status ForEach(const std::string& sql, const std::function<void(const Statement&)>& row) {
    absl::StatusOr<Statement> statement = db_->Prepare(sql);
    if (!statement.ok()) return statement.status();
    for (;;) {
      const absl::StatusOr<bool> there = statement->Step();
      if (!there.ok()) return there.status();
      if (!*there) return absl::OkStatus();
      row(*statement);
    }
  }

 private:
  explicit Copy(std::string dir) : dir_(std::move(dir)) {}

  std::string dir_;
  std::unique_ptr<sqlite::Database> db_;
};

}  // namespace

absl::StatusOr<OutboxSnapshot> ReadOutbox(const std::string& state_dir) {
  absl::StatusOr<Copy> db = Copy::Of(state_dir, "cloud_link.db");
  if (!db.ok()) return db.status();
  OutboxSnapshot snapshot;
  absl::Status s =
      db->ForEach("SELECT name, next_message_id, dropped FROM connector", [&](const Statement& r) {
        snapshot.streams[std::string(r.Text(0))] = {r.Int(1), r.Int(2)};
      });
  if (!s.ok()) return s;
  s = db->ForEach("SELECT count(*) FROM loss",
                  [&](const Statement& r) { snapshot.losses = r.Int(0); });
  if (!s.ok()) return s;
  s = db->ForEach(
      "SELECT topic, message_id, timestamp FROM entry WHERE message_id > 0",
      [&](const Statement& r) { snapshot.waiting[std::string(r.Text(0))][r.Int(1)] = r.Int(2); });
  if (!s.ok()) return s;
  return snapshot;
}

absl::StatusOr<LogSnapshot> ReadLogs(const std::string& state_dir) {
  absl::StatusOr<Copy> db = Copy::Of(state_dir, "logs.db");
  if (!db.ok()) return db.status();
  std::map<std::string, int64_t> numbers;
  absl::Status s = db->ForEach("SELECT name, number FROM log", [&](const Statement& r) {
    numbers[std::string(r.Text(0))] = r.Int(1);
  });
  if (!s.ok()) return s;
  LogSnapshot logs;
  for (const auto& [name, number] : numbers) {
    std::vector<int64_t>& records = logs[name];
    int64_t gap = 0;
    s = db->ForEach(absl::StrCat("SELECT id, recorded_at_us FROM record_", number, " ORDER BY id"),
                    [&](const Statement& r) {
                      records.push_back(r.Int(1) / 1'000'000);
                      if (r.Int(0) != static_cast<int64_t>(records.size())) gap = r.Int(0);
                    });
    if (!s.ok()) return s;
    if (gap != 0) {
      return absl::DataLossError(absl::StrCat("log ", name, " has a gap before record ", gap));
    }
  }
  return logs;
}

absl::StatusOr<int64_t> ReadRevision(const std::string& state_dir) {
  absl::StatusOr<Copy> db = Copy::Of(state_dir, "config.db");
  if (!db.ok()) return db.status();
  int64_t revision = 0;
  absl::Status s = db->ForEach("SELECT coalesce(max(revision), 0) FROM revision",
                               [&](const Statement& r) { revision = r.Int(0); });
  if (!s.ok()) return s;
  return revision;
}

}  // namespace fieldgate::fault
