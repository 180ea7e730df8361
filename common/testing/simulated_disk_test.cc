#include "common/testing/simulated_disk.h"

#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/sqlite/sqlite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kPath[] = "/state/test.db";
constexpr int kImages = 200;

// A disk whose user forgets to sync the directory.
class WithoutDirectorySync : public sqlite::Disk {
 public:
  explicit WithoutDirectorySync(sqlite::Disk& disk) : disk_(disk) {}

  const char* Vfs() const override { return disk_.Vfs(); }
  absl::Status CreateIfMissing(const std::string& path) override {
    return disk_.CreateIfMissing(path);
  }
  bool Exists(const std::string& path) override { return disk_.Exists(path); }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return disk_.Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return disk_.Remove(path); }
  absl::Status SyncDirectoryOf(const std::string&) override { return absl::OkStatus(); }
  absl::StatusOr<int64_t> FreeBytes(const std::string& path) override {
    return disk_.FreeBytes(path);
  }

 private:
  sqlite::Disk& disk_;
};

absl::StatusOr<std::unique_ptr<sqlite::Database>> Open(sqlite::Disk& disk) {
  sqlite::Options options;
  options.disk = &disk;
  options.busy_timeout = absl::ZeroDuration();
  absl::StatusOr<std::unique_ptr<sqlite::Database>> database =
      sqlite::Database::Open(kPath, options);
  if (!database.ok()) return database;
  const absl::Status status = (*database)->Execute(
      "CREATE TABLE IF NOT EXISTS reading (id INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT");
  if (!status.ok()) return status;
  return database;
}

absl::Status Insert(sqlite::Database& database, int count = 1) {
  for (int i = 0; i < count; ++i) {
    const absl::Status status =
        database.Execute("INSERT INTO reading (value) VALUES (printf('%.*c', 600, 'x'))");
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// -1: they can't be read.
int64_t Rows(sqlite::Disk& disk) {
  auto database = Open(disk);
  if (!database.ok()) return -1;
  auto count = (*database)->Prepare("SELECT count(*) FROM reading");
  if (!count.ok() || !count->Step().value_or(false)) return -1;
  return count->Int(0);
}

// What the images of a disk hold, each number once.
std::set<int64_t> RowsOfImages(const SimulatedDisk& disk) {
  std::set<int64_t> rows;
  for (int seed = 0; seed < kImages; ++seed) rows.insert(Rows(*disk.Image(seed)));
  return rows;
}

TEST(SimulatedDiskTest, CommittedRowsSurviveAnyPowerCut) {
  SimulatedDisk disk;
  auto database = *Open(disk);
  ASSERT_EQ(Insert(*database, 10), absl::OkStatus());
  EXPECT_THAT(RowsOfImages(disk), ElementsAre(10));
  database = nullptr;  // which moves the log into the database
  EXPECT_THAT(RowsOfImages(disk), ElementsAre(10));
}

TEST(SimulatedDiskTest, WithoutSyncsAPowerCutLosesRows) {
  SimulatedDisk disk;
  const auto database = *Open(disk);
  ASSERT_EQ(database->Execute("PRAGMA synchronous=OFF"), absl::OkStatus());
  ASSERT_EQ(Insert(*database, 10), absl::OkStatus());
  const std::set<int64_t> rows = RowsOfImages(disk);
  EXPECT_EQ(*rows.begin(), 0);
  EXPECT_EQ(*rows.rbegin(), 10);
  EXPECT_GT(rows.size(), 5u) << "some images hold a part";
}

TEST(SimulatedDiskTest, WithSyncsOfCheckpointsOnlyAPowerCutLosesRows) {
  SimulatedDisk disk;
  const auto database = *Open(disk);
  ASSERT_EQ(database->Execute("PRAGMA synchronous=NORMAL"), absl::OkStatus());
  ASSERT_EQ(Insert(*database, 10), absl::OkStatus());
  EXPECT_EQ(*RowsOfImages(disk).begin(), 0);
}

TEST(SimulatedDiskTest, WithoutAnySyncOfTheDirectoryAPowerCutLosesRows) {
  SimulatedDisk disk(1, /*sqlite_syncs_directory=*/false);
  WithoutDirectorySync forgetful(disk);
  const auto database = *Open(forgetful);
  ASSERT_EQ(Insert(*database, 10), absl::OkStatus());
  const std::set<int64_t> rows = RowsOfImages(disk);
  EXPECT_EQ(*rows.begin(), 0);
  EXPECT_EQ(*rows.rbegin(), 10);
}

TEST(SimulatedDiskTest, OneSyncOfTheDirectoryIsEnoughToKeepAllRows) {
  SimulatedDisk disk(1, /*sqlite_syncs_directory=*/false);
  const auto database = *Open(disk);
  ASSERT_EQ(Insert(*database, 10), absl::OkStatus());
  EXPECT_THAT(RowsOfImages(disk), ElementsAre(10));
}

TEST(SimulatedDiskTest, SqliteSyncsTheDirectoryWithANewLogAsOnARealDisk) {
  SimulatedDisk disk;
  WithoutDirectorySync forgetful(disk);
  const auto database = *Open(forgetful);
  ASSERT_EQ(Insert(*database, 10), absl::OkStatus());
  EXPECT_THAT(RowsOfImages(disk), ElementsAre(10));
}

TEST(SimulatedDiskTest, TheSameSeedGivesTheSameImage) {
  SimulatedDisk disk;
  const auto database = *Open(disk);
  ASSERT_EQ(database->Execute("PRAGMA synchronous=OFF"), absl::OkStatus());
  ASSERT_EQ(Insert(*database, 10), absl::OkStatus());
  std::set<std::string> logs;
  for (int seed = 0; seed < 20; ++seed) {
    const std::string wal = absl::StrCat(kPath, "-wal");
    const auto log = disk.Image(seed)->Content(wal);
    EXPECT_EQ(log, disk.Image(seed)->Content(wal));
    if (log.ok()) logs.insert(*log);
  }
  EXPECT_GT(logs.size(), 5u) << "other seeds give other images";
}

TEST(SimulatedDiskTest, NamesAreThereOrNotUntilTheirDirectoryIsSynced) {
  SimulatedDisk disk;
  disk.SetContent("/state/old", "o");
  ASSERT_EQ(disk.CreateIfMissing("/state/new"), absl::OkStatus());
  ASSERT_EQ(disk.Rename("/state/old", "/state/moved"), absl::OkStatus());
  std::set<std::string> seen;
  const auto names = [](const SimulatedDisk& image) {
    std::string names;
    for (const auto& file : image.Files()) absl::StrAppend(&names, file.path, " ");
    return names;
  };
  for (int seed = 0; seed < kImages; ++seed) seen.insert(names(*disk.Image(seed)));
  EXPECT_THAT(seen, ElementsAre("/state/moved ", "/state/moved /state/new ",
                                "/state/new /state/old ", "/state/old "));

  ASSERT_EQ(disk.SyncDirectoryOf("/state/new"), absl::OkStatus());
  for (int seed = 0; seed < kImages; ++seed) {
    EXPECT_EQ(names(*disk.Image(seed)), "/state/moved /state/new ");
  }
}

TEST(SimulatedDiskTest, PowerThatFailsEndsEveryConnectionAndComesBackWithPowerCut) {
  SimulatedDisk disk;
  auto database = *Open(disk);
  ASSERT_EQ(Insert(*database, 3), absl::OkStatus());
  disk.CutPowerAfter(0);
  EXPECT_EQ(Insert(*database).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(disk.power_is_off());
  EXPECT_EQ(Open(disk).status().code(), absl::StatusCode::kUnavailable);

  disk.PowerCut(1);
  EXPECT_FALSE(disk.power_is_off());
  const int64_t before = disk.operations();
  EXPECT_EQ(Insert(*database).code(), absl::StatusCode::kUnavailable);
  database = nullptr;
  EXPECT_EQ(disk.operations(), before) << "a dead connection changes nothing";
  EXPECT_EQ(Rows(disk), 3);
}

TEST(SimulatedDiskTest, AKilledProcessLosesNothingAndHoldsNoLock) {
  SimulatedDisk disk;
  auto database = *Open(disk);
  ASSERT_EQ(database->Execute("PRAGMA synchronous=OFF"), absl::OkStatus());
  ASSERT_EQ(Insert(*database, 3), absl::OkStatus());
  auto held = sqlite::Transaction::Begin(*database);
  ASSERT_TRUE(held.ok());
  ASSERT_EQ(Insert(*database), absl::OkStatus());
  disk.Kill("/other");
  EXPECT_EQ(Insert(**Open(disk)).code(), absl::StatusCode::kUnavailable) << "is held";
  disk.Kill("/state");
  const auto next = *Open(disk);
  EXPECT_EQ(Insert(*next), absl::OkStatus());
  EXPECT_EQ(held->Commit().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Rows(disk), 4);
}

TEST(SimulatedDiskTest, TwoConnectionsSeeEachOthersCommits) {
  SimulatedDisk disk;
  const auto one = *Open(disk);
  const auto two = *Open(disk);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(Insert(i % 2 == 0 ? *one : *two), absl::OkStatus());
    auto count = (i % 2 == 0 ? *two : *one).Prepare("SELECT count(*) FROM reading");
    ASSERT_TRUE(count->Step().value_or(false));
    ASSERT_EQ(count->Int(0), i + 1);
  }
  const auto held = sqlite::Transaction::Begin(*one);
  EXPECT_EQ(Insert(*two).code(), absl::StatusCode::kUnavailable);
}

TEST(SimulatedDiskTest, TheNthCallFailsOrAllFromThereOn) {
  SimulatedDisk disk;
  const auto database = *Open(disk);
  disk.Inject({.call = DiskCall::kSync, .nth = 2});
  EXPECT_EQ(Insert(*database), absl::OkStatus());
  EXPECT_EQ(Insert(*database).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Insert(*database), absl::OkStatus());

  disk.Inject({.call = DiskCall::kWrite, .lasting = true, .path_ends_with = "-wal"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Insert(*database).code(), absl::StatusCode::kUnavailable);
  }
  disk.Heal();
  EXPECT_EQ(Insert(*database), absl::OkStatus());
  EXPECT_EQ(Rows(disk), 3);
}

TEST(SimulatedDiskTest, AFullDiskSaysSoAndTakesMoreOnceThereIsRoom) {
  SimulatedDisk disk;
  const auto database = *Open(disk);
  int64_t used = 0;
  for (const auto& file : disk.Files()) used += file.size;
  disk.SetCapacity(used + 40000);
  EXPECT_EQ(*disk.FreeBytes(kPath), 40000);
  absl::Status status;
  int64_t rows = 0;
  while ((status = Insert(*database)).ok()) ++rows;
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("full"));
  EXPECT_LT(*disk.FreeBytes(kPath), 5000);
  disk.SetCapacity(std::nullopt);
  EXPECT_EQ(Insert(*database), absl::OkStatus());
  EXPECT_EQ(Rows(disk), rows + 1);
}

TEST(SimulatedDiskTest, CallsOfTheFileSystemFailAsUnavailableWithThePath) {
  SimulatedDisk disk;
  disk.SetContent("/state/a", "a");
  for (const DiskCall call : {DiskCall::kOpen, DiskCall::kCreate, DiskCall::kRename,
                              DiskCall::kRemove, DiskCall::kSyncDirectory}) {
    disk.Inject({.call = call});
  }
  const auto expect = [](const absl::Status& status, const char* path) {
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(status.message()), HasSubstr(path));
  };
  expect(disk.CreateIfMissing("/state/b"), "/state/b");
  expect(disk.CreateIfMissing("/state/b"), "/state/b");
  expect(disk.Rename("/state/a", "/state/c"), "/state/a");
  expect(disk.Remove("/state/a"), "/state/a");
  expect(disk.SyncDirectoryOf("/state/a"), "/state/a");
  expect(disk.Rename("/state/none", "/state/c"), "/state/none");
  EXPECT_EQ(disk.Remove("/state/none"), absl::OkStatus());
  EXPECT_TRUE(disk.Exists("/state/a"));
  EXPECT_FALSE(disk.Exists("/state/b"));
}

}  // namespace
}  // namespace fieldgate
