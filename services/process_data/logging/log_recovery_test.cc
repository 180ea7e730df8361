#include "services/process_data/logging/log_recovery.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/sqlite/disk.h"
#include "common/testing/simulated_disk.h"
#include "services/process_data/logging/sqlite_log_store_fixture.h"

namespace fieldgate::process_data {
namespace {

using testing::HasSubstr;

constexpr size_t kPage = 4096;

class LogRecoveryTest : public SqliteLogStoreFixture {
 protected:
  std::string Bytes() const {
    std::ifstream file(path_, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  }
  void Write(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }
  std::optional<sqlite::Recovery> Recover() {
    absl::StatusOr<std::optional<sqlite::Recovery>> recovery =
        RecoverLogs(path_, sqlite::RealDisk(), clock_.WallNow());
    EXPECT_TRUE(recovery.ok()) << recovery.status();
    return recovery.ok() ? *recovery : std::nullopt;
  }
  // A page full of A's records, in place as a disk does it.
  void DamageRecords() const {
    const size_t at = Bytes().find(std::string(100, 'x'));
    ASSERT_NE(at, std::string::npos);
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at / kPage * kPage));
    file << std::string(kPage, '\xee');
  }
  size_t FilesPutAside() const {
    size_t files = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(path_).parent_path())) {
      const std::string name = entry.path().filename();
      files +=
          name.find(".damaged-") != std::string::npos && name.find("-wal") == std::string::npos;
    }
    return files;
  }
  // 600 records of A and one of B, all of them in the file.
  void Fill() {
    Configure({"A", "B"});
    ASSERT_TRUE(Append(std::vector<NewRecord>(600, Record("A", std::string(100, 'x')))).ok());
    ASSERT_TRUE(Append({Record("B")}).ok());
    store_.reset();
  }
};

TEST_F(LogRecoveryTest, OfEachZeroedPageOnlyItsRecordsAreLost) {
  Fill();
  const std::string sound = Bytes();
  ASSERT_GT(sound.size() / kPage, 20u);
  int meaningless = 0;
  for (size_t page = 0; page < sound.size() / kPage; ++page) {
    SCOPED_TRACE(absl::StrCat("page ", page + 1));
    std::string bytes = sound;
    bytes.replace(page * kPage, kPage, kPage, '\0');
    for (const char* suffix : {"-wal", "-shm", ".recoveries"}) {
      std::filesystem::remove(path_ + suffix);
    }
    Write(bytes);
    clock_.Advance(absl::Seconds(1));
    const auto recovery = Recover();
    Reopen();
    Configure({"A", "B"});
    const StoredLog a = Stored("A");
    const auto appended = Append({Record("A"), Record("B")});
    ASSERT_TRUE(appended.ok()) << appended.status();
    // Ids go on above all that were given, whatever is lost.
    EXPECT_GT((*appended)[0], 600);
    EXPECT_GT((*appended)[1], 1);
    const size_t left = Ids("A").size();
    if (recovery.has_value() && a.last_id == 600) {
      EXPECT_EQ(a.dropped, 601 - left) << "what is lost counts as dropped";
    }
    // A page has less than 40; but without the names of logs or of their points
    // records mean nothing.
    if (left < 560) ++meaningless;
    store_.reset();
  }
  EXPECT_LE(meaningless, 4) << "log, its index, layout, layout_point";
}

TEST_F(LogRecoveryTest, ASoundFileStaysAsItIs) {
  Fill();
  EXPECT_FALSE(Recover().has_value());
}

TEST_F(LogRecoveryTest, OfADamagedHeaderNothingIsLost) {
  Fill();
  std::string bytes = Bytes();
  bytes[20] = 5;
  Write(bytes);
  const auto recovery = Recover();
  ASSERT_TRUE(recovery.has_value());
  EXPECT_THAT(recovery->effect, HasSubstr("2 logs go on, 0 of their records are lost"));
  Reopen();
  EXPECT_EQ(Ids("A").size(), 600u);
  EXPECT_EQ(Ids("B").size(), 1u);
  EXPECT_EQ(Query("SELECT count(*) FROM span"), "2\n");
  Configure({"A", "B"});
  EXPECT_THAT(*Append({Record("A")}), testing::ElementsAre(601));
}

TEST_F(LogRecoveryTest, OnAShortDiskRecordsAreLeftOutButNoLogIs) {
  Fill();
  std::string bytes = Bytes();
  bytes[20] = 5;
  SimulatedDisk disk;
  disk.SetContent(path_, bytes);
  disk.SetCapacity(2 << 20);  // less than is left to the service
  const auto recovery = RecoverLogs(path_, disk, clock_.WallNow());
  ASSERT_TRUE(recovery.ok() && recovery->has_value()) << recovery.status();
  EXPECT_THAT((*recovery)->effect, HasSubstr("2 logs go on"));
  EXPECT_THAT((*recovery)->effect, HasSubstr("no space"));
}

TEST_F(LogRecoveryTest, WhatIsSavedIsFoundByItsTimeThoughTheEndIsLost) {
  Fill();
  ASSERT_TRUE(
      (*sqlite::Database::Open(path_))->Execute("DELETE FROM record_1 WHERE id > 500").ok());
  ASSERT_TRUE(sqlite::NoteDamage(sqlite::RealDisk(), path_, "the end is missing").ok());
  ASSERT_TRUE(Recover().has_value());
  Reopen();
  LogQuery query = All();
  query.from = clock_.WallNow() - absl::Seconds(1);
  EXPECT_EQ(Ids("A", query).size(), 500u);
  query.newest_first = true;
  EXPECT_EQ(Ids("A", query).size(), 500u);
}

TEST_F(LogRecoveryTest, DamageThatIsFoundWhileRunningIsSalvagedAtTheNextStart) {
  Fill();
  int told = 0;
  on_damage_ = [&](const absl::Status& why) {
    EXPECT_TRUE(absl::IsDataLoss(why)) << why;
    ++told;
  };
  size_t left = 600;
  for (int round = 1; round <= 2; ++round) {
    Reopen();
    DamageRecords();
    // No reader takes the rest of the log for damaged, and skips it.
    EXPECT_EQ(store_->Read("A", All()).status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(told, round);
    EXPECT_EQ(Append({Record("B")}).status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(told, round);
    store_.reset();

    ASSERT_TRUE(Recover().has_value());
    EXPECT_EQ(FilesPutAside(), static_cast<size_t>(round)) << "none is ever replaced";
    Reopen();
    const size_t before = left;
    left = Ids("A").size();
    EXPECT_LT(left, before);
    EXPECT_GE(left + 40, before) << "what is on sound pages is saved";
    EXPECT_EQ(Stored("A").dropped, 599 + round - left) << "one was added between";
    Configure({"A", "B"});
    EXPECT_TRUE(Append({Record("A"), Record("B")}).ok());
    store_.reset();
    EXPECT_FALSE(Recover().has_value()) << "the file is sound";
    ++left;
  }
}

TEST_F(LogRecoveryTest, WithoutAnybodyToTellOnlyWhatIsDamagedFails) {
  Fill();
  Reopen();
  DamageRecords();
  EXPECT_EQ(store_->Read("A", All()).status().code(), absl::StatusCode::kDataLoss);
  LogQuery behind = All();
  behind.after_id = 500;
  EXPECT_EQ(Ids("A", behind).size(), 100u);
  EXPECT_EQ(Ids("B").size(), 1u);
  Configure({"A", "B"});
  EXPECT_TRUE(Append({Record("B")}).ok());
  EXPECT_EQ(FilesPutAside(), 0u);
}

TEST_F(LogRecoveryTest, AFileOfGarbageBeginsWithHighIds) {
  Fill();
  Write(std::string(10'000, 'x'));
  ASSERT_TRUE(Recover().has_value());
  Reopen();
  Configure({"A"});
  EXPECT_GT((*Append({Record("A")}))[0], 1'700'000'000);
}

TEST_F(LogRecoveryTest, IdsAreHighAlsoWhileTheClockIsNotSet) {
  Fill();
  Write(std::string(10'000, 'x'));
  clock_.SetWall(absl::FromUnixSeconds(60));
  ASSERT_TRUE(Recover().has_value());
  Reopen();
  Configure({"A"});
  EXPECT_THAT(*Append({Record("A")}), testing::ElementsAre(1'577'836'801));
}

}  // namespace
}  // namespace fieldgate::process_data
