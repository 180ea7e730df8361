#include "services/cloud_link/command/sqlite_factory_journal.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/sqlite/sqlite.h"
#include "common/status/status.h"

namespace fieldgate::cloud_link {
namespace {

// No epoch was seen yet.
constexpr int64_t kNone = -1;

class SqliteFactoryJournal : public FactoryJournal {
 public:
  explicit SqliteFactoryJournal(sqlite::Database& database) : database_(database) {}

  absl::Status Load() {
    absl::StatusOr<sqlite::Statement*> read =
        database_.Cached("SELECT epoch, next_epoch, ordered FROM factory WHERE id = 1");
    if (!read.ok()) return read.status();
    absl::StatusOr<bool> row = (*read)->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::DataLossError("the row of factory resets is missing");
    epoch_ = (*read)->Int(0);
    next_epoch_ = (*read)->Int(1);
    if (!(*read)->IsNull(2)) ordered_ = std::string((*read)->Text(2));
    (*read)->Reset();
    return absl::OkStatus();
  }

  absl::Status Forget() {
    if (next_epoch_ == epoch_) return absl::OkStatus();
    absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(database_);
    absl::Status status = transaction.status();
    if (status.ok()) status = DeleteAll();
    if (status.ok()) status = Write(next_epoch_, next_epoch_, std::nullopt);
    if (status.ok()) status = transaction->Commit();
    if (!status.ok()) return status;
    log::Warning("factory reset: all messages and requests of before are forgotten");
    epoch_ = next_epoch_;
    ordered_.reset();
    return absl::OkStatus();
  }

  absl::Status Order(absl::string_view who) override {
    if (absl::Status s = Write(epoch_, next_epoch_, std::string(who)); !s.ok()) return s;
    ordered_ = std::string(who);
    return absl::OkStatus();
  }

  std::optional<std::string> ordered() const override { return ordered_; }

  absl::Status Drop() override {
    if (absl::Status s = Write(epoch_, next_epoch_, std::nullopt); !s.ok()) return s;
    ordered_.reset();
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Begins(int64_t epoch) override {
    if (epoch == epoch_) return false;
    const bool begins = epoch_ != kNone && epoch > epoch_;
    if (absl::Status s = Write(begins ? epoch_ : epoch, epoch, ordered_); !s.ok()) return s;
    next_epoch_ = epoch;
    if (!begins) epoch_ = epoch;
    return begins;
  }

 private:
  absl::Status Write(int64_t epoch, int64_t next_epoch, const std::optional<std::string>& ordered) {
    absl::StatusOr<sqlite::Statement*> write = database_.Cached(
        "UPDATE factory SET epoch = ?1, next_epoch = ?2, ordered = ?3 WHERE id = 1");
    if (!write.ok()) return write.status();
    (*write)->BindInt(1, epoch).BindInt(2, next_epoch);
    if (ordered.has_value()) {
      (*write)->BindText(3, *ordered);
    } else {
      (*write)->BindNull(3);
    }
    return Annotate((*write)->Run(), "the journal of factory resets");
  }

  // Whatever tables there will be.
  absl::Status DeleteAll() {
    absl::StatusOr<sqlite::Statement*> read = database_.Cached(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        " AND name NOT IN ('connector', 'counter', 'factory', 'file_identity') ORDER BY name");
    if (!read.ok()) return read.status();
    std::vector<std::string> tables;
    while (true) {
      absl::StatusOr<bool> row = (*read)->Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      tables.emplace_back((*read)->Text(0));
    }
    for (const std::string& table : tables) {
      if (absl::Status s = database_.Execute(absl::StrCat("DELETE FROM ", table)); !s.ok()) {
        return s;
      }
    }
    // Of the connectors only the numbers go on, so that none is given twice.
    return database_.Execute(
        "UPDATE connector SET dropped = 0, results = 0, result_bytes = 0, data = 0,"
        " data_bytes = 0, unsure_from = 0");
  }

  sqlite::Database& database_;
  int64_t epoch_ = kNone;
  int64_t next_epoch_ = kNone;
  std::optional<std::string> ordered_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FactoryJournal>> OpenSqliteFactoryJournal(OutboxFile& file) {
  auto journal = std::make_unique<SqliteFactoryJournal>(file.database());
  absl::Status status = journal->Load();
  if (status.ok()) status = journal->Forget();
  if (!status.ok()) return Annotate(status, "the journal of factory resets");
  return std::unique_ptr<FactoryJournal>(std::move(journal));
}

}  // namespace fieldgate::cloud_link
