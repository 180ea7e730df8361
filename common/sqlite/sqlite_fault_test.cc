// The promises of sqlite.h on a disk that fails or loses power.
#include <sqlite3.h>

#include <memory>
#include <string>
#include <vector>

#include "common/sqlite/damage.h"
#include "common/sqlite/sqlite.h"
#include "common/testing/simulated_disk.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::sqlite {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kPath[] = "/state/test.db";
constexpr Migration kMigrations[] = {
    {1, "readings", "CREATE TABLE reading (value TEXT NOT NULL) STRICT"},
    {2, "their unit", "ALTER TABLE reading ADD COLUMN unit TEXT NOT NULL DEFAULT 'V'"},
};

class SqliteFaultTest : public testing::Test {
 protected:
  static absl::StatusOr<std::unique_ptr<Database>> Open(
      SimulatedDisk& disk, const std::function<void(const absl::Status&)>& on_damage = nullptr) {
    Options options;
    options.disk = &disk;
    options.on_damage = on_damage;
    absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(kPath, options);
    if (!database.ok()) return database;
    if (absl::Status status = Migrate(**database, kMigrations); !status.ok()) return status;
    return database;
  }

  static absl::Status Insert(Database& database, const std::string& value) {
    absl::StatusOr<Statement*> insert = database.Cached("INSERT INTO reading (value) VALUES (?1)");
    return insert.ok() ? (*insert)->BindText(1, value).Run() : insert.status();
  }

  static std::string Values(SimulatedDisk& disk) {
    const auto database = Open(disk);
    if (!database.ok()) return database.status().ToString();
    auto read = (*database)->Prepare("SELECT coalesce(group_concat(value), '') FROM reading");
    if (!read.ok() || !read->Step().value_or(false)) return read.status().ToString();
    return std::string(read->Text(0));
  }

  // A database of many pages, opened with none of them in memory.
  std::unique_ptr<Database> OpenMany() {
    {
      const auto database = *Open(disk_);
      for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(Insert(*database, std::string(3000, 'x')), absl::OkStatus());
      }
    }
    return *Open(disk_, [this](const absl::Status& why) { told_.push_back(why.code()); });
  }

  static absl::Status ReadAll(Database& database) {
    absl::StatusOr<Statement> read = database.Prepare("SELECT value FROM reading");
    if (!read.ok()) return read.status();
    absl::StatusOr<bool> row = true;
    while (row.ok() && *row) row = read->Step();
    return row.status();
  }

  SimulatedDisk disk_;
  std::vector<absl::StatusCode> told_;  // of damage
};

TEST_F(SqliteFaultTest, WhatIsCommittedAfterAFailedSyncSurvivesAPowerCut) {
  const auto database = *Open(disk_);
  ASSERT_EQ(Insert(*database, "a"), absl::OkStatus());
  disk_.Inject({.call = DiskCall::kSync});
  ASSERT_EQ(Insert(*database, "b").code(), absl::StatusCode::kUnavailable);
  ASSERT_EQ(Insert(*database, "c"), absl::OkStatus());
  for (int seed = 0; seed < 50; ++seed) EXPECT_EQ(Values(*disk_.Image(seed)), "a,c");
}

// The log then holds what the disk will never hold, and the next process can't
// tell it from what was committed.
TEST_F(SqliteFaultTest, WhatTheNextProcessCommitsAfterAFailedSyncSurvivesAPowerCut) {
  for (int seed = 0; seed < 50; ++seed) {
    SimulatedDisk disk(seed);
    const auto database = *Open(disk);
    ASSERT_EQ(Insert(*database, "a"), absl::OkStatus());
    disk.Inject({.call = DiskCall::kSync});
    ASSERT_EQ(Insert(*database, "b").code(), absl::StatusCode::kUnavailable);
    disk.Kill();
    ASSERT_EQ(Insert(**Open(disk), "c"), absl::OkStatus());
    EXPECT_EQ(Values(*disk.Image(seed)), "a,b,c") << "b was committed after all, and once";
  }
}

TEST_F(SqliteFaultTest, ADiskThatCannotSyncIsNotOpenedWithALog) {
  const auto database = *Open(disk_);
  ASSERT_EQ(Insert(*database, "a"), absl::OkStatus());
  disk_.Kill();
  disk_.Inject({.call = DiskCall::kSync, .lasting = true});
  EXPECT_EQ(Open(disk_).status().code(), absl::StatusCode::kUnavailable);
  disk_.Heal();
  EXPECT_EQ(Values(disk_), "a");
}

TEST_F(SqliteFaultTest, AFullDiskIsOpenedWithALogAndRead) {
  const auto database = *Open(disk_);
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(Insert(*database, std::string(3000, 'x')), absl::OkStatus());
  disk_.Kill();
  disk_.SetCapacity(0);
  EXPECT_EQ(Values(disk_).size(), 50u * 3001 - 1);
  disk_.SetCapacity(std::nullopt);
  EXPECT_EQ(Insert(**Open(disk_), "y"), absl::OkStatus());
}

TEST_F(SqliteFaultTest, ABadSectorIsDamageTheSecondTimeWhateverGoesWellBetween) {
  const auto database = OpenMany();
  disk_.Inject(
      {.call = DiskCall::kRead, .lasting = true, .path_ends_with = "test.db", .at = 100'000});
  EXPECT_TRUE(absl::IsUnavailable(ReadAll(*database)));
  EXPECT_THAT(told_, IsEmpty());
  EXPECT_EQ(Insert(*database, "a"), absl::OkStatus());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(absl::IsUnavailable(ReadAll(*database)));
  EXPECT_THAT(told_, ElementsAre(absl::StatusCode::kUnavailable)) << "once";
}

TEST_F(SqliteFaultTest, ABadSectorOfTheLogIsDamageToo) {
  const auto database = OpenMany();
  ASSERT_EQ(Insert(**Open(disk_), "in the log of another connection"), absl::OkStatus());
  disk_.Inject({.call = DiskCall::kRead, .lasting = true, .path_ends_with = "-wal"});
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(absl::IsUnavailable(ReadAll(*database)));
  EXPECT_THAT(told_, ElementsAre(absl::StatusCode::kUnavailable));
}

TEST_F(SqliteFaultTest, ReadsThatFailForOnceAreNoDamage) {
  const auto database = OpenMany();
  for (int i = 0; i < 5; ++i) {
    disk_.Inject({.call = DiskCall::kRead, .path_ends_with = "test.db", .at = 100'000});
    EXPECT_TRUE(absl::IsUnavailable(ReadAll(*database)));
  }
  EXPECT_EQ(ReadAll(*database), absl::OkStatus());
  EXPECT_THAT(told_, IsEmpty());
}

TEST(DamageCodeTest, WhatTheFileSystemCallsDamagedIsDamage) {
  EXPECT_TRUE(IsDamage(SQLITE_CORRUPT_INDEX));
  EXPECT_TRUE(IsDamage(SQLITE_NOTADB));
  EXPECT_TRUE(IsDamage(SQLITE_IOERR_CORRUPTFS));
  EXPECT_TRUE(IsDamage(SQLITE_IOERR_DATA));
  for (const int result : {SQLITE_IOERR_READ, SQLITE_IOERR_WRITE, SQLITE_FULL, SQLITE_ERROR}) {
    EXPECT_FALSE(IsDamage(result)) << result;
  }
}

TEST_F(SqliteFaultTest, AMigrationThatAPowerCutEndsIsDoneByTheNextStart) {
  for (int64_t cut = 0;; ++cut) {
    SimulatedDisk disk(cut);
    disk.CutPowerAfter(cut);
    const bool opened = Open(disk).ok();
    const auto image = disk.Image(cut);
    const auto database = Open(*image);
    ASSERT_TRUE(database.ok()) << "cut after " << cut << ": " << database.status();
    EXPECT_EQ(Insert(**database, "a"), absl::OkStatus());
    if (opened) break;
  }
}

}  // namespace
}  // namespace fieldgate::sqlite
