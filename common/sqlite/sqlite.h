#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

struct sqlite3;
struct sqlite3_stmt;

// SQLite, as little of it as we need. PRAGMAs are here and nowhere else.
//
// Every error names the file and carries SQLite's own words:
// kUnavailable:        the disk is full or fails, the file is locked, can't be
//                      opened or written; nothing was changed, safe to retry.
// kDataLoss:           the file is damaged, or no database.
// kAlreadyExists:      a constraint of the schema was violated.
// kInternal:           a mistake in our SQL.
//
// A Database with its Statements and Transactions is thread-compatible: one
// thread at a time. Every call may block on disk.
namespace fieldgate::sqlite {

class Database;
class Disk;

struct Options {
  // Bytes, a power of two; takes effect when the file is created. 16384 suits
  // bodies of some KB.
  int page_size = 4096;
  // Memory for pages; our databases are small or read once.
  int cache_kib = 512;
  // How long a call waits for another process that holds the file (a person
  // with the sqlite3 tool).
  absl::Duration busy_timeout = absl::Seconds(5);
  // Where the file is; nullptr: RealDisk(). It outlives the database.
  Disk* disk = nullptr;
  // Told once, by the thread that finds it, that the file turns out to be damaged
  // while it is open: of the first kDataLoss, and of the kUnavailable of a read that
  // fails twice with a place in the file that can't be read either time (a bad
  // sector). See service::Databases.
  std::function<void(const absl::Status&)> on_damage = nullptr;
};

// A prepared statement. Prepare once, then again and again: bind, Run or Step.
// Parameters and columns count as in SQLite: parameters from 1, columns from 0.
// Must not outlive its Database.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&& other) noexcept;
  ~Statement();

  // Values are copied and stay bound until they are bound anew. A failure (no
  // such parameter, no memory) comes out of the next Step or Run.
  Statement& BindInt(int parameter, int64_t value);
  Statement& BindDouble(int parameter, double value);
  Statement& BindText(int parameter, absl::string_view value);
  Statement& BindBlob(int parameter, absl::string_view value);
  Statement& BindNull(int parameter);

  // True: a row is there to be read. False: no more rows; the statement is
  // reset. After an error it is reset, too. Who stops before the last row
  // calls Reset, or old pages of the file can't be reused.
  absl::StatusOr<bool> Step();

  // Executes a statement whose rows, if any, don't matter, and resets it.
  absl::Status Run();

  // Of the current row. Views hold until the next Step, Reset or Run.
  int64_t Int(int column) const;
  double Double(int column) const;
  absl::string_view Text(int column) const;
  absl::string_view Blob(int column) const;
  bool IsNull(int column) const;

  void Reset();

 private:
  friend class Database;
  Statement(sqlite3_stmt* statement, Database* database)
      : statement_(statement), database_(database) {}

  sqlite3_stmt* statement_;
  Database* database_;
  int bind_error_ = 0;  // SQLite's number of the first failed Bind
};

// One connection to one database file.
class Database {
 public:
  // Opens the file at `path`, created with mode 0600 whatever the umask, in a
  // directory that exists. Once a transaction is committed it survives a crash
  // and a power cut (write-ahead log, synchronous FULL, directory synced).
  // Foreign keys are enforced.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path,
                                                        const Options& options = {});
  // One in memory, which is empty and gone with it.
  static absl::StatusOr<std::unique_ptr<Database>> OpenInMemory();
  ~Database();

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Executes one or several statements without parameters.
  absl::Status Execute(const std::string& sql);

  // For a statement that the caller keeps.
  absl::StatusOr<Statement> Prepare(absl::string_view sql);

  // For a statement that the database keeps: prepared at the first call with
  // this text, later calls return the same one, reset and with nothing bound.
  // Texts are literals of the program, so their number is bounded.
  absl::StatusOr<Statement*> Cached(absl::string_view sql);

  // Rows that the last INSERT, UPDATE or DELETE changed.
  int64_t Changes() const;
  int64_t LastInsertRowId() const;

  const std::string& path() const { return path_; }
  // Where the file is; for another connection to it.
  Disk& disk() const { return disk_; }

 private:
  friend class Statement;
  friend class Transaction;
  Database(std::string path, Disk& disk, sqlite3* connection);

  // An error of SQLite, which was seen while doing something here.
  absl::Status Error(int result);
  // Whether a place can't be read that could not at the read error before. What came
  // between tells nothing: it read other places.
  bool IsUnreadableAgain();
  // Moves what is in the log into the database, so that the log begins anew. When
  // a sync has failed, the kernel shows what was written, but never writes it to
  // the disk any more; and who opens the file takes it for committed. Whatever
  // was appended behind it would be lost with it in a power cut.
  absl::Status EmptyLog();

  std::string path_;
  Disk& disk_;
  sqlite3* connection_;
  std::function<void(const absl::Status&)> on_damage_;  // nullptr: told already
  std::string unreadable_;                              // a place, at the last read error
  std::map<std::string, Statement, std::less<>> cached_;
};

// BEGIN IMMEDIATE now; rolled back in the destructor unless committed.
// Transactions don't nest.
class Transaction {
 public:
  static absl::StatusOr<Transaction> Begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  // OK: durable. An error: nothing of the transaction was done.
  absl::Status Commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}

  Database* database_;  // nullptr: over
};

struct Migration {
  int version;      // 1, 2, 3 ... without a gap
  const char* why;  // one line; part of the message when it fails
  const char* sql;
};

// Brings the database to the last of `migrations`, each in one transaction
// with its version (PRAGMA user_version).
//
// kFailedPrecondition: the database is newer than the program; nothing changed.
absl::Status Migrate(Database& database, absl::Span<const Migration> migrations);

}  // namespace fieldgate::sqlite
