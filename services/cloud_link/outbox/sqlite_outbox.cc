#include "services/cloud_link/outbox/sqlite_outbox.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/sqlite.h"
#include "common/status/status.h"
#include "services/cloud_link/outbox/id_witness.h"
#include "services/cloud_link/outbox/key.h"
#include "services/cloud_link/outbox/loss_log.h"
#include "services/cloud_link/outbox/loss_table.h"
#include "services/cloud_link/outbox/outbox_schema.h"
#include "services/cloud_link/outbox/position_table.h"

namespace fieldgate::cloud_link {

struct OutboxFile::Shared {
  std::unique_ptr<sqlite::Database> database;
  std::unique_ptr<IdWitness> witness;
  std::function<void(const absl::Status&)> on_damage;
  std::optional<sqlite::Transaction> transaction;
  const Outbox* owner = nullptr;  // whose the transaction is
  std::set<int64_t> open;         // connectors
};

namespace {

// The pages that a backlog is written to and read from.
constexpr int kCacheKib = 2048;

class SqliteOutbox : public Outbox {
 public:
  SqliteOutbox(std::shared_ptr<OutboxFile::Shared> file, int64_t connector, std::string name,
               const OutboxLimits& limits)
      : file_(std::move(file)),
        db_(*file_->database),
        connector_(connector),
        name_(std::move(name)),
        limits_(limits),
        losses_(db_, connector),
        positions_(db_, connector) {}

  ~SqliteOutbox() override {
    Rollback();
    file_->open.erase(connector_);
  }

  absl::Status Load();

  absl::Status Begin() override;
  absl::Status Commit() override;
  void Rollback() override;
  absl::StatusOr<int64_t> NextMessageId() override;
  int64_t PeekMessageId() const override { return ledger_.next_message_id; }
  absl::StatusOr<int64_t> NextCounter(absl::string_view name) override;
  absl::StatusOr<int64_t> PutLayout(absl::string_view bytes) override;
  absl::StatusOr<std::string> GetLayout(int64_t layout) override;
  absl::StatusOr<EntryId> Append(const OutboxEntry& entry) override;
  absl::Status Remove(const std::vector<EntryId>& ids) override;
  absl::Status Discard(EntryId id, absl::string_view reason) override;
  absl::StatusOr<std::vector<StoredEntry>> Read(Lane lane, EntryId after, int max_count,
                                                int64_t max_bytes) override;
  absl::Status RecordLoss(const LossRecord& loss) override;
  std::optional<int64_t> Position(absl::string_view name) const override {
    return positions_.Get(name);
  }
  absl::Status SetPosition(absl::string_view name, int64_t position) override;
  absl::StatusOr<std::vector<LossRecord>> Losses() override;
  OutboxStats Stats() const override;
  void SetLimits(const OutboxLimits& limits) override { limits_ = limits; }

 private:
  // What must be known at once, kept in step with the file.
  struct Ledger {
    int64_t next_message_id = 1;
    int64_t next_sequence = 1;
    int64_t dropped = 0;
    int64_t entries[2] = {0, 0};
    int64_t bytes[2] = {0, 0};
  };

  int64_t KeyOf(EntryId id) const { return FirstKey(connector_, LaneOf(id)) + (id >> 1); }
  bool InTransaction() const { return file_->owner == this; }
  absl::Status NeedTransaction() const;
  // Ends the transaction, if one is open, because of an error.
  absl::Status Fail(const absl::Status& status, absl::string_view doing);
  // Runs the statement once `bind` has set its parameters.
  template <typename Bind>
  absl::Status Execute(absl::string_view sql, Bind bind);

  absl::Status NoteLoss(const LossRecord& loss);
  absl::Status DropOldest(int64_t needed);
  absl::Status RemoveRange(int64_t first_key, int64_t last_key);

  const std::shared_ptr<OutboxFile::Shared> file_;
  sqlite::Database& db_;
  const int64_t connector_;
  const std::string name_;
  OutboxLimits limits_;
  Ledger ledger_;
  Ledger before_;  // at Begin
  LossTable losses_;
  PositionTable positions_;
};

absl::Status SqliteOutbox::Load() {
  absl::StatusOr<sqlite::Statement*> row =
      db_.Cached("SELECT next_message_id, next_sequence, dropped FROM connector WHERE id = ?1");
  if (!row.ok()) return row.status();
  absl::StatusOr<bool> found = (*row)->BindInt(1, connector_).Step();
  if (!found.ok()) return found.status();
  if (!*found) return absl::DataLossError("the connector's row is missing");
  ledger_.next_message_id = (*row)->Int(0);
  ledger_.next_sequence = (*row)->Int(1);
  ledger_.dropped = (*row)->Int(2);
  (*row)->Reset();

  for (const Lane lane : {Lane::kResult, Lane::kData}) {
    absl::StatusOr<sqlite::Statement*> sum = db_.Cached(
        "SELECT count(*), coalesce(sum(size), 0) FROM entry WHERE key BETWEEN ?1 AND ?2");
    if (!sum.ok()) return sum.status();
    const int64_t first = FirstKey(connector_, lane);
    (*sum)->BindInt(1, first).BindInt(2, first + kLaneSize - 1);
    if (absl::StatusOr<bool> step = (*sum)->Step(); !step.ok()) return step.status();
    ledger_.entries[static_cast<int>(lane)] = (*sum)->Int(0);
    ledger_.bytes[static_cast<int>(lane)] = (*sum)->Int(1);
    (*sum)->Reset();
  }

  if (absl::Status s = positions_.Load(); !s.ok()) return s;
  return losses_.Load();
}

absl::Status SqliteOutbox::NeedTransaction() const {
  if (InTransaction()) return absl::OkStatus();
  return absl::FailedPreconditionError("outbox: no transaction is open");
}

absl::Status SqliteOutbox::Fail(const absl::Status& status, absl::string_view doing) {
  Rollback();
  return Annotate(status, absl::StrCat("outbox: ", doing));
}

template <typename Bind>
absl::Status SqliteOutbox::Execute(absl::string_view sql, Bind bind) {
  absl::StatusOr<sqlite::Statement*> statement = db_.Cached(sql);
  if (!statement.ok()) return statement.status();
  bind(**statement);
  return (*statement)->Run();
}

absl::Status SqliteOutbox::Begin() {
  if (file_->owner != nullptr) {
    return absl::FailedPreconditionError("outbox: a transaction is open");
  }
  file_->witness->Settle();
  absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(db_);
  if (!transaction.ok()) return Annotate(transaction.status(), "outbox: begin");
  file_->transaction.emplace(*std::move(transaction));
  file_->owner = this;
  before_ = ledger_;
  losses_.Begin();
  positions_.Begin();
  return absl::OkStatus();
}

absl::Status SqliteOutbox::Commit() {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  file_->witness->CoverMessages(connector_, name_, ledger_.next_message_id);
  if (ledger_.next_message_id != before_.next_message_id ||
      ledger_.next_sequence != before_.next_sequence || ledger_.dropped != before_.dropped) {
    absl::Status s = Execute(
        "UPDATE connector SET next_message_id = ?2, next_sequence = ?3, dropped = ?4"
        " WHERE id = ?1",
        [this](sqlite::Statement& statement) {
          statement.BindInt(1, connector_)
              .BindInt(2, ledger_.next_message_id)
              .BindInt(3, ledger_.next_sequence)
              .BindInt(4, ledger_.dropped);
        });
    if (s.ok() && ledger_.dropped != before_.dropped) s = losses_.Flush();
    if (!s.ok()) return Fail(s, "commit");
  }
  if (absl::Status s = file_->transaction->Commit(); !s.ok()) return Fail(s, "commit");
  file_->transaction.reset();
  file_->owner = nullptr;
  return absl::OkStatus();
}

void SqliteOutbox::Rollback() {
  if (!InTransaction()) return;
  file_->transaction.reset();
  file_->owner = nullptr;
  ledger_ = before_;
  losses_.Rollback();
  positions_.Rollback();
}

absl::StatusOr<int64_t> SqliteOutbox::NextMessageId() {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  return ledger_.next_message_id++;
}

absl::StatusOr<int64_t> SqliteOutbox::NextCounter(absl::string_view name) {
  absl::StatusOr<sqlite::Statement*> next = db_.Cached(
      "INSERT INTO counter (name, value) VALUES (?1, 1)"
      " ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value");
  if (!next.ok()) return Fail(next.status(), "counter");
  absl::StatusOr<bool> row = (*next)->BindText(1, name).Step();
  if (!row.ok()) return Fail(row.status(), "counter");
  const int64_t value = (*next)->Int(0);
  // Only the end of the statement commits it, when no transaction is open.
  if (row = (*next)->Step(); !row.ok()) return Fail(row.status(), "counter");
  file_->witness->CoverCounter(name, value + 1);
  return value;
}

absl::StatusOr<int64_t> SqliteOutbox::PutLayout(absl::string_view bytes) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  absl::StatusOr<sqlite::Statement*> find =
      db_.Cached("SELECT id FROM layout WHERE connector = ?1 AND bytes = ?2");
  if (!find.ok()) return Fail(find.status(), "layout");
  absl::StatusOr<bool> known = (*find)->BindInt(1, connector_).BindBlob(2, bytes).Step();
  if (!known.ok()) return Fail(known.status(), "layout");
  if (*known) {
    const int64_t id = (*find)->Int(0);
    (*find)->Reset();
    return id;
  }
  absl::Status s = Execute(
      "DELETE FROM layout WHERE connector = ?1 AND id NOT IN"
      " (SELECT layout FROM entry WHERE key BETWEEN ?2 AND ?3)",
      [this](sqlite::Statement& statement) {
        statement.BindInt(1, connector_)
            .BindInt(2, FirstKey(connector_, Lane::kResult))
            .BindInt(3, FirstKey(connector_, Lane::kData) + kLaneSize - 1);
      });
  if (s.ok()) {
    s = Execute(
        "INSERT INTO layout (connector, bytes) VALUES (?1, ?2)",
        [&](sqlite::Statement& statement) { statement.BindInt(1, connector_).BindBlob(2, bytes); });
  }
  if (!s.ok()) return Fail(s, "layout");
  return db_.LastInsertRowId();
}

absl::StatusOr<std::string> SqliteOutbox::GetLayout(int64_t layout) {
  absl::StatusOr<sqlite::Statement*> get =
      db_.Cached("SELECT bytes FROM layout WHERE connector = ?1 AND id = ?2");
  if (!get.ok()) return Fail(get.status(), "layout");
  absl::StatusOr<bool> found = (*get)->BindInt(1, connector_).BindInt(2, layout).Step();
  if (!found.ok()) return Fail(found.status(), "layout");
  if (!*found) return absl::DataLossError(absl::StrCat("outbox: no layout ", layout));
  std::string bytes((*get)->Blob(0));
  (*get)->Reset();
  return bytes;
}

absl::StatusOr<EntryId> SqliteOutbox::Append(const OutboxEntry& entry) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  const int64_t size = SizeOf(entry);
  const int64_t held = ledger_.bytes[static_cast<int>(entry.lane)];
  const absl::string_view refused = RefusalOf(entry, held, limits_);
  if (!refused.empty()) {
    absl::Status s = NoteLoss(LossOf(entry.message_id, entry.timestamp, refused));
    if (!s.ok()) return Fail(s, "append");
    return absl::ResourceExhaustedError(absl::StrCat("outbox: ", refused));
  }
  const int64_t excess = held + size - LimitOf(entry.lane, limits_);
  if (excess > 0) {
    if (absl::Status s = DropOldest(excess); !s.ok()) return Fail(s, "append");
  }
  const EntryId id = ledger_.next_sequence * 2 + static_cast<int64_t>(entry.lane);
  absl::Status s = Execute(
      "INSERT INTO entry (key, size, message_id, timestamp, layout, qos, topic, content)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
      [&](sqlite::Statement& statement) {
        statement.BindInt(1, KeyOf(id))
            .BindInt(2, size)
            .BindInt(3, entry.message_id)
            .BindInt(4, entry.timestamp)
            .BindInt(5, entry.layout)
            .BindInt(6, entry.qos)
            .BindText(7, entry.topic)
            .BindBlob(8, entry.content);
      });
  if (!s.ok()) return Fail(s, "append");
  ++ledger_.next_sequence;
  ++ledger_.entries[static_cast<int>(entry.lane)];
  ledger_.bytes[static_cast<int>(entry.lane)] += size;
  return id;
}

absl::Status SqliteOutbox::DropOldest(int64_t needed) {
  const int64_t first_key = FirstKey(connector_, Lane::kData);
  absl::StatusOr<sqlite::Statement*> oldest = db_.Cached(
      "SELECT key, size, message_id, timestamp FROM entry WHERE key BETWEEN ?1 AND ?2"
      " ORDER BY key");
  if (!oldest.ok()) return oldest.status();
  (*oldest)->BindInt(1, first_key).BindInt(2, first_key + kLaneSize - 1);
  int64_t last_key = first_key;
  int64_t freed = 0;
  std::vector<LossRecord> losses;
  while (freed < needed) {
    absl::StatusOr<bool> row = (*oldest)->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    last_key = (*oldest)->Int(0);
    freed += (*oldest)->Int(1);
    losses.push_back(LossOf((*oldest)->Int(2), (*oldest)->Int(3), kLostAsOldest));
  }
  (*oldest)->Reset();
  for (const LossRecord& loss : losses) {
    if (absl::Status s = NoteLoss(loss); !s.ok()) return s;
  }
  return RemoveRange(first_key, last_key);
}

absl::Status SqliteOutbox::NoteLoss(const LossRecord& loss) {
  ledger_.dropped += loss.count;
  return losses_.Note(loss);
}

// `first_key` and `last_key` are of one lane.
absl::Status SqliteOutbox::RemoveRange(int64_t first_key, int64_t last_key) {
  absl::StatusOr<sqlite::Statement*> sum =
      db_.Cached("SELECT count(*), coalesce(sum(size), 0) FROM entry WHERE key BETWEEN ?1 AND ?2");
  if (!sum.ok()) return sum.status();
  (*sum)->BindInt(1, first_key).BindInt(2, last_key);
  if (absl::StatusOr<bool> row = (*sum)->Step(); !row.ok()) return row.status();
  const int lane = first_key < FirstKey(connector_, Lane::kData) ? 0 : 1;
  ledger_.entries[lane] -= (*sum)->Int(0);
  ledger_.bytes[lane] -= (*sum)->Int(1);
  (*sum)->Reset();
  return Execute(
      "DELETE FROM entry WHERE key BETWEEN ?1 AND ?2",
      [&](sqlite::Statement& statement) { statement.BindInt(1, first_key).BindInt(2, last_key); });
}

absl::Status SqliteOutbox::Remove(const std::vector<EntryId>& ids) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  std::vector<int64_t> keys;
  keys.reserve(ids.size());
  for (const EntryId id : ids) keys.push_back(KeyOf(id));
  std::sort(keys.begin(), keys.end());
  // Acknowledgements come in order, so these are few ranges.
  for (size_t i = 0; i < keys.size();) {
    size_t last = i;
    while (last + 1 < keys.size() && keys[last + 1] <= keys[last] + 1) ++last;
    if (absl::Status s = RemoveRange(keys[i], keys[last]); !s.ok()) return Fail(s, "remove");
    i = last + 1;
  }
  return absl::OkStatus();
}

absl::Status SqliteOutbox::Discard(EntryId id, absl::string_view reason) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  absl::StatusOr<sqlite::Statement*> get =
      db_.Cached("SELECT message_id, timestamp FROM entry WHERE key = ?1");
  if (!get.ok()) return Fail(get.status(), "discard");
  absl::StatusOr<bool> found = (*get)->BindInt(1, KeyOf(id)).Step();
  if (!found.ok()) return Fail(found.status(), "discard");
  if (!*found) return absl::OkStatus();
  const LossRecord loss = LossOf((*get)->Int(0), (*get)->Int(1), reason);
  (*get)->Reset();
  absl::Status s = NoteLoss(loss);
  if (s.ok()) s = RemoveRange(KeyOf(id), KeyOf(id));
  return s.ok() ? s : Fail(s, "discard");
}

absl::StatusOr<std::vector<StoredEntry>> SqliteOutbox::Read(Lane lane, EntryId after, int max_count,
                                                            int64_t max_bytes) {
  absl::StatusOr<sqlite::Statement*> read = db_.Cached(
      "SELECT key, size, message_id, timestamp, layout, qos, topic, content FROM entry"
      " WHERE key BETWEEN ?1 AND ?2 ORDER BY key");
  if (!read.ok()) return Fail(read.status(), "read");
  const int64_t first_key = FirstKey(connector_, lane);
  (*read)->BindInt(1, first_key + (after >> 1) + 1).BindInt(2, first_key + kLaneSize - 1);
  std::vector<StoredEntry> out;
  int64_t bytes = 0;
  while (static_cast<int>(out.size()) < std::max(max_count, 1)) {
    absl::StatusOr<bool> row = (*read)->Step();
    if (!row.ok()) return Fail(row.status(), "read");
    if (!*row) return out;
    bytes += (*read)->Int(1);
    if (!out.empty() && bytes > max_bytes) break;
    StoredEntry& stored = out.emplace_back();
    stored.id = ((*read)->Int(0) - first_key) * 2 + static_cast<int64_t>(lane);
    stored.entry.lane = lane;
    stored.entry.message_id = (*read)->Int(2);
    stored.entry.timestamp = (*read)->Int(3);
    stored.entry.layout = (*read)->Int(4);
    stored.entry.qos = static_cast<int>((*read)->Int(5));
    stored.entry.topic = std::string((*read)->Text(6));
    stored.entry.content = std::string((*read)->Blob(7));
  }
  (*read)->Reset();
  return out;
}

absl::Status SqliteOutbox::RecordLoss(const LossRecord& loss) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  absl::Status s = NoteLoss(loss);
  return s.ok() ? s : Fail(s, "loss");
}

absl::Status SqliteOutbox::SetPosition(absl::string_view name, int64_t position) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  absl::Status s = positions_.Set(name, position);
  return s.ok() ? s : Fail(s, "position");
}

absl::StatusOr<std::vector<LossRecord>> SqliteOutbox::Losses() {
  absl::StatusOr<std::vector<LossRecord>> losses = losses_.Read();
  if (!losses.ok()) return Fail(losses.status(), "losses");
  return losses;
}

OutboxStats SqliteOutbox::Stats() const {
  return {ledger_.entries[0] + ledger_.entries[1], ledger_.bytes[0] + ledger_.bytes[1],
          ledger_.dropped, ledger_.bytes[static_cast<int>(Lane::kData)], limits_.max_bytes};
}

}  // namespace

OutboxFile::OutboxFile(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

OutboxFile::~OutboxFile() = default;

sqlite::Database& OutboxFile::database() { return *shared_->database; }

const std::function<void(const absl::Status&)>& OutboxFile::on_damage() const {
  return shared_->on_damage;
}

const std::string& OutboxFile::note() const { return shared_->witness->note(); }

absl::StatusOr<std::unique_ptr<OutboxFile>> OutboxFile::Open(
    const std::string& path, sqlite::Disk* disk,
    std::function<void(const absl::Status&)> on_damage) {
  sqlite::Options options;
  options.disk = disk;
  options.on_damage = on_damage;
  options.page_size = kOutboxPageSize;
  options.cache_kib = kCacheKib;
  absl::StatusOr<std::unique_ptr<sqlite::Database>> database =
      sqlite::Database::Open(path, options);
  if (!database.ok()) return database.status();
  if (absl::Status s = sqlite::Migrate(**database, kOutboxMigrations); !s.ok()) return s;
  auto shared = std::make_shared<Shared>();
  shared->database = *std::move(database);
  shared->on_damage = std::move(on_damage);
  absl::StatusOr<std::unique_ptr<IdWitness>> witness =
      IdWitness::Open(*shared->database, disk != nullptr ? *disk : sqlite::RealDisk());
  if (!witness.ok()) return witness.status();
  shared->witness = *std::move(witness);
  return std::unique_ptr<OutboxFile>(new OutboxFile(std::move(shared)));
}

absl::StatusOr<std::unique_ptr<Outbox>> OutboxFile::Connector(absl::string_view name,
                                                              const OutboxLimits& limits) {
  sqlite::Database& db = *shared_->database;
  if (shared_->owner != nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(db.path(), ": a transaction is open"));
  }
  absl::StatusOr<sqlite::Statement*> add = db.Cached(
      "INSERT INTO connector (name, next_message_id, next_sequence, dropped)"
      " VALUES (?1, ?2, 1, 0) ON CONFLICT (name) DO NOTHING");
  if (!add.ok()) return add.status();
  (*add)->BindText(1, name).BindInt(2, shared_->witness->FirstId(name));
  if (absl::Status s = (*add)->Run(); !s.ok()) return s;
  absl::StatusOr<sqlite::Statement*> get = db.Cached("SELECT id FROM connector WHERE name = ?1");
  if (!get.ok()) return get.status();
  if (absl::StatusOr<bool> row = (*get)->BindText(1, name).Step(); !row.ok()) return row.status();
  const int64_t id = (*get)->Int(0);
  (*get)->Reset();
  if (id > kMaxConnectors) {
    return absl::ResourceExhaustedError(absl::StrCat(db.path(), ": too many connectors"));
  }
  if (!shared_->open.insert(id).second) {
    return absl::FailedPreconditionError(
        absl::StrCat(db.path(), ": the outbox of ", name, " is open already"));
  }
  auto outbox = std::make_unique<SqliteOutbox>(shared_, id, std::string(name), limits);
  if (absl::Status s = outbox->Load(); !s.ok()) return Annotate(s, absl::StrCat("outbox ", name));
  return std::unique_ptr<Outbox>(std::move(outbox));
}

}  // namespace fieldgate::cloud_link
