#include "common/sqlite/check.h"

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/sqlite/damage.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/page_image.h"
#include "common/sqlite/table_shape.h"

namespace fieldgate::sqlite {
namespace {

// Of what is wrong, the first is told. Not quick_check, which does not look at
// indexes and orders: our large tables have no index, so it would not be quicker.
constexpr char kIntegrityCheck[] = "PRAGMA integrity_check(1)";

// A connection that leaves the files as they are.
class Connection {
 public:
  Connection(const std::string& path, const Options& options, const char* vfs) {
    result_ = sqlite3_open_v2(path.c_str(), &connection_,
                              SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs);
    if (result_ != SQLITE_OK) return;
    sqlite3_extended_result_codes(connection_, 1);
    // The last one to close would write the log into the database.
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_busy_timeout(connection_, static_cast<int>(absl::ToInt64Milliseconds(
                                          std::min(options.busy_timeout, absl::Minutes(1)))));
  }
  ~Connection() { sqlite3_close_v2(connection_); }

  sqlite3* get() const { return connection_; }
  int result() const { return result_; }

  // The texts of the first column.
  int Query(const char* sql, std::vector<std::string>& rows) {
    rows.clear();
    const auto add = [](void* to, int, char** values, char**) {
      static_cast<std::vector<std::string>*>(to)->push_back(values[0] != nullptr ? values[0] : "");
      return 0;
    };
    return sqlite3_exec(connection_, sql, add, &rows, nullptr);
  }

 private:
  sqlite3* connection_ = nullptr;
  int result_ = SQLITE_OK;
};

// Interrupts a connection after some time. SQLite's own progress handler is not
// called while it reads a b-tree.
class Deadline {
 public:
  Deadline(sqlite3* connection, absl::Duration time)
      : thread_([this, connection, time] {
          std::unique_lock lock(mutex_);
          if (ended_.wait_for(lock, absl::ToChronoNanoseconds(time), [this] { return over_; })) {
            return;
          }
          sqlite3_interrupt(connection);
        }) {}
  ~Deadline() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    ended_.notify_all();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;
  std::thread thread_;
};

// Others are of the moment.
bool ShowsDamage(int result) {
  const bool no_sense = (result & 0xff) == SQLITE_ERROR;  // of the schema
  return IsDamage(result) || IsReadError(result) || result == SQLITE_IOERR_SHORT_READ || no_sense;
}

using Columns = std::vector<TableShape::Column>;

absl::StatusOr<std::vector<TableShape>> ShapesOf(absl::Span<const Migration> migrations) {
  absl::StatusOr<std::unique_ptr<Database>> memory = Database::OpenInMemory();
  if (!memory.ok()) return memory.status();
  if (absl::Status s = Migrate(**memory, migrations); !s.ok()) return s;
  return ReadShapes(**memory);
}

const TableShape* Find(const std::vector<TableShape>& shapes, const std::string& name) {
  for (const TableShape& shape : shapes) {
    if (shape.name == name) return &shape;
  }
  return nullptr;
}

// Empty: `actual` has all tables of `expected`, and none of `newest` besides.
std::string Difference(const std::vector<TableShape>& actual,
                       const std::vector<TableShape>& expected,
                       const std::vector<TableShape>& newest) {
  for (const TableShape& shape : expected) {
    // It stays when the last table that needs it goes.
    if (shape.name == "sqlite_sequence") continue;
    const TableShape* const found = Find(actual, shape.name);
    if (found == nullptr) return absl::StrCat("its table ", shape.name, " is missing");
    if (found->columns != shape.columns) {
      return absl::StrCat("its table ", shape.name, " has other columns");
    }
  }
  for (const TableShape& shape : newest) {
    if (shape.name == "sqlite_sequence") continue;
    if (Find(expected, shape.name) == nullptr && Find(actual, shape.name) != nullptr) {
      return absl::StrCat("it has the table ", shape.name, " of a later version");
    }
  }
  return "";
}

// Whether there are tables that the newest version does not have.
bool HasOthers(const std::vector<TableShape>& actual, const std::vector<TableShape>& newest) {
  return std::any_of(actual.begin(), actual.end(), [&newest](const TableShape& shape) {
    return shape.name != "sqlite_sequence" && Find(newest, shape.name) == nullptr;
  });
}

// Whether the tables are those of the version. `actual` is of a connection.
absl::Status CheckTables(Connection& connection, absl::Span<const Migration> migrations,
                         Finding& finding) {
  std::vector<std::string> rows;
  if (connection.Query("PRAGMA user_version", rows) != SQLITE_OK || rows.empty()) {
    return absl::OkStatus();
  }
  const int version = std::atoi(rows[0].c_str());
  const int newest = migrations.empty() ? 0 : migrations.back().version;
  // The tables through a copy of the schema: a database in memory of the same
  // texts.
  if (connection.Query("SELECT sql FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE %'"
                       " AND name NOT LIKE 'sqlite_%' ORDER BY rowid",
                       rows) != SQLITE_OK) {
    return absl::OkStatus();
  }
  if (rows.empty() && version == 0) return absl::OkStatus();  // its creation was cut off
  absl::StatusOr<std::unique_ptr<Database>> memory = Database::OpenInMemory();
  if (!memory.ok()) return memory.status();
  for (const std::string& sql : rows) {
    // A text that is no table any more shows as one that is missing.
    (*memory)->Execute(sql).IgnoreError();
  }
  absl::StatusOr<std::vector<TableShape>> actual = ReadShapes(**memory);
  if (!actual.ok()) return actual.status();
  absl::StatusOr<std::vector<TableShape>> last = ShapesOf(migrations);
  if (!last.ok()) return last.status();
  const auto matches = [&](int candidate) -> std::string {
    absl::StatusOr<std::vector<TableShape>> expected = ShapesOf(UpTo(migrations, candidate));
    if (!expected.ok()) return std::string(expected.status().message());
    return Difference(*actual, *expected, *last);
  };
  std::string wrong;
  if (version >= 0 && version <= newest) {
    wrong = matches(version);
    if (wrong.empty()) {
      finding.version = version;
      return absl::OkStatus();
    }
  } else if (version > newest && (HasOthers(*actual, *last) || !matches(newest).empty())) {
    return absl::OkStatus();  // of a newer program
  } else {
    wrong = absl::StrCat("its version is ", version, ", its tables are those of an earlier one");
  }
  for (auto m = migrations.rbegin(); m != migrations.rend() && finding.version == 0; ++m) {
    if (matches(m->version).empty()) finding.version = m->version;
  }
  if (finding.damage.empty()) finding.damage = wrong;
  return absl::OkStatus();
}

}  // namespace

absl::Span<const Migration> UpTo(absl::Span<const Migration> migrations, int version) {
  size_t count = 0;
  while (count < migrations.size() && migrations[count].version <= version) ++count;
  return migrations.first(count);
}

absl::StatusOr<Finding> Check(const std::string& path, const Options& options,
                              absl::Span<const Migration> migrations, absl::Duration time) {
  Disk& disk = options.disk != nullptr ? *options.disk : RealDisk();
  Finding finding;
  {
    absl::StatusOr<std::unique_ptr<PageImage>> image =
        PageImage::Open(disk, path, options.page_size);
    if (!image.ok()) return image.status();
    finding.empty = (*image)->pages() == 0 && (*image)->log_usable();
    if (finding.empty) return finding;
    finding.damage = (*image)->damage();
    if (!(*image)->header_ok() || !(*image)->log_usable()) return finding;
  }
  Connection connection(path, options, disk.Vfs());
  std::vector<std::string> rows;
  int result = connection.result();
  if (result == SQLITE_OK) {
    const Deadline deadline(connection.get(), time);
    result = connection.Query(kIntegrityCheck, rows);
  }
  if (result == SQLITE_INTERRUPT) {
    finding.in_part = true;
  } else if (result != SQLITE_OK) {
    const std::string words = absl::StrCat(
        connection.get() != nullptr ? sqlite3_errmsg(connection.get()) : sqlite3_errstr(result),
        " (SQLite ", result, ")");
    if (!ShowsDamage(result)) return absl::UnavailableError(absl::StrCat(path, ": ", words));
    if (finding.damage.empty()) finding.damage = words;
  } else if (rows.empty() || rows[0] != "ok") {
    const std::string words = rows.empty() ? "no answer" : rows[0];
    if (finding.damage.empty()) {
      finding.damage = std::string(absl::StripPrefix(words, "*** in database main ***\n"));
    }
  }
  if (absl::Status s = CheckTables(connection, migrations, finding); !s.ok()) return s;
  return finding;
}

}  // namespace fieldgate::sqlite
