// The promises of sqlite.h on a disk that fails or loses power.
#include <memory>
#include <string>

#include "common/sqlite/sqlite.h"
#include "common/testing/simulated_disk.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::sqlite {
namespace {

constexpr char kPath[] = "/state/test.db";
constexpr Migration kMigrations[] = {
    {1, "readings", "CREATE TABLE reading (value TEXT NOT NULL) STRICT"},
    {2, "their unit", "ALTER TABLE reading ADD COLUMN unit TEXT NOT NULL DEFAULT 'V'"},
};

class SqliteFaultTest : public testing::Test {
 protected:
  static absl::StatusOr<std::unique_ptr<Database>> Open(SimulatedDisk& disk) {
    Options options;
    options.disk = &disk;
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

  SimulatedDisk disk_;
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
