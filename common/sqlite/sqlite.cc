#include "common/sqlite/sqlite.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/sqlite/damage.h"
#include "common/sqlite/disk.h"
#include "common/status/status.h"

namespace fieldgate::sqlite {
namespace {

// The log is moved into the database when it reaches this: some seconds of an
// outbox's traffic, little on a flash of 128 MB.
constexpr int kLogBytes = 4 << 20;

absl::StatusCode CodeFor(int result) {
  switch (result & 0xff) {  // the primary code of an extended one
    case SQLITE_BUSY:
    case SQLITE_CANTOPEN:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_READONLY:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_CONSTRAINT:
      return absl::StatusCode::kAlreadyExists;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status ErrorOf(sqlite3* connection, int result, absl::string_view path) {
  return absl::Status(
      CodeFor(result),
      absl::StrCat(path, ": ",
                   connection != nullptr ? sqlite3_errmsg(connection) : sqlite3_errstr(result),
                   " (SQLite ", result, ")"));
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)),
      database_(other.database_),
      bind_error_(other.bind_error_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(statement_, other.statement_);
  std::swap(database_, other.database_);
  std::swap(bind_error_, other.bind_error_);
  return *this;
}

Statement::~Statement() { sqlite3_finalize(statement_); }

namespace {

void Note(int result, int& first_error) {
  if (first_error == SQLITE_OK) first_error = result;
}

}  // namespace

Statement& Statement::BindInt(int parameter, int64_t value) {
  Note(sqlite3_bind_int64(statement_, parameter, value), bind_error_);
  return *this;
}

Statement& Statement::BindDouble(int parameter, double value) {
  Note(sqlite3_bind_double(statement_, parameter, value), bind_error_);
  return *this;
}

Statement& Statement::BindText(int parameter, absl::string_view value) {
  // A null pointer would bind NULL, not "".
  Note(sqlite3_bind_text64(statement_, parameter, value.empty() ? "" : value.data(), value.size(),
                           SQLITE_TRANSIENT, SQLITE_UTF8),
       bind_error_);
  return *this;
}

Statement& Statement::BindBlob(int parameter, absl::string_view value) {
  Note(sqlite3_bind_blob64(statement_, parameter, value.empty() ? "" : value.data(), value.size(),
                           SQLITE_TRANSIENT),
       bind_error_);
  return *this;
}

Statement& Statement::BindNull(int parameter) {
  Note(sqlite3_bind_null(statement_, parameter), bind_error_);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  if (bind_error_ != SQLITE_OK) {
    const absl::Status error =
        ErrorOf(nullptr, std::exchange(bind_error_, SQLITE_OK), database_->path_);
    Reset();
    return Annotate(error, absl::StrCat("binding to ", sqlite3_sql(statement_)));
  }
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) {
    sqlite3_reset(statement_);
    return false;
  }
  const absl::Status error = database_->Error(sqlite3_extended_errcode(database_->connection_));
  Reset();
  return error;
}

absl::Status Statement::Run() {
  const absl::StatusOr<bool> row = Step();
  if (row.ok() && *row) Reset();
  return row.status();
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }

double Statement::Double(int column) const { return sqlite3_column_double(statement_, column); }

absl::string_view Statement::Text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return {data, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

absl::string_view Statement::Blob(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return {data, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

void Statement::Reset() { sqlite3_reset(statement_); }

Database::Database(std::string path, Disk& disk, sqlite3* connection)
    : path_(std::move(path)), disk_(disk), connection_(connection) {}

Database::~Database() {
  cached_.clear();
  sqlite3_close_v2(connection_);
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path,
                                                         const Options& options) {
  Disk& disk = options.disk != nullptr ? *options.disk : RealDisk();
  if (absl::Status status = disk.CreateIfMissing(path); !status.ok()) return status;
  sqlite3* connection = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &connection,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, disk.Vfs());
  std::unique_ptr<Database> database(new Database(path, disk, connection));
  if (result != SQLITE_OK) return ErrorOf(connection, result, path);
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, static_cast<int>(absl::ToInt64Milliseconds(
                                       std::min(options.busy_timeout, absl::Minutes(1)))));
  // The page size must come before anything is written.
  absl::Status status = database->Execute(
      absl::StrCat("PRAGMA page_size=", options.page_size, ";PRAGMA journal_mode=WAL;",
                   "PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;PRAGMA trusted_schema=OFF;",
                   "PRAGMA cache_size=-", options.cache_kib, ";PRAGMA temp_store=MEMORY;",
                   "PRAGMA wal_autocheckpoint=", kLogBytes / options.page_size,
                   ";PRAGMA journal_size_limit=", kLogBytes, ";",
                   "SELECT count(*) FROM sqlite_schema;"));  // reads it, so that damage shows here
  if (status.ok()) status = database->EmptyLog();
  if (status.ok()) status = disk.SyncDirectoryOf(path);
  if (!status.ok()) return Annotate(status, "opening the database");
  database->on_damage_ = options.on_damage;
  return database;
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenInMemory() {
  sqlite3* connection = nullptr;
  const int result = sqlite3_open_v2(":memory:", &connection,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<Database> database(new Database(":memory:", RealDisk(), connection));
  if (result != SQLITE_OK) return ErrorOf(connection, result, database->path_);
  sqlite3_extended_result_codes(connection, 1);
  return database;
}

absl::Status Database::Error(int result) {
  const absl::Status status = ErrorOf(connection_, result, path_);
  if (on_damage_ != nullptr && (IsDamage(result) || (IsReadError(result) && IsUnreadableAgain()))) {
    std::exchange(on_damage_, nullptr)(status);
  }
  return status;
}

bool Database::IsUnreadableAgain() {
  const std::string before = std::exchange(unreadable_, FindUnreadable(connection_));
  return !before.empty() && unreadable_ == before;
}

absl::Status Database::EmptyLog() {
  const int result =
      sqlite3_wal_checkpoint_v2(connection_, /*zDb=*/nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                /*pnLog=*/nullptr, /*pnCkpt=*/nullptr);
  // The log stays as it is: somebody else uses it, or the database can't grow.
  if (result == SQLITE_OK || result == SQLITE_BUSY || result == SQLITE_FULL) {
    return absl::OkStatus();
  }
  return ErrorOf(connection_, result, path_);
}

absl::Status Database::Execute(const std::string& sql) {
  if (sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
    return absl::OkStatus();
  }
  return Error(sqlite3_extended_errcode(connection_));
}

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v3(connection_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, /*pzTail=*/nullptr);
  if (result != SQLITE_OK) {
    return Annotate(Error(result), absl::StrCat("preparing ", sql));
  }
  return Statement(statement, this);
}

absl::StatusOr<Statement*> Database::Cached(absl::string_view sql) {
  auto found = cached_.find(sql);
  if (found == cached_.end()) {
    absl::StatusOr<Statement> prepared = Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    found = cached_.emplace(std::string(sql), *std::move(prepared)).first;
  }
  Statement& statement = found->second;
  statement.Reset();
  sqlite3_clear_bindings(statement.statement_);
  return &statement;
}

int64_t Database::Changes() const { return sqlite3_changes(connection_); }

int64_t Database::LastInsertRowId() const { return sqlite3_last_insert_rowid(connection_); }

absl::StatusOr<Transaction> Transaction::Begin(Database& database) {
  absl::StatusOr<Statement*> begin = database.Cached("BEGIN IMMEDIATE");
  if (!begin.ok()) return begin.status();
  if (absl::Status status = (*begin)->Run(); !status.ok()) {
    return Annotate(status, "beginning a transaction");
  }
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  if (database_ == nullptr) return;
  // After some errors (a full disk) SQLite has rolled back by itself.
  if (sqlite3_get_autocommit(database_->connection_) != 0) return;
  // A rollback can't fail in a way that keeps any of the changes.
  database_->Execute("ROLLBACK").IgnoreError();
}

absl::Status Transaction::Commit() {
  // After some errors SQLite has rolled back by itself, and the caller may have
  // gone on.
  if (sqlite3_get_autocommit(database_->connection_) != 0) {
    return absl::UnavailableError(
        absl::StrCat(database_->path(), ": committing: an error before has rolled it back"));
  }
  absl::StatusOr<Statement*> commit = database_->Cached("COMMIT");
  if (!commit.ok()) return commit.status();
  if (absl::Status status = (*commit)->Run(); !status.ok()) {
    return Annotate(status, "committing");  // the destructor rolls back
  }
  database_ = nullptr;
  return absl::OkStatus();
}

absl::Status Migrate(Database& database, absl::Span<const Migration> migrations) {
  absl::StatusOr<Statement> read = database.Prepare("PRAGMA user_version");
  if (!read.ok()) return read.status();
  if (absl::StatusOr<bool> row = read->Step(); !row.ok()) return row.status();
  const int64_t current = read->Int(0);
  read->Reset();
  const int newest = migrations.empty() ? 0 : migrations.back().version;
  if (current > newest) {
    return absl::FailedPreconditionError(
        absl::StrCat(database.path(), ": the database has version ", current,
                     ", this program knows versions up to ", newest,
                     ": install the newer program again, or move the file away"));
  }
  for (const Migration& migration : migrations) {
    if (migration.version <= current) continue;
    absl::StatusOr<Transaction> transaction = Transaction::Begin(database);
    if (!transaction.ok()) return transaction.status();
    absl::Status status =
        database.Execute(absl::StrCat(migration.sql, ";PRAGMA user_version=", migration.version));
    if (status.ok()) status = transaction->Commit();
    if (!status.ok()) {
      return Annotate(status,
                      absl::StrCat("migration ", migration.version, " (", migration.why, ")"));
    }
  }
  return absl::OkStatus();
}

}  // namespace fieldgate::sqlite
