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
  constexpr size_t kPage = 4096;
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
