#include "services/cloud_link/command/sqlite_program_journal.h"

#include <atomic>
#include <utility>

#include "common/sqlite/sqlite.h"
#include "common/status/status.h"

namespace fieldgate::cloud_link {
namespace {

class SqliteProgramJournal : public ProgramJournal {
 public:
  explicit SqliteProgramJournal(std::unique_ptr<sqlite::Database> database)
      : database_(std::move(database)) {}

  absl::StatusOr<std::optional<std::string>> Mode() override {
    absl::StatusOr<sqlite::Statement*> read =
        database_->Cached("SELECT mode FROM stopped_program WHERE id = 1");
    if (!read.ok()) return read.status();
    absl::StatusOr<bool> row = (*read)->Step();
    if (!row.ok()) return Annotate(row.status(), "reading the program's mode before its stop");
    open_ = *row;
    if (!*row) return std::nullopt;
    std::string mode((*read)->Text(0));
    (*read)->Reset();
    return mode;
  }

  absl::Status Note(absl::string_view mode) override {
    absl::StatusOr<sqlite::Statement*> write =
        database_->Cached("INSERT OR REPLACE INTO stopped_program (id, mode) VALUES (1, ?1)");
    if (!write.ok()) return write.status();
    const absl::Status status = (*write)->BindText(1, mode).Run();
    if (status.ok()) open_ = true;
    return Annotate(status, "noting the program's mode");
  }

  absl::Status Clear() override {
    if (!open_) return absl::OkStatus();
    const absl::Status status = database_->Execute("DELETE FROM stopped_program");
    if (status.ok()) open_ = false;
    return Annotate(status, "forgetting the program's mode before its stop");
  }

  bool open() const override { return open_; }

 private:
  const std::unique_ptr<sqlite::Database> database_;
  std::atomic<bool> open_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ProgramJournal>> OpenSqliteProgramJournal(OutboxFile& file) {
  sqlite::Options options;
  options.disk = &file.database().disk();
  options.on_damage = file.on_damage();
  options.cache_kib = 64;                   // a single row
  options.busy_timeout = absl::Seconds(2);  // the loop's transactions are short
  absl::StatusOr<std::unique_ptr<sqlite::Database>> database =
      sqlite::Database::Open(file.database().path(), options);
  if (!database.ok()) return database.status();
  auto journal = std::make_unique<SqliteProgramJournal>(*std::move(database));
  // Now, so that `open` is right from the start.
  if (absl::Status read = journal->Mode().status(); !read.ok()) return read;
  return std::unique_ptr<ProgramJournal>(std::move(journal));
}

}  // namespace fieldgate::cloud_link
