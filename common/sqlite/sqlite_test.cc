#include "common/sqlite/sqlite.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::sqlite {
namespace {

using testing::HasSubstr;

constexpr Migration kMigrations[] = {
    {1, "readings", "CREATE TABLE reading (id INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT"},
    {2, "their unit", "ALTER TABLE reading ADD COLUMN unit TEXT NOT NULL DEFAULT ''"},
};

class SqliteTest : public testing::Test {
 protected:
  SqliteTest() {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
  }

  std::unique_ptr<Database> Open() {
    absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path_);
    EXPECT_TRUE(database.ok()) << database.status();
    return database.ok() ? *std::move(database) : nullptr;
  }

  std::unique_ptr<Database> OpenMigrated() {
    std::unique_ptr<Database> database = Open();
    EXPECT_EQ(Migrate(*database, kMigrations), absl::OkStatus());
    return database;
  }

  static int64_t ReadInt(Database& database, absl::string_view sql) {
    absl::StatusOr<Statement> statement = database.Prepare(sql);
    EXPECT_TRUE(statement.ok()) << statement.status();
    if (!statement.ok()) return -1;
    EXPECT_TRUE(statement->Step().value_or(false));
    return statement->Int(0);
  }

  static std::string ReadText(Database& database, absl::string_view sql) {
    absl::StatusOr<Statement> statement = database.Prepare(sql);
    EXPECT_TRUE(statement.ok()) << statement.status();
    if (!statement.ok() || !statement->Step().value_or(false)) return "nothing";
    return std::string(statement->Text(0));
  }

  const std::string dir_ = absl::StrCat(getenv("TEST_TMPDIR"), "/sqlite");
  const std::string path_ = dir_ + "/test.db";
};

TEST_F(SqliteTest, WhatWasCommittedIsThereAfterReopening) {
  {
    std::unique_ptr<Database> database = OpenMigrated();
    absl::StatusOr<Transaction> transaction = Transaction::Begin(*database);
    ASSERT_TRUE(transaction.ok());
    ASSERT_EQ(database->Execute("INSERT INTO reading (id, value) VALUES (7, 'x')"),
              absl::OkStatus());
    ASSERT_EQ(transaction->Commit(), absl::OkStatus());
  }
  EXPECT_EQ(ReadText(*OpenMigrated(), "SELECT value FROM reading WHERE id = 7"), "x");
}

TEST_F(SqliteTest, FilesAreForTheirOwnerOnlyWhateverTheUmask) {
  for (const mode_t mask : {0, 0777}) {
    SCOPED_TRACE(mask);
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    const mode_t old = umask(mask);
    std::unique_ptr<Database> database = OpenMigrated();
    umask(old);
    for (const auto& file : std::filesystem::directory_iterator(dir_)) {
      struct stat info;
      ASSERT_EQ(stat(file.path().c_str(), &info), 0);
      EXPECT_EQ(info.st_mode & 0777, 0600) << file.path();
    }
  }
}

TEST_F(SqliteTest, AnAcknowledgedCommitIsSyncedToTheLog) {
  std::unique_ptr<Database> database = OpenMigrated();
  EXPECT_EQ(ReadText(*database, "PRAGMA journal_mode"), "wal");
  EXPECT_EQ(ReadInt(*database, "PRAGMA synchronous"), 2);
}

TEST_F(SqliteTest, PageSizeIsThatOfTheOptions) {
  absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(path_, {.page_size = 16384});
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_EQ(ReadInt(**database, "PRAGMA page_size"), 16384);
}

TEST_F(SqliteTest, ATransactionThatIsNotCommittedLeavesNothing) {
  std::unique_ptr<Database> database = OpenMigrated();
  {
    absl::StatusOr<Transaction> transaction = Transaction::Begin(*database);
    ASSERT_TRUE(transaction.ok());
    ASSERT_EQ(database->Execute("INSERT INTO reading (id, value) VALUES (1, 'x')"),
              absl::OkStatus());
  }
  EXPECT_EQ(ReadInt(*database, "SELECT count(*) FROM reading"), 0);
  EXPECT_TRUE(Transaction::Begin(*database).ok()) << "the connection is free for the next one";
}

TEST_F(SqliteTest, AStatementIsUsedAgainAndAgain) {
  std::unique_ptr<Database> database = OpenMigrated();
  absl::StatusOr<Statement> insert =
      database->Prepare("INSERT INTO reading (id, value) VALUES (?1, ?2)");
  ASSERT_TRUE(insert.ok()) << insert.status();
  for (int i = 1; i <= 3; ++i) {
    ASSERT_EQ(insert->BindInt(1, i).BindText(2, absl::StrCat("v", i)).Run(), absl::OkStatus());
  }
  EXPECT_EQ(database->LastInsertRowId(), 3);
  EXPECT_EQ(ReadText(*database, "SELECT group_concat(value) FROM reading"), "v1,v2,v3");
}

TEST_F(SqliteTest, EveryKindOfValueComesBackAsItWasBound) {
  std::unique_ptr<Database> database = Open();
  absl::StatusOr<Statement> echo = database->Prepare("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7");
  ASSERT_TRUE(echo.ok()) << echo.status();
  const std::string blob("a\0b", 3);
  echo->BindInt(1, INT64_MIN)
      .BindDouble(2, 0.1)
      .BindText(3, "°")
      .BindBlob(4, blob)
      .BindNull(5)
      .BindText(6, {})
      .BindBlob(7, {});
  ASSERT_TRUE(echo->Step().value_or(false));
  EXPECT_EQ(echo->Int(0), INT64_MIN);
  EXPECT_EQ(echo->Double(1), 0.1);
  EXPECT_EQ(echo->Text(2), "°");
  EXPECT_EQ(echo->Blob(3), blob);
  EXPECT_TRUE(echo->IsNull(4));
  EXPECT_FALSE(echo->IsNull(5)) << "an empty text is no NULL";
  EXPECT_FALSE(echo->IsNull(6)) << "an empty blob is no NULL";
}

TEST_F(SqliteTest, ACachedStatementComesBackResetAndUnbound) {
  std::unique_ptr<Database> database = Open();
  absl::StatusOr<Statement*> first = database->Cached("SELECT ?1");
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE((*first)->BindInt(1, 5).Step().value_or(false));
  absl::StatusOr<Statement*> second = database->Cached("SELECT ?1");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(*first, *second);
  ASSERT_TRUE((*second)->Step().value_or(false));
  EXPECT_TRUE((*second)->IsNull(0));
}

TEST_F(SqliteTest, BindingToAMissingParameterFailsTheStep) {
  std::unique_ptr<Database> database = Open();
  absl::StatusOr<Statement> statement = database->Prepare("SELECT ?1");
  ASSERT_TRUE(statement.ok()) << statement.status();
  EXPECT_EQ(statement->BindInt(2, 1).Run().code(), absl::StatusCode::kInternal);
}

TEST_F(SqliteTest, AViolatedConstraintIsAlreadyExistsAndNamesFileAndColumn) {
  std::unique_ptr<Database> database = OpenMigrated();
  const std::string sql = "INSERT INTO reading (id, value) VALUES (1, 'x')";
  ASSERT_EQ(database->Execute(sql), absl::OkStatus());
  const absl::Status status = database->Execute(sql);
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
  EXPECT_THAT(std::string(status.message()), HasSubstr("reading.id"));
}

TEST_F(SqliteTest, AFileThatIsNoDatabaseIsDataLossAndStaysAsItIs) {
  std::ofstream(path_) << std::string(10000, 'x');
  const absl::Status status = Database::Open(path_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
  EXPECT_EQ(std::filesystem::file_size(path_), 10000u);
}

TEST_F(SqliteTest, AMissingDirectoryIsUnavailableAndNamed) {
  const absl::Status status = Database::Open(dir_ + "/missing/test.db").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("missing/test.db"));
}

TEST_F(SqliteTest, ADatabaseThatAnotherHoldsIsUnavailable) {
  std::unique_ptr<Database> holder = OpenMigrated();
  absl::StatusOr<std::unique_ptr<Database>> other =
      Database::Open(path_, {.busy_timeout = absl::Milliseconds(1)});
  ASSERT_TRUE(other.ok()) << other.status();
  absl::StatusOr<Transaction> held = Transaction::Begin(*holder);
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(Transaction::Begin(**other).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(SqliteTest, AFullDatabaseIsUnavailableAndKeepsWhatItHad) {
  std::unique_ptr<Database> database = OpenMigrated();
  ASSERT_EQ(database->Execute("INSERT INTO reading (id, value) VALUES (1, 'kept');"
                              "PRAGMA max_page_count=10"),
            absl::OkStatus());
  {
    absl::StatusOr<Transaction> transaction = Transaction::Begin(*database);
    ASSERT_TRUE(transaction.ok());
    const absl::Status status = database->Execute(
        "INSERT INTO reading (id, value) VALUES (2, printf('%.*c', 100000, 'x'))");
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  }
  EXPECT_EQ(ReadText(*database, "SELECT group_concat(value) FROM reading"), "kept");
}

TEST_F(SqliteTest, AnOlderDatabaseIsBroughtUpToDateWithItsRows) {
  std::ifstream file("common/sqlite/testdata/version_1.sql");
  std::stringstream sql;
  sql << file.rdbuf();
  {
    std::unique_ptr<Database> database = Open();
    ASSERT_EQ(database->Execute(sql.str()), absl::OkStatus());
  }
  std::unique_ptr<Database> database = OpenMigrated();
  EXPECT_EQ(ReadInt(*database, "PRAGMA user_version"), 2);
  EXPECT_EQ(ReadText(*database, "SELECT value || unit FROM reading WHERE id = 1"), "old");
}

TEST_F(SqliteTest, AFailedMigrationLeavesVersionAndSchemaOfTheOneBefore) {
  const Migration broken[] = {kMigrations[0],
                              {2, "half a step", "CREATE TABLE half (id INTEGER); SELECT nothing"}};
  std::unique_ptr<Database> database = Open();
  const absl::Status status = Migrate(*database, broken);
  EXPECT_THAT(std::string(status.message()), HasSubstr("migration 2 (half a step)"));
  EXPECT_EQ(ReadInt(*database, "PRAGMA user_version"), 1);
  EXPECT_EQ(ReadInt(*database, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"), 0);
}

TEST_F(SqliteTest, ANewerDatabaseIsRefusedWithBothVersions) {
  std::unique_ptr<Database> database = Open();
  ASSERT_EQ(database->Execute("PRAGMA user_version=3"), absl::OkStatus());
  const absl::Status status = Migrate(*database, kMigrations);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("has version 3"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("up to 2"));
}

}  // namespace
}  // namespace fieldgate::sqlite
