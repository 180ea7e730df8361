// PD-33 to PD-35, PD-37: records on a real file.
#include "services/process_data/logging/sqlite_log_store.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "services/process_data/logging/sqlite_log_store_fixture.h"

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SqliteLogStoreTest : public SqliteLogStoreFixture {};

TEST_F(SqliteLogStoreTest, RecordsAreThereAfterARestartWithTheirPointsAndTimes) {
  Configure({"A", "B"});
  EXPECT_THAT(*Append({Record("A", "one"), Record("B"), Record("A", "two")}), ElementsAre(1, 1, 2));
  const StoredLog before = Stored("A");
  Reopen();
  const absl::StatusOr<LogRecords> read = store_->Read("A", All());
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_THAT(read->layouts, SizeIs(1));
  EXPECT_THAT(read->layouts[0].names, ElementsAre("V"));
  EXPECT_THAT(read->layouts[0].paths, ElementsAre("/Process/PV/V"));
  ASSERT_THAT(read->records, SizeIs(2));
  EXPECT_EQ(read->records[1].id, 2);
  EXPECT_EQ(read->records[1].recorded_at, clock_.WallNow());
  EXPECT_THAT(read->records[1].values.texts, ElementsAre("two"));
  EXPECT_EQ(read->records[1].values.states, std::string(1, 2));
  EXPECT_FALSE(read->more);
  EXPECT_EQ(Stored("A").records, 2u);
  EXPECT_EQ(Stored("A").bytes, before.bytes);
  EXPECT_EQ(Stored("A").last_recorded_at, clock_.WallNow());
}

TEST_F(SqliteLogStoreTest, TheFileIsForItsOwnerOnly) {
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(SqliteLogStoreTest, IdsGoOnAfterARestartAlsoWhenAllRecordsWereEvicted) {
  Configure({"A"});
  ASSERT_TRUE(Append({Record("A"), Record("A")}).ok());
  clock_.Advance(absl::Hours(25));
  EXPECT_FALSE(*store_->Evict(NowOf(clock_)));
  EXPECT_THAT(Ids("A"), IsEmpty());
  EXPECT_EQ(Stored("A").first_id, 0);
  EXPECT_EQ(Stored("A").last_id, 2);
  EXPECT_EQ(Stored("A").dropped, 2u);
  EXPECT_EQ(Stored("A").bytes, 0u);
  Reopen();
  EXPECT_THAT(*Append({Record("A")}), ElementsAre(3));
  EXPECT_EQ(Stored("A").dropped, 2u);
}

TEST_F(SqliteLogStoreTest, ALogThatIsFullLosesItsOldestRecords) {
  Configure({"A", "B"}, 100'000);
  ASSERT_TRUE(Append({Record("B")}).ok());
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(Append({Record("A", std::string(970, 'x'))}).ok());
  const StoredLog log = Stored("A");
  EXPECT_LE(log.bytes, 100'000u);
  EXPECT_GT(log.bytes, 97'000u);
  EXPECT_EQ(log.last_id, 300);
  EXPECT_EQ(log.first_id, static_cast<int64_t>(log.dropped) + 1);
  EXPECT_EQ(log.records + log.dropped, 300u);
  const std::vector<int64_t> ids = Ids("A");
  EXPECT_EQ(ids.front(), log.first_id);
  EXPECT_EQ(ids.size(), log.records);
  EXPECT_THAT(Ids("B"), ElementsAre(1)) << "another log's records stay";
  Reopen();
  EXPECT_EQ(Stored("A").dropped, log.dropped);
}

TEST_F(SqliteLogStoreTest, TheFileStaysWithinTheBounds) {
  for (const size_t text : {10u, 300u, 1'000u}) {
    Configure({"A"}, 200'000);
    for (int i = 0; i < 100; ++i) {
      const std::vector<NewRecord> records(100'000 / (text + 20) / 10,
                                           Record("A", std::string(text, 'x')));
      ASSERT_TRUE(Append(records).ok());
    }
    ASSERT_GT(Stored("A").dropped, 0u);
    store_.reset();
    EXPECT_LE(std::filesystem::file_size(path_), 250'000u) << text;
    Reopen();
  }
}

TEST_F(SqliteLogStoreTest, ManyRecordsAtOnceTakeTheRoomOfThoseThatGo) {
  Configure({"A"}, 200'000);
  const auto size_after = [this](int times, size_t records) {
    for (int i = 0; i < times; ++i) {
      EXPECT_TRUE(Append(std::vector<NewRecord>(records, Record("A", std::string(300, 'x')))).ok());
    }
    store_.reset();
    const auto size = std::filesystem::file_size(path_);
    Reopen();
    return size;
  };
  const auto before = size_after(1'000, 1);
  EXPECT_LE(size_after(1, 300), before);
  EXPECT_EQ(Stored("A").last_id, 1'300);
}

TEST_F(SqliteLogStoreTest, TheNewestRecordStaysHoweverLargeItIs) {
  Configure({"A"}, 100);
  ASSERT_TRUE(Append({Record("A", std::string(500, 'x'))}).ok());
  ASSERT_TRUE(Append({Record("A", std::string(500, 'y'))}).ok());
  EXPECT_FALSE(*store_->Evict(NowOf(clock_)));
  EXPECT_THAT(Ids("A"), ElementsAre(2));
}

TEST_F(SqliteLogStoreTest, SmallerBoundsTakeEffectWithoutANewRecord) {
  Configure({"A"});
  std::vector<NewRecord> records;
  for (int i = 0; i < 900; ++i) records.push_back(Record("A", std::string(970, 'x')));
  ASSERT_TRUE(Append(records).ok());
  Configure({"A"}, 50'000);
  EXPECT_FALSE(*store_->Evict(NowOf(clock_)));
  EXPECT_LE(Stored("A").bytes, 50'000u);
  EXPECT_EQ(Ids("A").back(), 900);
}

TEST_F(SqliteLogStoreTest, MuchIsTakenOutStepByStep) {
  Configure({"A"}, 100 * kMegabyte);
  std::vector<NewRecord> records(45'000, Record("A"));
  ASSERT_TRUE(Append(records).ok());
  clock_.Advance(absl::Hours(25));
  EXPECT_TRUE(*store_->Evict(NowOf(clock_)));
  EXPECT_EQ(Stored("A").records, 25'000u);
  EXPECT_TRUE(*store_->Evict(NowOf(clock_)));
  EXPECT_FALSE(*store_->Evict(NowOf(clock_)));
  EXPECT_EQ(Stored("A").records, 0u);
  EXPECT_EQ(Stored("A").dropped, 45'000u);
}

TEST_F(SqliteLogStoreTest, RecordsThatWereNeverStoredAreCountedForGood) {
  Configure({"A"});
  ASSERT_TRUE(store_->Append({Record("A")}, {{"A", 7}, {"Gone", 1}}).ok());
  Reopen();
  EXPECT_EQ(Stored("A").dropped, 7u);
  EXPECT_EQ(Stored("A").records, 1u);
}

TEST_F(SqliteLogStoreTest, ABatchIsStoredWholeOrNotAtAll) {
  Configure({"A"});
  EXPECT_EQ(Append({Record("A"), Record("None")}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Ids("A"), IsEmpty());
  EXPECT_THAT(*Append({Record("A")}), ElementsAre(1));
}

TEST_F(SqliteLogStoreTest, RecordsOfFormerDefinitionsAreReadWithTheirPoints) {
  Configure({"A"});
  ASSERT_TRUE(Append({Record("A", "1", "/P"), Record("A", "2", "/P")}).ok());
  ASSERT_TRUE(Append({Record("A", "3", "/Q")}).ok());
  Reopen();
  ASSERT_TRUE(Append({Record("A", "4", "/Q"), Record("A", "5", "/P")}).ok());
  const absl::StatusOr<LogRecords> read = store_->Read("A", All());
  std::vector<std::string> paths;
  for (const LogRecords::Record& record : read->records) {
    paths.push_back(read->layouts[record.layout].paths[0]);
  }
  EXPECT_THAT(paths, ElementsAre("/P", "/P", "/Q", "/Q", "/P"));
  EXPECT_EQ(Query("SELECT count(*) FROM layout"), "3\n");
}

TEST_F(SqliteLogStoreTest, ALayoutGoesWithItsLastRecord) {
  Configure({"A"});
  ASSERT_TRUE(Append({Record("A", "1", "/P")}).ok());
  clock_.Advance(absl::Hours(20));
  ASSERT_TRUE(Append({Record("A", "2", "/Q")}).ok());
  clock_.Advance(absl::Hours(20));
  ASSERT_TRUE(store_->Evict(NowOf(clock_)).ok());
  EXPECT_EQ(Query("SELECT path FROM layout_point"), "/Q\n");
}

TEST_F(SqliteLogStoreTest, ReadTakesWhatIsAskedFor) {
  Configure({"A"});
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(Append({Record("A")}).ok());
    clock_.Advance(absl::Seconds(1));
  }
  const absl::Time start = absl::FromUnixSeconds(1'800'000'000);
  LogQuery query = All();
  query.after_id = 7;
  EXPECT_THAT(Ids("A", query), ElementsAre(8, 9, 10));
  query.newest_first = true;
  EXPECT_THAT(Ids("A", query), ElementsAre(10, 9, 8));
  query.count = 2;
  EXPECT_THAT(Ids("A", query), ElementsAre(10, 9));
  EXPECT_TRUE(store_->Read("A", query)->more);
  query.after_id = 8;
  EXPECT_FALSE(store_->Read("A", query)->more);
  query = All();
  query.from = start + absl::Seconds(3);
  query.until = start + absl::Seconds(5);
  EXPECT_THAT(Ids("A", query), ElementsAre(4, 5));
  query.after_id = 100;
  EXPECT_THAT(Ids("A", query), IsEmpty());
}

TEST_F(SqliteLogStoreTest, TimesAreFoundThoughTheClockJumped) {
  Configure({"A"}, 100 * kMegabyte);
  const absl::Time start = clock_.WallNow();
  // A thousand records a second apart, thrice, each time beginning anew.
  for (int round = 0; round < 3; ++round) {
    clock_.SetWall(start);
    std::vector<NewRecord> records;
    for (int i = 0; i < 1'000; ++i) {
      records.push_back(Record("A"));
      clock_.Advance(absl::Seconds(1));
    }
    ASSERT_TRUE(Append(records).ok());
  }
  LogQuery query = All();
  query.from = start + absl::Seconds(500);
  query.until = start + absl::Seconds(502);
  const std::vector<int64_t> expected = {501, 502, 1501, 1502, 2501, 2502};
  EXPECT_EQ(Ids("A", query), expected);
  query.newest_first = true;
  EXPECT_EQ(Ids("A", query), std::vector<int64_t>(expected.rbegin(), expected.rend()));
  query.newest_first = false;
  query.from = start + absl::Seconds(999);
  query.until.reset();
  query.count = 2;
  EXPECT_THAT(Ids("A", query), ElementsAre(1000, 2000));
  EXPECT_TRUE(store_->Read("A", query)->more);
  Reopen();
  query.count = 3;
  EXPECT_THAT(Ids("A", query), ElementsAre(1000, 2000, 3000));
  EXPECT_FALSE(store_->Read("A", query)->more);
}

TEST_F(SqliteLogStoreTest, AnAnswerEndsEarlyWithAtLeastOneRecord) {
  Configure({"A"}, 100 * kMegabyte);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Append({Record("A", std::string(900, 'x'))}).ok());
  LogQuery query = All();
  query.max_bytes = 3'000;
  EXPECT_THAT(Ids("A", query), ElementsAre(1, 2, 3));
  EXPECT_TRUE(store_->Read("A", query)->more);
  query.max_bytes = 1;
  query.after_id = 9;
  EXPECT_THAT(Ids("A", query), ElementsAre(10));
  EXPECT_FALSE(store_->Read("A", query)->more);
}

TEST_F(SqliteLogStoreTest, AnUnknownLogIsNotFound) {
  EXPECT_EQ(store_->Read("A", All()).status(), absl::NotFoundError("there is no log 'A'"));
  Configure({"A"});
  EXPECT_THAT(Ids("A"), IsEmpty());
}

TEST_F(SqliteLogStoreTest, ARemovedLogIsReadableUntilItsRecordsAreTooOld) {
  Configure({"A"});
  ASSERT_TRUE(Append({Record("A")}).ok());
  Configure({"B"});
  Reopen();
  EXPECT_THAT(Ids("A"), ElementsAre(1));
  EXPECT_FALSE(Stored("A").configured);
  EXPECT_EQ(Append({Record("A")}).status().code(), absl::StatusCode::kFailedPrecondition);
  clock_.Advance(absl::Hours(25));
  ASSERT_TRUE(store_->Evict(NowOf(clock_)).ok());
  EXPECT_EQ(store_->Read("A", All()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Stored("A").name, "") << "not listed";
}

TEST_F(SqliteLogStoreTest, ALogThatComesBackGoesOnWhereItWas) {
  Configure({"A"});
  ASSERT_TRUE(Append({Record("A")}).ok());
  Configure({});
  Configure({"A"});
  EXPECT_THAT(*Append({Record("A")}), ElementsAre(2));
  EXPECT_THAT(Ids("A"), ElementsAre(1, 2));
}

TEST_F(SqliteLogStoreTest, TheLogsRemovedFirstAreForgottenBeyond20) {
  for (int i = 1; i <= 23; ++i) {
    const std::string name = absl::StrCat("L", i);
    Configure({name});
    ASSERT_TRUE(Append({Record(name), Record(name)}).ok());
  }
  ASSERT_TRUE(store_->Evict(NowOf(clock_)).ok());
  EXPECT_EQ(store_->Read("L2", All()).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Ids("L3"), ElementsAre(1, 2));
  EXPECT_EQ(Query("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'record%'"), "21\n");
  Reopen();
  Configure({"L2"});
  EXPECT_THAT(*Append({Record("L2")}), ElementsAre(3)) << "ids are never used again";
  EXPECT_EQ(Stored("L2").first_id, 3);
}

TEST_F(SqliteLogStoreTest, LogsAreListedInTheOrderOfTheConfigurationRemovedOnesLast) {
  Configure({"Z", "A", "M"});
  ASSERT_TRUE(Append({Record("A"), Record("M")}).ok());
  Configure({"Z", "M", "B"});
  std::vector<std::string> names;
  for (const StoredLog& log : store_->Logs()) names.push_back(log.name);
  EXPECT_THAT(names, ElementsAre("Z", "M", "B", "A"));
}

}  // namespace
}  // namespace fieldgate::process_data
