#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sqlite/recovery.h"
#include "common/sqlite/sqlite.h"

namespace fieldgate::sqlite {

inline constexpr Migration kTestMigrations[] = {
    {1, "one table of each kind", R"sql(
      CREATE TABLE item (id INTEGER PRIMARY KEY, label TEXT NOT NULL, body BLOB NOT NULL) STRICT;
      CREATE TABLE named (name TEXT, place INTEGER NOT NULL, value REAL, PRIMARY KEY (place, name))
        WITHOUT ROWID;
      CREATE TABLE numbered (number INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);
      CREATE INDEX numbered_text ON numbered (text);
    )sql"},
    {2, "a column that came later",
     "ALTER TABLE item ADD COLUMN color TEXT NOT NULL DEFAULT 'grey'"},
};

// A database of some hundred rows with deleted ones, free pages and long values,
// and the means to damage it.
class RecoveryFixture : public testing::Test {
 protected:
  // Each row as a text, by table.
  using Rows = std::map<std::string, std::set<std::string>>;

  static constexpr int kPageSize = 1024;

  RecoveryFixture() {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
  }
  ~RecoveryFixture() override { std::filesystem::remove_all(dir_); }

  static std::string BodyOf(int id) {
    // Some go on in other pages.
    return std::string(id % 7 == 0 ? 3000u : 40u, static_cast<char>('a' + id % 26));
  }

  std::unique_ptr<Database> OpenDatabase(int version = 2) {
    Options options;
    options.page_size = kPageSize;
    absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path_, options);
    EXPECT_TRUE(database.ok()) << database.status();
    if (!database.ok()) return nullptr;
    EXPECT_EQ(Migrate(**database,
                      absl::MakeConstSpan(kTestMigrations).first(static_cast<size_t>(version))),
              absl::OkStatus());
    return *std::move(database);
  }

  static void Exec(Database& database, const std::string& sql) {
    ASSERT_EQ(database.Execute(sql), absl::OkStatus());
  }

  static void AddItem(Database& database, int id) {
    absl::StatusOr<Statement*> insert =
        database.Cached("INSERT INTO item (id, label, body) VALUES (?1, ?2, ?3)");
    ASSERT_TRUE(insert.ok()) << insert.status();
    (*insert)->BindInt(1, id).BindText(2, absl::StrCat("item ", id)).BindBlob(3, BodyOf(id));
    ASSERT_EQ((*insert)->Run(), absl::OkStatus());
  }

  static void Fill(Database& database) {
    Exec(database, "BEGIN");
    for (int id = 1; id <= 130; ++id) AddItem(database, id);
    Exec(database,
         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
         " INSERT INTO named SELECT 'name ' || i || printf('%.*c', i % 50, 'n'), i % 5, i / 2.0"
         " FROM n;"
         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)"
         " INSERT INTO numbered (text) SELECT 'text ' || i || printf('%.*c', 20, 't') FROM n;"
         "DELETE FROM item WHERE id BETWEEN 1 AND 50;"
         "DELETE FROM numbered WHERE number > 90;"
         "COMMIT");
  }

  static Rows ReadRows(Database& database) {
    Rows rows;
    const std::pair<const char*, const char*> selects[] = {
        {"item", "SELECT id || '|' || label || '|' || hex(body) || '|' || color FROM item"},
        {"named", "SELECT place || '|' || name || '|' || value FROM named"},
        {"numbered", "SELECT number || '|' || text FROM numbered"},
    };
    for (const auto& [table, sql] : selects) {
      absl::StatusOr<Statement> select = database.Prepare(sql);
      EXPECT_TRUE(select.ok()) << select.status();
      if (!select.ok()) continue;
      while (select->Step().value_or(false)) rows[table].insert(std::string(select->Text(0)));
    }
    return rows;
  }

  static int64_t ReadInt(Database& database, const std::string& sql) {
    absl::StatusOr<Statement> read = database.Prepare(sql);
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ok() && read->Step().value_or(false) ? read->Int(0) : -1;
  }

  // Writes the database and returns its rows; all of it is in the file.
  Rows Make() {
    std::unique_ptr<Database> database = OpenDatabase();
    Fill(*database);
    return ReadRows(*database);
  }

  static std::string ReadAll(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  }
  static void WriteAll(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  RecoveryRules Rules() const {
    RecoveryRules rules;
    rules.options.page_size = kPageSize;
    rules.migrations = kTestMigrations;
    return rules;
  }

  absl::StatusOr<std::optional<Recovery>> Recover() {
    return RecoverIfDamaged(path_, Rules(), now_);
  }

  // The recovery, which must be one.
  Recovery Recovered() {
    absl::StatusOr<std::optional<Recovery>> recovery = Recover();
    EXPECT_TRUE(recovery.ok()) << recovery.status();
    if (!recovery.ok() || !recovery->has_value()) {
      ADD_FAILURE() << "nothing was recovered";
      return {};
    }
    return **recovery;
  }

  // Rows of `all` that are not in the database now; it has none that are not there.
  Rows Missing(const Rows& all) {
    const std::unique_ptr<Database> database = OpenDatabase();
    const Rows now = ReadRows(*database);
    Rows missing;
    for (const auto& [table, rows] : all) {
      const auto found = now.find(table);
      for (const std::string& row : rows) {
        if (found == now.end() || found->second.count(row) == 0) missing[table].insert(row);
      }
    }
    for (const auto& [table, rows] : now) {
      for (const std::string& row : rows) {
        EXPECT_TRUE(all.at(table).count(row) > 0) << table << " has a new row " << row;
      }
    }
    return missing;
  }

  void ZeroPage(size_t number) {
    std::string bytes = ReadAll(path_);
    bytes.replace((number - 1) * kPageSize, kPageSize, kPageSize, '\0');
    WriteAll(path_, bytes);
  }

  // All databases that were put aside.
  std::vector<std::string> PutAside() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir_)) {
      const std::string name = entry.path().filename();
      const bool log = name.size() > 4 && name.substr(name.size() - 4) == "-wal";
      if (name.find(".damaged-") != std::string::npos && !log) names.push_back(name);
    }
    return names;
  }

  const std::string dir_ = absl::StrCat(getenv("TEST_TMPDIR"), "/recovery");
  const std::string path_ = dir_ + "/test.db";
  absl::Time now_ = absl::FromUnixSeconds(1'795'656'600);  // 2026-11-26 01:30
};

}  // namespace fieldgate::sqlite
