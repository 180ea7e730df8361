#include "services/process_data/logging/sqlite_log_store.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/row_size.h"
#include "common/sqlite/sqlite.h"
#include "common/status/status.h"
#include "services/process_data/logging/log_schema.h"
#include "services/process_data/logging/log_tables.h"

namespace fieldgate::process_data {
namespace {

// Taken out in one transaction: some tens of milliseconds.
constexpr int64_t kEvictedAtOnce = 20'000;

template <typename Bind>
absl::Status Execute(sqlite::Database& db, absl::string_view sql, Bind bind) {
  absl::StatusOr<sqlite::Statement*> statement = db.Cached(sql);
  if (!statement.ok()) return statement.status();
  bind(**statement);
  return (*statement)->Run();
}

class SqliteLogStore : public LogStore {
 public:
  SqliteLogStore(std::string path, sqlite::Disk& disk,
                 std::function<void(const absl::Status&)> on_damage,
                 std::function<absl::Status()> prepare)
      : path_(std::move(path)),
        disk_(disk),
        on_damage_(std::move(on_damage)),
        prepare_(std::move(prepare)) {
    // So that Logs shows what there is before the first call; whatever is wrong
    // comes out of that.
    std::lock_guard lock(mutex_);
    EnsureOpen().IgnoreError();
  }

  absl::Status Configure(const std::vector<Definition>& logs) override {
    std::lock_guard lock(mutex_);
    definitions_ = logs;
    defined_ = true;
    if (db_ == nullptr || !damage_.ok()) return EnsureOpen();  // applies them
    return Checked(ApplyDefinitions());
  }

  absl::StatusOr<bool> AdoptEpoch(int64_t epoch) override {
    std::lock_guard lock(mutex_);
    if (absl::Status status = EnsureOpen(); !status.ok()) return status;
    const absl::StatusOr<bool> forgotten = ApplyEpoch(epoch);
    if (!forgotten.ok()) return Checked(forgotten.status());
    return forgotten;
  }

  absl::StatusOr<std::vector<int64_t>> Append(
      const std::vector<NewRecord>& records, const std::map<std::string, uint64_t>& lost) override {
    std::lock_guard lock(mutex_);
    if (absl::Status status = EnsureOpen(); !status.ok()) return status;
    absl::StatusOr<std::vector<int64_t>> ids = AppendAll(records, lost);
    if (!ids.ok()) return Checked(Annotate(ids.status(), "recording"));
    return ids;
  }

  absl::StatusOr<bool> Evict(Now now) override {
    std::lock_guard lock(mutex_);
    if (absl::Status status = EnsureOpen(); !status.ok()) return status;
    const absl::StatusOr<bool> more = EvictAll(now);
    if (!more.ok()) return Checked(Annotate(more.status(), "removing old records"));
    return more;
  }

  absl::StatusOr<LogRecords> Read(const std::string& log, const LogQuery& query) override {
    std::lock_guard lock(mutex_);
    if (absl::Status status = EnsureOpen(); !status.ok()) return status;
    const auto found = logs_.find(log);
    if (found == logs_.end() || (found->second.removed != 0 && found->second.records() == 0)) {
      return absl::NotFoundError(absl::StrCat("there is no log '", log, "'"));
    }
    absl::StatusOr<LogRecords> records = ReadRecords(*db_, found->second, query);
    // Of a page, which will be salvaged; not of a record on a sound one.
    if (!records.ok() && !damage_.ok()) return Damaged();
    return records;
  }

  absl::StatusOr<int64_t> FreeBytes() override { return sqlite::RealDisk().FreeBytes(path_); }

  std::vector<StoredLog> Logs() const override {
    std::lock_guard lock(shown_mutex_);
    return shown_;
  }

 private:
  absl::Status EnsureOpen();
  absl::Status Open();
  // What the caller gets of `status`.
  absl::Status Checked(const absl::Status& status);
  void NoteDamage(const absl::Status& why);
  absl::Status Damaged() const { return absl::UnavailableError(damage_.message()); }

  absl::Status ApplyDefinitions();
  absl::StatusOr<bool> ApplyEpoch(int64_t epoch);
  absl::StatusOr<std::vector<int64_t>> AppendAll(const std::vector<NewRecord>& records,
                                                 const std::map<std::string, uint64_t>& lost);
  // Takes out the oldest records, up to `up_to` at most, so that `bytes` more fit.
  absl::Status MakeRoom(int64_t bytes, int64_t up_to, LogRow& log);
  absl::StatusOr<bool> EvictAll(Now now);
  // The last record of `log` to be taken out now; 0: none. Sets `more`.
  absl::StatusOr<int64_t> FindSurplus(const LogRow& log, bool forget, bool& more);
  std::set<std::string> LogsToForget() const;
  absl::Status SetHighestId(int64_t id);
  int64_t FreeNumber(const LogRows& logs) const;

  // The changes that were committed come into force.
  void Adopt(LogRows logs);

  const std::string path_;
  sqlite::Disk& disk_;
  const std::function<void(const absl::Status&)> on_damage_;

  std::mutex mutex_;                       // guards all that follows
  std::function<absl::Status()> prepare_;  // nullptr: it has succeeded
  std::unique_ptr<sqlite::Database> db_;
  absl::Status damage_;  // that on_damage_ was told of
  LogRows logs_;
  int64_t highest_id_ = 0;
  std::optional<int64_t> epoch_;  // in the file
  // Given by the last call, for a file that is opened later.
  bool defined_ = false;
  std::vector<Definition> definitions_;

  mutable std::mutex shown_mutex_;  // never held while waiting for the disk
  std::vector<StoredLog> shown_;
};

absl::Status SqliteLogStore::EnsureOpen() {
  if (!damage_.ok()) return Damaged();
  if (db_ != nullptr) return absl::OkStatus();
  if (prepare_ != nullptr) {
    if (absl::Status s = prepare_(); !s.ok()) return s;
    prepare_ = nullptr;
  }
  const absl::Status status = Checked(Open());
  if (!status.ok()) db_ = nullptr;
  return status;
}

absl::Status SqliteLogStore::Open() {
  sqlite::Options options;
  options.disk = &disk_;
  if (on_damage_ != nullptr) {
    options.on_damage = [this](const absl::Status& why) { NoteDamage(why); };
  }
  absl::StatusOr<std::unique_ptr<sqlite::Database>> db = sqlite::Database::Open(path_, options);
  if (!db.ok()) return db.status();
  if (absl::Status status = sqlite::Migrate(**db, kLogMigrations); !status.ok()) return status;
  absl::StatusOr<sqlite::Statement*> state =
      (*db)->Cached("SELECT factory_epoch, highest_id FROM state WHERE id = 1");
  if (!state.ok()) return state.status();
  const absl::StatusOr<bool> row = (*state)->Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::DataLossError(absl::StrCat(path_, ": the state's row is missing"));
  epoch_.reset();
  if (!(*state)->IsNull(0)) epoch_ = (*state)->Int(0);
  highest_id_ = (*state)->Int(1);
  (*state)->Reset();
  absl::StatusOr<LogRows> logs = LoadLogs(**db);
  if (!logs.ok()) return Annotate(logs.status(), "loading the logs");
  db_ = *std::move(db);
  Adopt(*std::move(logs));
  return defined_ ? ApplyDefinitions() : absl::OkStatus();
}

absl::Status SqliteLogStore::Checked(const absl::Status& status) {
  if (!absl::IsDataLoss(status)) return status;
  NoteDamage(status);
  return absl::UnavailableError(status.message());
}

void SqliteLogStore::NoteDamage(const absl::Status& why) {
  if (on_damage_ == nullptr || !damage_.ok()) return;
  damage_ = why;
  on_damage_(why);
}

absl::Status SqliteLogStore::SetHighestId(int64_t id) {
  return Execute(*db_, "UPDATE state SET highest_id = ?1 WHERE id = 1",
                 [id](sqlite::Statement& s) { s.BindInt(1, id); });
}

int64_t SqliteLogStore::FreeNumber(const LogRows& logs) const {
  std::set<int64_t> used;
  for (const auto& [name, log] : logs) used.insert(log.number);
  int64_t number = 1;
  while (used.count(number) > 0) ++number;
  return number;
}

absl::Status SqliteLogStore::ApplyDefinitions() {
  LogRows next = logs_;
  int64_t last_removed = 0;
  for (auto& [name, log] : next) last_removed = std::max(last_removed, log.removed);
  std::set<std::string> added;
  std::set<std::string> configured;
  for (const Definition& definition : definitions_) {
    configured.insert(definition.log);
    LogRow& log = next[definition.log];
    if (log.number == 0) {
      added.insert(definition.log);
      log.name = definition.log;
      log.number = FreeNumber(next);
      log.last_id = highest_id_;
      log.first_id = highest_id_ + 1;
    }
    log.removed = 0;
    log.bounds = definition.bounds;
  }
  for (auto& [name, log] : next) {
    if (configured.count(name) == 0 && log.removed == 0) log.removed = ++last_removed;
  }

  absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(*db_);
  if (!transaction.ok()) return transaction.status();
  absl::Status status;
  for (const auto& [name, log] : next) {
    if (!status.ok()) break;
    const auto old = logs_.find(name);
    if (added.count(name) > 0) {
      status = InsertLog(*db_, log);
    } else if (old->second.removed != log.removed || old->second.bounds != log.bounds) {
      status = UpdateLog(*db_, log);
    }
  }
  if (status.ok()) status = transaction->Commit();
  if (!status.ok()) return Annotate(status, "storing the logs' definitions");
  Adopt(std::move(next));
  return absl::OkStatus();
}

absl::StatusOr<bool> SqliteLogStore::ApplyEpoch(int64_t epoch) {
  if (epoch_ == epoch) return false;
  const bool forget = epoch_.has_value() && epoch > *epoch_;
  int64_t highest_id = highest_id_;
  absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(*db_);
  if (!transaction.ok()) return transaction.status();
  absl::Status status;
  if (forget) {
    for (const auto& [name, log] : logs_) {
      highest_id = std::max(highest_id, log.last_id);
      if (status.ok()) status = DeleteLog(*db_, log);
    }
  }
  if (status.ok()) {
    status = Execute(*db_, "UPDATE state SET factory_epoch = ?1, highest_id = ?2 WHERE id = 1",
                     [&](sqlite::Statement& s) { s.BindInt(1, epoch).BindInt(2, highest_id); });
  }
  if (status.ok()) status = transaction->Commit();
  if (!status.ok()) return Annotate(status, "factory reset of the logs");
  epoch_ = epoch;
  highest_id_ = highest_id;
  if (forget) {
    definitions_.clear();
    Adopt({});
    // Only gives the space back; without that it is used again.
    db_->Execute("VACUUM").IgnoreError();
  }
  return forget;
}

absl::Status SqliteLogStore::MakeRoom(int64_t bytes, int64_t up_to, LogRow& log) {
  const int64_t surplus = BytesToFree(log.bytes + bytes, log.bounds);
  if (surplus == 0) return absl::OkStatus();
  const absl::StatusOr<int64_t> last = FindByBytes(*db_, log, surplus, kEvictedAtOnce);
  if (!last.ok()) return last.status();
  const int64_t removed = std::min(*last, up_to);
  log.dropped += removed - log.first_id + 1;
  return RemoveRecords(*db_, removed, log);
}

absl::StatusOr<std::vector<int64_t>> SqliteLogStore::AppendAll(
    const std::vector<NewRecord>& records, const std::map<std::string, uint64_t>& lost) {
  LogRows changed;
  const auto row = [&](const std::string& name) -> LogRow* {
    const auto found = logs_.find(name);
    if (found == logs_.end() || found->second.removed != 0) return nullptr;
    return &changed.try_emplace(name, found->second).first->second;
  };
  absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(*db_);
  if (!transaction.ok()) return transaction.status();
  std::map<std::string, int64_t> bytes;
  for (const NewRecord& record : records) {
    if (row(record.log) == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat("there is no log '", record.log, "'"));
    }
    bytes[record.log] += sqlite::DiskBytes(static_cast<int64_t>(record.content.size()));
  }
  // Before, so that the file doesn't grow by the records that come.
  for (auto& [name, log] : changed) {
    if (absl::Status s = MakeRoom(bytes[name], log.last_id, log); !s.ok()) return s;
  }
  std::vector<int64_t> ids;
  for (const NewRecord& record : records) {
    LogRow* const log = row(record.log);
    if (absl::Status status = AddRecord(*db_, record, *log); !status.ok()) return status;
    ids.push_back(log->last_id);
  }
  for (const auto& [name, count] : lost) {
    if (LogRow* const log = row(name)) log->dropped += static_cast<int64_t>(count);
  }
  for (auto& [name, log] : changed) {
    // The newest one stays.
    if (absl::Status s = MakeRoom(0, log.last_id - 1, log); !s.ok()) return s;
    if (absl::Status status = UpdateLog(*db_, log); !status.ok()) return status;
  }
  if (absl::Status status = transaction->Commit(); !status.ok()) return status;
  LogRows next = std::move(logs_);
  for (auto& [name, log] : changed) next[name] = std::move(log);
  Adopt(std::move(next));
  return ids;
}

std::set<std::string> SqliteLogStore::LogsToForget() const {
  std::vector<std::pair<int64_t, std::string>> removed;
  for (const auto& [name, log] : logs_) {
    if (log.removed != 0) removed.emplace_back(log.removed, name);
  }
  std::sort(removed.rbegin(), removed.rend());
  std::set<std::string> names;
  for (size_t i = kMaxRemoved; i < removed.size(); ++i) names.insert(removed[i].second);
  return names;
}

absl::StatusOr<int64_t> SqliteLogStore::FindSurplus(const LogRow& log, bool forget, bool& more) {
  if (log.records() == 0) return 0;
  if (forget) {
    const int64_t last = std::min(log.last_id, log.first_id + kEvictedAtOnce - 1);
    more |= last < log.last_id;
    return last;
  }
  absl::StatusOr<int64_t> by_age = FindByAge(*db_, log, kEvictedAtOnce);
  if (!by_age.ok()) return by_age;
  int64_t last = *by_age;
  if (const int64_t surplus = BytesToFree(log.bytes, log.bounds); surplus > 0) {
    const absl::StatusOr<int64_t> by_bytes = FindByBytes(*db_, log, surplus, kEvictedAtOnce);
    if (!by_bytes.ok()) return by_bytes;
    last = std::max(last, std::min(*by_bytes, log.last_id - 1));
  }
  more |= last - log.first_id + 1 >= kEvictedAtOnce;
  return last >= log.first_id ? last : 0;
}

absl::StatusOr<bool> SqliteLogStore::EvictAll(Now now) {
  const std::set<std::string> to_forget = LogsToForget();
  bool more = false;
  std::map<std::string, int64_t> surplus;
  std::set<std::string> aged;
  for (auto& [name, log] : logs_) {
    TickAge(now, log);
    if (MustKeepAge(log)) aged.insert(name);
    const absl::StatusOr<int64_t> last = FindSurplus(log, to_forget.count(name) > 0, more);
    if (!last.ok()) return last.status();
    if (*last > 0) surplus[name] = *last;
  }
  if (surplus.empty() && to_forget.empty() && aged.empty()) return false;

  LogRows next = logs_;
  int64_t highest_id = highest_id_;
  absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(*db_);
  if (!transaction.ok()) return transaction.status();
  for (const std::string& name : aged) {
    if (absl::Status status = KeepAge(*db_, now, next[name]); !status.ok()) return status;
  }
  for (const auto& [name, last] : surplus) {
    LogRow& log = next[name];
    log.dropped += last - log.first_id + 1;
    if (absl::Status status = RemoveRecords(*db_, last, log); !status.ok()) return status;
    if (absl::Status status = UpdateLog(*db_, log); !status.ok()) return status;
  }
  for (const std::string& name : to_forget) {
    const LogRow& log = next[name];
    if (log.records() > 0) continue;
    highest_id = std::max(highest_id, log.last_id);
    if (absl::Status status = DeleteLog(*db_, log); !status.ok()) return status;
    next.erase(name);
  }
  if (highest_id != highest_id_) {
    if (absl::Status status = SetHighestId(highest_id); !status.ok()) return status;
  }
  if (absl::Status status = transaction->Commit(); !status.ok()) return status;
  highest_id_ = highest_id;
  Adopt(std::move(next));
  return more;
}

void SqliteLogStore::Adopt(LogRows logs) {
  logs_ = std::move(logs);
  std::vector<StoredLog> shown;
  const auto show = [&shown](const LogRow& log) {
    const bool some = log.records() > 0;
    shown.push_back({.name = log.name,
                     .configured = log.removed == 0,
                     .records = static_cast<uint64_t>(log.records()),
                     .first_id = some ? log.first_id : 0,
                     .last_id = log.last_id,
                     .bytes = static_cast<uint64_t>(log.bytes),
                     .dropped = static_cast<uint64_t>(log.dropped),
                     .last_recorded_at = log.last_recorded_at});
  };
  std::set<std::string> configured;
  for (const Definition& definition : definitions_) {
    const auto found = logs_.find(definition.log);
    if (found == logs_.end() || !configured.insert(definition.log).second) continue;
    show(found->second);
  }
  for (const auto& [name, log] : logs_) {
    if (configured.count(name) == 0 && log.records() > 0) show(log);
  }
  std::lock_guard lock(shown_mutex_);
  shown_ = std::move(shown);
}

}  // namespace

std::unique_ptr<LogStore> MakeSqliteLogStore(std::string path, sqlite::Disk* disk,
                                             std::function<void(const absl::Status&)> on_damage,
                                             std::function<absl::Status()> prepare) {
  return std::make_unique<SqliteLogStore>(std::move(path),
                                          disk != nullptr ? *disk : sqlite::RealDisk(),
                                          std::move(on_damage), std::move(prepare));
}

}  // namespace fieldgate::process_data
