// Recovery on a disk that fails, is short of space or loses power.
#include <gmock/gmock.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/recovery_fixture.h"
#include "common/testing/simulated_disk.h"

namespace fieldgate::sqlite {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class RecoveryFaultTest : public RecoveryFixture {
 protected:
  // The database that is on `disk` now becomes the one of the directory.
  void TakeFrom(const SimulatedDisk& disk) {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    ASSERT_EQ(disk.CopyTo(dir_), absl::OkStatus());
  }

  // A database on disk_ whose damage takes none of its rows, which are returned.
  Rows MakeDamaged() {
    Rows all = Make();
    std::string bytes = ReadAll(path_);
    bytes[20] = 77;
    disk_.SetContent(path_, bytes);
    return all;
  }

  absl::StatusOr<std::optional<Recovery>> Start() {
    RecoveryRules rules = Rules();
    rules.options.disk = &disk_;
    now_ += absl::Seconds(1);
    return RecoverIfDamaged(path_, rules, now_);
  }

  // The next start recovers all rows.
  void ExpectAllIsSaved(const Rows& all) {
    const auto recovery = Start();
    ASSERT_TRUE(recovery.ok() && recovery->has_value()) << recovery.status();
    TakeFrom(disk_);
    ASSERT_THAT(Missing(all), IsEmpty());
  }

  // A start that the disk ends between the old database and the new one.
  void EndBetweenNames() {
    disk_.Inject({.call = DiskCall::kRename, .path_ends_with = ".salvage"});
    ASSERT_TRUE(absl::IsUnavailable(Start().status()));
    ASSERT_FALSE(disk_.Exists(path_));
    ASSERT_TRUE(disk_.Exists(path_ + ".salvage"));
  }

  SimulatedDisk disk_;
};

// Somebody else's file, which can't be read (and not even by root).
class ForeignDisk : public Disk {
 public:
  const char* Vfs() const override { return RealDisk().Vfs(); }
  absl::Status CreateIfMissing(const std::string& p) override {
    return RealDisk().CreateIfMissing(p);
  }
  bool Exists(const std::string& p) override { return RealDisk().Exists(p); }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (renames_left_-- == 0) return absl::UnavailableError("power cut");
    return RealDisk().Rename(from, to);
  }
  absl::Status Remove(const std::string& p) override { return RealDisk().Remove(p); }
  absl::Status SyncDirectoryOf(const std::string& p) override {
    return RealDisk().SyncDirectoryOf(p);
  }
  absl::StatusOr<FileIdentity> Identify(const std::string& p) override {
    if (!foreign_ || !Exists(p)) return RealDisk().Identify(p);
    FileIdentity identity;
    identity.kind = FileIdentity::Kind::kUnusable;
    return identity;
  }
  absl::StatusOr<int64_t> FreeBytes(const std::string& p) override {
    return free_bytes_ >= 0 ? absl::StatusOr<int64_t>(free_bytes_) : RealDisk().FreeBytes(p);
  }

  bool foreign_ = false;
  int renames_left_ = 1 << 20;
  int64_t free_bytes_ = -1;
};

TEST_F(RecoveryFaultTest, AFileThatMayNotBeReadIsPutAsideUnread) {
  Make();
  const std::string before = ReadAll(path_);
  ForeignDisk disk;
  disk.foreign_ = true;
  RecoveryRules rules = Rules();
  rules.options.disk = &disk;
  const absl::StatusOr<std::optional<Recovery>> recovery = RecoverIfDamaged(path_, rules, now_);
  ASSERT_TRUE(recovery.ok() && recovery->has_value()) << recovery.status();
  EXPECT_EQ(ReadAll(dir_ + "/" + (*recovery)->put_aside), before);
  EXPECT_THAT((*recovery)->why, HasSubstr("may not read"));
  const std::unique_ptr<Database> database = OpenDatabase();
  EXPECT_EQ(ReadInt(*database, "SELECT count(*) FROM item"), 0);
}

TEST_F(RecoveryFaultTest, OnAShortDiskBulkIsCopiedLastAndInPart) {
  const Rows all = Make();
  ZeroPage(1);
  ForeignDisk disk;
  disk.free_bytes_ = (8 << 20) + 30'000;
  RecoveryRules rules = Rules();
  rules.options.disk = &disk;
  rules.rows.bulk = [](absl::string_view table) { return table == "item"; };
  const auto recovery = RecoverIfDamaged(path_, rules, now_);
  ASSERT_TRUE(recovery.ok() && recovery->has_value()) << recovery.status();
  EXPECT_THAT((*recovery)->effect, HasSubstr("no space"));
  Rows missing = Missing(all);
  EXPECT_FALSE(missing["item"].empty());
  EXPECT_LT(missing["item"].size(), all.at("item").size());
  missing.erase("item");
  EXPECT_THAT(missing, IsEmpty()) << "small tables are whole";
}

TEST_F(RecoveryFaultTest, RowsThatFillPagesBadlyAreCopiedAsFarAsTheDiskHasRoom) {
  {
    const std::unique_ptr<Database> database = OpenDatabase();
    // 20 MB, in pages of 4 KiB 33 MB.
    Exec(*database,
         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)"
         " INSERT INTO item (id, label, body) SELECT i, 'item', zeroblob(2500) FROM n");
  }
  ZeroPage(1);
  const std::string damaged = ReadAll(path_);
  disk_.SetContent(path_, damaged);
  disk_.SetCapacity(static_cast<int64_t>(damaged.size()) + (29 << 20));
  RecoveryRules rules = Rules();
  rules.options.disk = &disk_;
  rules.options.page_size = 4096;
  rules.rows.bulk = [](absl::string_view table) { return table == "item"; };
  const auto recovery = RecoverIfDamaged(path_, rules, now_);
  ASSERT_TRUE(recovery.ok() && recovery->has_value()) << recovery.status();
  EXPECT_THAT((*recovery)->effect, HasSubstr("no space"));
  EXPECT_GT((*recovery)->rows_saved, 4'000u);
}

TEST_F(RecoveryFaultTest, WithLessThanIsReservedTheSmallTablesAreWhole) {
  Rows all = Make();
  ZeroPage(1);
  ForeignDisk disk;
  disk.free_bytes_ = 0;
  RecoveryRules rules = Rules();
  rules.options.disk = &disk;
  rules.rows.bulk = [](absl::string_view table) { return table == "item"; };
  const auto recovery = RecoverIfDamaged(path_, rules, now_);
  ASSERT_TRUE(recovery.ok() && recovery->has_value()) << recovery.status();
  EXPECT_THAT((*recovery)->effect, HasSubstr("no space"));
  const Rows missing = Missing(all);
  EXPECT_EQ(missing, (Rows{{"item", all["item"]}}));
}

// A cut after any of the renames: the next start goes on, and nothing is lost.
TEST_F(RecoveryFaultTest, ACutInTheMiddleIsMadeUpForByTheNextStart) {
  const Rows all = Make();
  std::string damaged = ReadAll(path_);
  damaged[20] = 77;  // the header, so that no row is lost
  for (int cut = 0; cut < 20; ++cut) {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    WriteAll(path_, damaged);
    WriteAll(path_ + "-wal", "");
    ForeignDisk disk;
    disk.renames_left_ = cut;
    RecoveryRules rules = Rules();
    rules.options.disk = &disk;
    const auto first = RecoverIfDamaged(path_, rules, now_);
    if (!first.ok()) {
      const auto second = Recover();
      ASSERT_TRUE(second.ok()) << second.status();
      ASSERT_TRUE(second->has_value());
    }
    EXPECT_THAT(Missing(all), IsEmpty()) << "cut at rename " << cut;
    EXPECT_EQ(ListRecoveries(RealDisk(), path_).size(), 1u);
    EXPECT_FALSE(std::filesystem::exists(path_ + ".salvage"));
    if (first.ok() && disk.renames_left_ > 0) return;  // there was no cut
  }
  FAIL() << "never came to the end";
}

// As often as a salvage may end the process, however much of it the disk has room for.
TEST_F(RecoveryFaultTest, ADiskThatIsFullForManyStartsCostsNoRows) {
  const Rows all = MakeDamaged();
  const std::string damaged = *disk_.Content(path_);
  // In small steps, so that one leaves no room for the journal.
  for (int64_t room = 4'000; room < 40'000; room += room < 9'000 ? 100 : 5'000) {
    SCOPED_TRACE(room);
    for (const auto& [path, size] : disk_.Files()) ASSERT_TRUE(disk_.Remove(path).ok());
    disk_.SetContent(path_, damaged);
    disk_.SetCapacity(static_cast<int64_t>(damaged.size()) + room);
    for (int start = 0; start < 4; ++start) {
      EXPECT_TRUE(absl::IsUnavailable(Start().status()));
      EXPECT_EQ(*disk_.Content(path_), damaged);
    }
    disk_.SetCapacity(std::nullopt);
    ASSERT_NO_FATAL_FAILURE(ExpectAllIsSaved(all));
  }
}

// Wherever it fails.
TEST_F(RecoveryFaultTest, ADiskThatFailsInManyStartsCostsNoRows) {
  const Rows all = MakeDamaged();
  const std::string damaged = *disk_.Content(path_);
  for (const DiskCall call : {DiskCall::kOpen, DiskCall::kSync, DiskCall::kRename,
                              DiskCall::kRemove, DiskCall::kSyncDirectory}) {
    bool failed = true;
    for (int64_t nth = 1; failed; ++nth) {
      SCOPED_TRACE(absl::StrCat("call ", static_cast<int>(call), ", the ", nth, "th"));
      for (const auto& [path, size] : disk_.Files()) ASSERT_TRUE(disk_.Remove(path).ok());
      disk_.SetContent(path_, damaged);
      failed = false;
      for (int start = 0; start < 4; ++start) {
        disk_.Inject({.call = call, .nth = nth});
        failed |= !Start().ok();
        disk_.Heal();
      }
      ASSERT_TRUE(Start().ok());
      TakeFrom(disk_);
      ASSERT_THAT(Missing(all), IsEmpty());
    }
  }
}

TEST_F(RecoveryFaultTest, AStopEndsASalvageAndDoesNotCount) {
  const Rows all = MakeDamaged();
  sigset_t stop;
  sigset_t former;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, &former);
  kill(getpid(), SIGTERM);
  for (int start = 0; start < 5; ++start) EXPECT_TRUE(absl::IsUnavailable(Start().status()));
  const timespec now = {0, 0};
  EXPECT_EQ(sigtimedwait(&stop, nullptr, &now), SIGTERM);
  pthread_sigmask(SIG_SETMASK, &former, nullptr);
  ExpectAllIsSaved(all);
}

TEST_F(RecoveryFaultTest, ABadSectorIsFoundByTheStartAndCostsItsRowsOnly) {
  const Rows all = Make();
  disk_.SetContent(path_, ReadAll(path_));
  disk_.Inject({.call = DiskCall::kRead, .lasting = true, .path_ends_with = "test.db", .at = 9000});
  const auto recovery = Start();
  ASSERT_TRUE(recovery.ok() && recovery->has_value()) << recovery.status();
  TakeFrom(disk_);
  size_t missing = 0;
  for (const auto& [table, rows] : Missing(all)) missing += rows.size();
  EXPECT_LT(missing, 30u);
}

TEST_F(RecoveryFaultTest, ALogThatCantBeOpenedNowIsNotLeftOut) {
  std::string db;
  std::string log;
  {
    const std::unique_ptr<Database> database = OpenDatabase();
    Fill(*database);
    db = ReadAll(path_);
    log = ReadAll(path_ + "-wal");
  }
  // By the check, by SQLite itself, or by the salvage.
  for (int64_t nth = 1; nth <= 4; ++nth) {
    SCOPED_TRACE(nth);
    for (const auto& [path, size] : disk_.Files()) ASSERT_TRUE(disk_.Remove(path).ok());
    disk_.SetContent(path_, db);
    disk_.SetContent(path_ + "-wal", log);
    ASSERT_EQ(NoteDamage(disk_, path_, "so that it is salvaged"), absl::OkStatus());
    disk_.Inject({.call = DiskCall::kOpen, .nth = nth, .path_ends_with = "test.db-wal"});
    const auto recovery = Start();
    disk_.Heal();
    if (!recovery.ok()) {
      EXPECT_TRUE(absl::IsUnavailable(recovery.status()));
      ASSERT_TRUE(Start().ok());
    }
    TakeFrom(disk_);
    EXPECT_EQ(ReadInt(*OpenDatabase(), "SELECT count(*) FROM item"), 80);
  }
}

TEST_F(RecoveryFaultTest, BetweenTwoNamesAJournalThatCantBeReadIsWaitedFor) {
  const Rows all = MakeDamaged();
  EndBetweenNames();
  for (const DiskCall call : {DiskCall::kOpen, DiskCall::kRead}) {
    disk_.Inject({.call = call, .path_ends_with = ".recoveries"});
    EXPECT_TRUE(absl::IsUnavailable(Start().status()));
  }
  ExpectAllIsSaved(all);
}

TEST_F(RecoveryFaultTest, ACutWhileAMissingDatabaseIsMadeUpForLeavesNoneThatIsHalfDone) {
  RecoveryRules rules = Rules();
  rules.missing_is_damaged = true;
  rules.mend = [](Database& database, const Salvaged&, Recovery&) {
    return database.Execute("INSERT INTO numbered (text) VALUES ('what must be there')");
  };
  // Without a note that it is under way nothing is begun.
  rules.options.disk = &disk_;
  disk_.Inject({.call = DiskCall::kWrite, .path_ends_with = ".recoveries.new"});
  EXPECT_TRUE(absl::IsUnavailable(RecoverIfDamaged(path_, rules, now_).status()));
  EXPECT_FALSE(disk_.Exists(path_ + ".salvage"));
  for (int64_t cut = 0;; ++cut) {
    SimulatedDisk disk(static_cast<uint64_t>(cut));
    rules.options.disk = &disk;
    // Of a recovery before.
    ASSERT_EQ(RecoveryJournal().Save(disk, path_ + ".recoveries"), absl::OkStatus());
    disk.CutPowerAfter(cut);
    const bool done = RecoverIfDamaged(path_, rules, now_).ok();
    const std::unique_ptr<SimulatedDisk> image = disk.Image(static_cast<uint64_t>(cut));
    rules.options.disk = image.get();
    ASSERT_TRUE(RecoverIfDamaged(path_, rules, now_).ok()) << "cut after " << cut;
    TakeFrom(*image);
    EXPECT_EQ(ReadInt(*OpenDatabase(), "SELECT count(*) FROM numbered"), 1) << "cut after " << cut;
    if (done) break;
  }
}

TEST_F(RecoveryFaultTest, BetweenTwoNamesADamagedJournalLosesNoRow) {
  const Rows all = MakeDamaged();
  EndBetweenNames();
  disk_.SetContent(path_ + "-wal", "of the damaged database");
  disk_.SetContent(path_ + ".recoveries", "garbage");
  const auto recovery = Start();
  ASSERT_TRUE(recovery.ok()) << recovery.status();
  TakeFrom(disk_);
  EXPECT_THAT(Missing(all), IsEmpty());
}

TEST_F(RecoveryFaultTest, AJournalThatCantBeReadEndsNoStartAndIsKept) {
  const Rows all = MakeDamaged();
  ASSERT_TRUE(Start().ok());
  const std::string journal = *disk_.Content(path_ + ".recoveries");
  disk_.Inject({.call = DiskCall::kRead, .lasting = true, .path_ends_with = ".recoveries"});
  EXPECT_FALSE(Start()->has_value()) << "the database is sound";
  EXPECT_TRUE(absl::IsUnavailable(MarkTold(disk_, path_)));
  EXPECT_EQ(*disk_.Content(path_ + ".recoveries"), journal);

  ASSERT_EQ(NoteDamage(disk_, path_, "again"), absl::OkStatus());
  const auto recovery = Start();
  ASSERT_TRUE(recovery.ok() && recovery->has_value()) << recovery.status();
  bool kept = false;
  for (const auto& [path, size] : disk_.Files()) {
    kept |= absl::StrContains(path, ".recoveries.damaged-") && *disk_.Content(path) == journal;
  }
  EXPECT_TRUE(kept);
  TakeFrom(disk_);
  EXPECT_THAT(Missing(all), IsEmpty());
}

TEST_F(RecoveryFaultTest, ASalvageThatWasCutOffThreeTimesIsNotTriedAgain) {
  Make();
  ZeroPage(3);
  RecoveryJournal journal;
  journal.unfinished = 3;
  ASSERT_EQ(journal.Save(RealDisk(), path_ + ".recoveries"), absl::OkStatus());
  const Recovery recovery = Recovered();
  EXPECT_EQ(recovery.rows_saved, 0u);
  EXPECT_EQ(PutAside().size(), 1u);
  EXPECT_NE(OpenDatabase(), nullptr);
}

}  // namespace
}  // namespace fieldgate::sqlite
