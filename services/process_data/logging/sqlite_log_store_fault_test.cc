// PD-38, PD-39: factory resets, full disks, damaged files, kills, versions.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "services/process_data/logging/sqlite_log_store_fixture.h"

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SqliteLogStoreFaultTest : public SqliteLogStoreFixture {};

TEST_F(SqliteLogStoreFaultTest, TheFirstEpochIsKeptInMindAndAnotherOneForgetsEverything) {
  Configure({"A"});
  ASSERT_TRUE(Append({Record("A"), Record("A")}).ok());
  EXPECT_FALSE(*store_->AdoptEpoch(5));
  EXPECT_FALSE(*store_->AdoptEpoch(5));
  Reopen();
  EXPECT_FALSE(*store_->AdoptEpoch(5));
  EXPECT_THAT(Ids("A"), ElementsAre(1, 2));
  EXPECT_TRUE(*store_->AdoptEpoch(6));
  EXPECT_THAT(store_->Logs(), IsEmpty());
  EXPECT_EQ(Query("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'record%'"), "0\n");
  EXPECT_EQ(Query("SELECT name FROM log UNION SELECT path FROM layout_point"), "");
  Reopen();
  EXPECT_FALSE(*store_->AdoptEpoch(6));
  // config_store has lost its file; the next reset counts all the same.
  EXPECT_FALSE(*store_->AdoptEpoch(0));
  EXPECT_TRUE(*store_->AdoptEpoch(1));
  Configure({"A"});
  EXPECT_THAT(*Append({Record("A")}), ElementsAre(3)) << "a reader's place stays behind";
}

TEST_F(SqliteLogStoreFaultTest, AFullDiskChangesNothingAndTheSameCallWorksLater) {
  Configure({"A"});
  ASSERT_TRUE(Append({Record("A")}).ok());
  {
    const FullDisk full(100'000);
    absl::Status status;
    for (int i = 0; i < 200 && status.ok(); ++i) {
      status = Append({Record("A", std::string(900, 'x'))}).status();
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("recording: "));
    EXPECT_EQ(Ids("A").back(), Stored("A").last_id) << "it can be read";
  }
  const int64_t last = Stored("A").last_id;
  EXPECT_THAT(*Append({Record("A")}), ElementsAre(last + 1));
  Reopen();
  EXPECT_EQ(static_cast<int64_t>(Ids("A").size()), last + 1);
}

TEST_F(SqliteLogStoreFaultTest, AFactoryResetOnAFullDiskChangesNothing) {
  Configure({"A"});
  ASSERT_FALSE(*store_->AdoptEpoch(1));
  ASSERT_TRUE(Append({Record("A")}).ok());
  {
    const FullDisk full(std::filesystem::file_size(path_ + "-wal"));
    EXPECT_EQ(store_->AdoptEpoch(2).status().code(), absl::StatusCode::kUnavailable);
  }
  Reopen();
  EXPECT_THAT(Ids("A"), ElementsAre(1));
  EXPECT_TRUE(*store_->AdoptEpoch(2));
}

TEST_F(SqliteLogStoreFaultTest, AFileThatCantBeOpenedIsTriedAgain) {
  store_.reset();
  std::filesystem::remove_all(std::filesystem::path(path_).parent_path());
  Reopen();
  EXPECT_EQ(store_->Configure({{"A", {.max_bytes = kMegabyte}}}).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(Append({Record("A")}).status().code(), absl::StatusCode::kUnavailable);
  std::filesystem::create_directory(std::filesystem::path(path_).parent_path());
  EXPECT_THAT(*Append({Record("A")}), ElementsAre(1)) << "with the logs configured before";
}

TEST_F(SqliteLogStoreFaultTest, AFileThatIsNoDatabaseIsToldOfOnceAndLeftAlone) {
  int told = 0;
  on_damage_ = [&told](const absl::Status&) { ++told; };
  store_.reset();
  std::ofstream(path_) << std::string(20'000, 'x');
  Reopen();
  EXPECT_EQ(told, 1) << "at once";
  EXPECT_EQ(store_->Configure({{"A", {.max_bytes = kMegabyte}}}).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(Append({Record("A")}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store_->AdoptEpoch(1).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store_->Read("A", All()).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(std::filesystem::file_size(path_), 20'000u);
}

TEST_F(SqliteLogStoreFaultTest, TheFileIsNotTouchedBeforeItIsPrepared) {
  store_.reset();
  std::filesystem::remove(path_);
  absl::Status ready = absl::UnavailableError("half done");
  int asked = 0;
  store_ = MakeSqliteLogStore(path_, /*disk=*/nullptr, on_damage_, [&] {
    ++asked;
    return ready;
  });
  EXPECT_EQ(Append({Record("A")}).status(), ready);
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(asked, 2) << "at once and by each call";
  ready = absl::OkStatus();
  Configure({"A"});
  EXPECT_THAT(*Append({Record("A")}), ElementsAre(1));
  EXPECT_EQ(asked, 3);
}

TEST_F(SqliteLogStoreFaultTest, ADamagedRecordOnASoundPageIsTheReadersAlone) {
  int told = 0;
  on_damage_ = [&told](const absl::Status&) { ++told; };
  Reopen();
  Configure({"A"});
  ASSERT_TRUE(Append({Record("A"), Record("A"), Record("A")}).ok());
  Query("UPDATE record_1 SET content = x'ff' WHERE id = 2");
  EXPECT_EQ(store_->Read("A", All()).status().code(), absl::StatusCode::kDataLoss);
  LogQuery behind = All();
  behind.after_id = 2;
  EXPECT_THAT(Ids("A", behind), ElementsAre(3));
  EXPECT_THAT(*Append({Record("A")}), ElementsAre(4));
  EXPECT_EQ(told, 0);
}

TEST_F(SqliteLogStoreFaultTest, ANewerFileIsLeftAlone) {
  store_.reset();
  ASSERT_TRUE((*sqlite::Database::Open(path_))->Execute("PRAGMA user_version=99").ok());
  Reopen();
  EXPECT_EQ(Append({Record("A")}).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Query("PRAGMA user_version"), "99\n");
}

TEST_F(SqliteLogStoreFaultTest, AFileOfTheFirstVersionIsOpened) {
  OpenVersion1();
  const absl::StatusOr<LogRecords> read = store_->Read("Energy", All());
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_THAT(read->records, SizeIs(2));
  EXPECT_EQ(read->records[0].id, 4);
  EXPECT_THAT(read->layouts[0].paths, ElementsAre("/Process/Bus1/Meter/Voltage", "/Process/PV/V"));
  EXPECT_EQ(read->records[1].values.kinds, (std::string{1, 5}));
  EXPECT_THAT(read->records[1].values.texts, ElementsAre("on"));
  EXPECT_EQ(Stored("Energy").dropped, 3u);
  EXPECT_FALSE(*store_->AdoptEpoch(7));
  EXPECT_THAT(Ids("Old"), ElementsAre(1));
}

TEST_F(SqliteLogStoreFaultTest, AKilledProcessLeavesWholeTransactions) {
  Configure({"A", "B"}, 20'000);
  store_.reset();
  const pid_t child = fork();
  if (child == 0) {
    Reopen();
    Configure({"A", "B"}, 20'000);
    for (;;) Append({Record("A", std::string(300, 'x')), Record("B")}).IgnoreError();
  }
  // Some evictions later, wherever it is just then.
  ASSERT_TRUE(Eventually(absl::Seconds(30), [this] {
    return std::filesystem::exists(path_ + "-wal") &&
           std::filesystem::file_size(path_ + "-wal") > 3'000'000;
  }));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  Reopen();
  EXPECT_EQ(Stored("A").last_id, Stored("B").last_id);
  for (const char* name : {"A", "B"}) {
    const StoredLog log = Stored(name);
    const std::vector<int64_t> ids = Ids(name);
    ASSERT_EQ(ids.size(), log.records);
    EXPECT_EQ(ids.front(), log.first_id);
    EXPECT_EQ(ids.back(), log.last_id);
    EXPECT_EQ(ids.back() - ids.front() + 1, static_cast<int64_t>(ids.size()));
  }
  EXPECT_GT(Stored("A").dropped, 0u);
  clock_.Advance(absl::Hours(25));
  ASSERT_TRUE(store_->Evict(NowOf(clock_)).ok());
  EXPECT_EQ(Stored("A").records, 0u);
  EXPECT_EQ(Stored("A").bytes, 0u) << "they were counted exactly";
}

}  // namespace
}  // namespace fieldgate::process_data
