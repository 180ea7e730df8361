#include "services/cloud_link/outbox/sqlite_outbox.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sqlite/sqlite.h"
#include "common/status/status.h"
#include "services/cloud_link/outbox/connector_row.h"
#include "services/cloud_link/outbox/entry_table.h"
#include "services/cloud_link/outbox/id_witness.h"
#include "services/cloud_link/outbox/key.h"
#include "services/cloud_link/outbox/layout_table.h"
#include "services/cloud_link/outbox/loss_log.h"
#include "services/cloud_link/outbox/loss_table.h"
#include "services/cloud_link/outbox/outbox_schema.h"
#include "services/cloud_link/outbox/position_table.h"
#include "services/cloud_link/outbox/turnstile.h"

namespace fieldgate::cloud_link {

struct OutboxFile::Shared {
  std::unique_ptr<sqlite::Database> database;
  std::unique_ptr<IdWitness> witness;
  std::function<void(const absl::Status&)> on_damage;
  std::optional<sqlite::Transaction> transaction;
  const Outbox* owner = nullptr;  // whose the transaction is
  std::set<int64_t> open;         // connectors
  Turnstile turnstile;
};

namespace {

// The pages that a backlog is written to and read from.
constexpr int kCacheKib = 2048;

class SqliteOutbox : public DurableOutbox {
 public:
  SqliteOutbox(std::shared_ptr<OutboxFile::Shared> file, int64_t connector, std::string name,
               const OutboxLimits& limits)
      : file_(std::move(file)),
        db_(*file_->database),
        connector_(connector),
        name_(std::move(name)),
        limits_(limits),
        table_(db_, connector),
        layouts_(db_, connector),
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
  absl::StatusOr<int> DropOlder(int64_t born) override;
  absl::StatusOr<std::vector<LossRecord>> Losses(int max_count) override;
  absl::Status MarkReported(int64_t number) override;
  OutboxStats Stats() const override;
  void SetLimits(const OutboxLimits& limits) override { limits_ = limits; }

  absl::StatusOr<EntryId> NextEntryId(Lane lane) override;
  absl::Status AppendAs(EntryId id, const OutboxEntry& entry) override;
  void SetReserve(const NumberReserve& reserve) override { reserve_ = reserve; }
  bool ReserveUsedUp() const override {
    return ledger_.next_message_id > stored_.next_message_id ||
           ledger_.next_sequence > stored_.next_sequence;
  }
  const StoredNumbers& stored_numbers() const override { return stored_; }

 private:
  // What must be known at once, kept in step with the file.
  struct Held {
    int64_t dropped = 0;
    int64_t entries[2] = {0, 0};
    int64_t bytes[2] = {0, 0};

    friend bool operator==(const Held&, const Held&) = default;
  };
  struct Ledger : Held {
    int64_t next_message_id = 1;
    int64_t next_sequence = 1;
  };

  bool InTransaction() const { return file_->owner == this; }
  absl::Status NeedTransaction() const;
  // Ends the transaction, if one is open, because of an error.
  absl::Status Fail(const absl::Status& status, absl::string_view doing);
  // Runs the statement once `bind` has set its parameters.
  template <typename Bind>
  absl::Status Execute(absl::string_view sql, Bind bind);

  // The row of the connector, when it changed; `stored_` once it is committed.
  absl::StatusOr<StoredNumbers> StoreLedger();
  absl::Status NoteLoss(const LossRecord& loss);
  // Drops data entries, from the oldest on, as long as `gone` says so of one's
  // size and birth; returns how many.
  template <typename Gone>
  absl::StatusOr<int> DropWhile(Gone gone, absl::string_view reason);
  absl::Status RemoveRange(int64_t first_key, int64_t last_key);

  const std::shared_ptr<OutboxFile::Shared> file_;
  sqlite::Database& db_;
  const int64_t connector_;
  const std::string name_;
  OutboxLimits limits_;
  Ledger ledger_;
  Ledger before_;  // at Begin
  StoredNumbers stored_;
  NumberReserve reserve_;
  EntryTable table_;
  LayoutTable layouts_;
  LossTable losses_;
  PositionTable positions_;
};

absl::Status SqliteOutbox::Load() {
  absl::StatusOr<sqlite::Statement*> row = db_.Cached(
      "SELECT next_message_id, next_sequence, dropped, results, result_bytes, data, data_bytes,"
      " unsure_from FROM connector WHERE id = ?1");
  if (!row.ok()) return row.status();
  absl::StatusOr<bool> found = (*row)->BindInt(1, connector_).Step();
  if (!found.ok()) return found.status();
  if (!*found) return absl::DataLossError("the connector's row is missing");
  stored_ = {(*row)->Int(0), (*row)->Int(1), (*row)->Int(7)};
  ledger_.next_message_id = stored_.next_message_id;
  ledger_.next_sequence = stored_.next_sequence;
  ledger_.dropped = (*row)->Int(2);
  for (int lane = 0; lane < 2; ++lane) {
    ledger_.entries[lane] = (*row)->Int(3 + 2 * lane);
    ledger_.bytes[lane] = (*row)->Int(4 + 2 * lane);
  }
  (*row)->Reset();

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
  file_->turnstile.LetPass();
  absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(db_);
  if (!transaction.ok()) return Annotate(transaction.status(), "outbox: begin");
  file_->transaction.emplace(*std::move(transaction));
  file_->owner = this;
  before_ = ledger_;
  layouts_.Begin();
  losses_.Begin();
  positions_.Begin();
  return absl::OkStatus();
}

absl::Status SqliteOutbox::Commit() {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  const absl::StatusOr<StoredNumbers> stored = StoreLedger();
  if (!stored.ok()) return Fail(stored.status(), "commit");
  file_->witness->CoverMessages(connector_, name_, stored->next_message_id);
  if (absl::Status s = file_->transaction->Commit(); !s.ok()) return Fail(s, "commit");
  file_->transaction.reset();
  file_->owner = nullptr;
  stored_ = *stored;
  return absl::OkStatus();
}

absl::StatusOr<StoredNumbers> SqliteOutbox::StoreLedger() {
  const bool held_changed = static_cast<const Held&>(ledger_) != before_;
  const StoredNumbers numbers = NumbersToStore(stored_, ledger_.next_message_id,
                                               ledger_.next_sequence, reserve_, held_changed);
  if (!held_changed && numbers == stored_) return numbers;
  absl::Status s = Execute(
      "UPDATE connector SET next_message_id = ?2, next_sequence = ?3, dropped = ?4, results = ?5,"
      " result_bytes = ?6, data = ?7, data_bytes = ?8, unsure_from = ?9 WHERE id = ?1",
      [&](sqlite::Statement& statement) {
        statement.BindInt(1, connector_)
            .BindInt(2, numbers.next_message_id)
            .BindInt(3, numbers.next_sequence)
            .BindInt(4, ledger_.dropped)
            .BindInt(5, ledger_.entries[0])
            .BindInt(6, ledger_.bytes[0])
            .BindInt(7, ledger_.entries[1])
            .BindInt(8, ledger_.bytes[1])
            .BindInt(9, numbers.unsure_from);
      });
  if (s.ok() && ledger_.dropped != before_.dropped) s = losses_.Flush();
  if (!s.ok()) return s;
  return numbers;
}

void SqliteOutbox::Rollback() {
  if (!InTransaction()) return;
  file_->transaction.reset();
  file_->owner = nullptr;
  ledger_ = before_;
  layouts_.Rollback();
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
  const absl::StatusOr<std::optional<int64_t>> stored = table_.OldestSequence(Lane::kData);
  if (!stored.ok()) return Fail(stored.status(), "layout");
  int64_t oldest = stored->value_or(ledger_.next_sequence);
  if (reserve_.oldest_entry != 0) oldest = std::min(oldest, reserve_.oldest_entry >> 1);
  absl::StatusOr<int64_t> layout = layouts_.Put(bytes, ledger_.next_sequence, oldest);
  return layout.ok() ? layout : Fail(layout.status(), "layout");
}

absl::StatusOr<std::string> SqliteOutbox::GetLayout(int64_t layout) {
  absl::StatusOr<std::optional<std::string>> bytes = layouts_.Get(layout);
  if (!bytes.ok()) return Fail(bytes.status(), "layout");
  if (!*bytes) return absl::NotFoundError(absl::StrCat("outbox: no layout ", layout));
  return **std::move(bytes);
}

absl::StatusOr<EntryId> SqliteOutbox::NextEntryId(Lane lane) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  return ledger_.next_sequence++ * 2 + static_cast<int64_t>(lane);
}

absl::StatusOr<EntryId> SqliteOutbox::Append(const OutboxEntry& entry) {
  const EntryId id = ledger_.next_sequence * 2 + static_cast<int64_t>(entry.lane);
  if (absl::Status s = AppendAs(id, entry); !s.ok()) return s;
  ++ledger_.next_sequence;
  return id;
}

absl::Status SqliteOutbox::AppendAs(EntryId id, const OutboxEntry& entry) {
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
    int64_t freed = 0;
    int count = 0;
    const auto in_the_way = [&](int64_t bytes, int64_t) {
      return count++ < kMaxDropForRoom && std::exchange(freed, freed + bytes) < excess;
    };
    absl::StatusOr<int> dropped = DropWhile(in_the_way, LostAsOldest(limits_));
    if (!dropped.ok()) return Fail(dropped.status(), "append");
  }
  absl::Status s = layouts_.NoteUse(entry.layout, id >> 1);
  if (s.ok()) s = table_.Insert(id, entry);
  if (!s.ok()) return Fail(s, "append");
  ++ledger_.entries[static_cast<int>(entry.lane)];
  ledger_.bytes[static_cast<int>(entry.lane)] += size;
  return absl::OkStatus();
}

template <typename Gone>
absl::StatusOr<int> SqliteOutbox::DropWhile(Gone gone, absl::string_view reason) {
  const int64_t first_key = table_.FirstKey(Lane::kData);
  absl::StatusOr<sqlite::Statement*> oldest = db_.Cached(
      "SELECT key, size, message_id, timestamp, born FROM entry WHERE key BETWEEN ?1 AND ?2"
      " ORDER BY key");
  if (!oldest.ok()) return oldest.status();
  (*oldest)->BindInt(1, first_key).BindInt(2, table_.LastKey(Lane::kData));
  int64_t last_key = first_key;
  int count = 0;
  while (true) {
    absl::StatusOr<bool> row = (*oldest)->Step();
    if (!row.ok()) return row.status();
    if (!*row || !gone((*oldest)->Int(1), (*oldest)->Int(4))) break;
    last_key = (*oldest)->Int(0);
    ++count;
    // Each at once: there may be millions, of a bound that was made smaller.
    absl::Status s = NoteLoss(LossOf((*oldest)->Int(2), (*oldest)->Int(3), reason));
    if (!s.ok()) {
      (*oldest)->Reset();
      return s;
    }
  }
  (*oldest)->Reset();
  if (count == 0) return 0;
  if (absl::Status s = RemoveRange(first_key, last_key); !s.ok()) return s;
  return count;
}

absl::StatusOr<int> SqliteOutbox::DropOlder(int64_t born) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  int count = 0;
  const auto too_old = [&](int64_t, int64_t entry_born) {
    return entry_born < born && count++ < kDropAtOnce;
  };
  absl::StatusOr<int> dropped = DropWhile(too_old, kLostAsTooOld);
  return dropped.ok() ? dropped : Fail(dropped.status(), "age");
}

absl::Status SqliteOutbox::NoteLoss(const LossRecord& loss) {
  ledger_.dropped += loss.count;
  return losses_.Note(loss);
}

// `first_key` and `last_key` are of one lane.
absl::Status SqliteOutbox::RemoveRange(int64_t first_key, int64_t last_key) {
  const absl::StatusOr<EntryTable::Removed> removed = table_.RemoveRange(first_key, last_key);
  if (!removed.ok()) return removed.status();
  const int lane = first_key < table_.FirstKey(Lane::kData) ? 0 : 1;
  ledger_.entries[lane] -= removed->entries;
  ledger_.bytes[lane] -= removed->bytes;
  return absl::OkStatus();
}

absl::Status SqliteOutbox::Remove(const std::vector<EntryId>& ids) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  std::vector<int64_t> keys;
  keys.reserve(ids.size());
  for (const EntryId id : ids) keys.push_back(table_.KeyOf(id));
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
  absl::StatusOr<bool> found = (*get)->BindInt(1, table_.KeyOf(id)).Step();
  if (!found.ok()) return Fail(found.status(), "discard");
  if (!*found) return absl::OkStatus();
  const LossRecord loss = LossOf((*get)->Int(0), (*get)->Int(1), reason);
  (*get)->Reset();
  absl::Status s = NoteLoss(loss);
  if (s.ok()) s = RemoveRange(table_.KeyOf(id), table_.KeyOf(id));
  return s.ok() ? s : Fail(s, "discard");
}

absl::StatusOr<std::vector<StoredEntry>> SqliteOutbox::Read(Lane lane, EntryId after, int max_count,
                                                            int64_t max_bytes) {
  absl::StatusOr<std::vector<StoredEntry>> read = table_.Read(lane, after, max_count, max_bytes);
  return read.ok() ? std::move(read) : Fail(read.status(), "read");
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

absl::Status SqliteOutbox::MarkReported(int64_t number) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  absl::Status s = losses_.MarkReported(number);
  return s.ok() ? s : Fail(s, "losses");
}

absl::StatusOr<std::vector<LossRecord>> SqliteOutbox::Losses(int max_count) {
  absl::StatusOr<std::vector<LossRecord>> losses = losses_.Read(std::max(max_count, 1));
  if (!losses.ok()) return Fail(losses.status(), "losses");
  return losses;
}

OutboxStats SqliteOutbox::Stats() const {
  return {.entries = ledger_.entries[0] + ledger_.entries[1],
          .bytes = ledger_.bytes[0] + ledger_.bytes[1],
          .dropped = ledger_.dropped,
          .data_bytes = ledger_.bytes[static_cast<int>(Lane::kData)],
          .data_limit = limits_.max_bytes,
          .newest_loss = losses_.newest(),
          .unreported_losses = Unreported(losses_.newest(), losses_.reported())};
}

}  // namespace

OutboxFile::OutboxFile(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

OutboxFile::~OutboxFile() = default;

sqlite::Database& OutboxFile::database() { return *shared_->database; }

const std::function<void(const absl::Status&)>& OutboxFile::on_damage() const {
  return shared_->on_damage;
}

const std::string& OutboxFile::note() const { return shared_->witness->note(); }

Turnstile& OutboxFile::turnstile() { return shared_->turnstile; }

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
  absl::StatusOr<std::unique_ptr<IdWitness>> witness = IdWitness::Open(*shared->database);
  if (!witness.ok()) return witness.status();
  shared->witness = *std::move(witness);
  return std::unique_ptr<OutboxFile>(new OutboxFile(std::move(shared)));
}

absl::StatusOr<std::unique_ptr<DurableOutbox>> OutboxFile::Connector(absl::string_view name,
                                                                     const OutboxLimits& limits) {
  sqlite::Database& db = *shared_->database;
  if (shared_->owner != nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(db.path(), ": a transaction is open"));
  }
  const absl::StatusOr<int64_t> id = FindOrAddConnector(db, name, shared_->witness->FirstId(name));
  if (!id.ok()) return id.status();
  if (*id > kMaxConnectors) {
    return absl::ResourceExhaustedError(absl::StrCat(db.path(), ": too many connectors"));
  }
  if (!shared_->open.insert(*id).second) {
    return absl::FailedPreconditionError(
        absl::StrCat(db.path(), ": the outbox of ", name, " is open already"));
  }
  auto outbox = std::make_unique<SqliteOutbox>(shared_, *id, std::string(name), limits);
  if (absl::Status s = outbox->Load(); !s.ok()) return Annotate(s, absl::StrCat("outbox ", name));
  return std::unique_ptr<DurableOutbox>(std::move(outbox));
}

}  // namespace fieldgate::cloud_link
