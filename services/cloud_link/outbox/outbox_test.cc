// What every Outbox promises: the real one, the fake, and with memory before it.
#include "services/cloud_link/outbox/outbox.h"

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/testing/process.h"
#include "services/cloud_link/outbox/fake_outbox.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"
#include "services/cloud_link/outbox/tiered_outbox.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

OutboxEntry Data(int64_t message_id, std::string content = "columns") {
  OutboxEntry entry;
  entry.topic = "c/fp/g/data";
  entry.message_id = message_id;
  entry.timestamp = 1'700'000'000 + message_id;
  entry.layout = 1;
  entry.content = std::move(content);
  return entry;
}

OutboxEntry Result(std::string content) {
  OutboxEntry entry;
  entry.lane = Lane::kResult;
  entry.topic = "c/fp/g/cmdResult";
  entry.timestamp = 1'700'000'000;
  entry.content = std::move(content);
  return entry;
}

struct FakeMaker {
  std::unique_ptr<Outbox> Make(const OutboxLimits& limits) {
    return std::make_unique<FakeOutbox>(limits);
  }
};

struct SqliteMaker {
  std::unique_ptr<Outbox> Make(const OutboxLimits& limits) {
    file = *OutboxFile::Open(NewTempDir() + "/cloud_link.db");
    return *file->Connector("CloudConn", limits);
  }
  std::unique_ptr<OutboxFile> file;
};

// Memory before the durable one, in each mode, as when messages are acknowledged.
template <CacheMode mode>
struct TieredMaker {
  static constexpr CacheMode kMode = mode;
  std::unique_ptr<Outbox> Make(OutboxLimits limits) {
    file = *OutboxFile::Open(NewTempDir() + "/cloud_link.db");
    limits.mode = mode;
    auto outbox = std::make_unique<TieredOutbox>(*file->Connector("CloudConn", limits));
    outbox->SetLimits(limits);
    outbox->Settle(/*delivering=*/true, MonotonicTime());
    return outbox;
  }
  std::unique_ptr<OutboxFile> file;
};

template <typename Maker>
class OutboxTest : public ::testing::Test {
 protected:
  void Open(const OutboxLimits& limits = {}) { outbox_ = maker_.Make(limits); }
  // As those of the CacheMode.
  void SetLimits(OutboxLimits limits) {
    if constexpr (requires { Maker::kMode; }) limits.mode = Maker::kMode;
    outbox_->SetLimits(limits);
  }

  // Appends a data entry with the next message_id in a transaction of its own.
  absl::StatusOr<EntryId> AppendData(const std::string& content = "columns") {
    EXPECT_TRUE(outbox_->Begin().ok());
    const absl::StatusOr<int64_t> message_id = outbox_->NextMessageId();
    EXPECT_TRUE(message_id.ok());
    absl::StatusOr<EntryId> id = outbox_->Append(Data(*message_id, content));
    EXPECT_TRUE(outbox_->Commit().ok());
    return id;
  }

  std::vector<int64_t> MessageIds() {
    std::vector<int64_t> ids;
    EntryId last = 0;
    while (true) {
      const std::vector<StoredEntry> read = *outbox_->Read(Lane::kData, last, 100'000, 1 << 30);
      if (read.empty()) return ids;
      for (const StoredEntry& stored : read) ids.push_back(stored.entry.message_id);
      last = read.back().id;
    }
  }

  Maker maker_;
  std::unique_ptr<Outbox> outbox_;
};

using Makers =
    ::testing::Types<FakeMaker, SqliteMaker, TieredMaker<CacheMode::kDurable>,
                     TieredMaker<CacheMode::kDiskOnOutage>, TieredMaker<CacheMode::kMemory>>;
TYPED_TEST_SUITE(OutboxTest, Makers);

TYPED_TEST(OutboxTest, GivesBackEntriesAsTheyWereInOrder) {
  this->Open();
  ASSERT_TRUE(this->outbox_->Begin().ok());
  OutboxEntry first = Data(1, std::string("\0\xff binary", 9));
  first.qos = 2;
  first.layout = 7;
  const EntryId a = *this->outbox_->Append(first);
  const EntryId b = *this->outbox_->Append(Data(2, ""));
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_LT(a, b);

  const std::vector<StoredEntry> read = *this->outbox_->Read(Lane::kData, 0, 10, 1 << 20);
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].id, a);
  EXPECT_EQ(read[0].entry.lane, Lane::kData);
  EXPECT_EQ(read[0].entry.topic, first.topic);
  EXPECT_EQ(read[0].entry.qos, 2);
  EXPECT_EQ(read[0].entry.message_id, 1);
  EXPECT_EQ(read[0].entry.timestamp, first.timestamp);
  EXPECT_EQ(read[0].entry.layout, 7);
  EXPECT_EQ(read[0].entry.content, first.content);
  EXPECT_EQ(read[1].id, b);
  EXPECT_EQ(read[1].entry.content, "");
}

TYPED_TEST(OutboxTest, KeepsLanesApart) {
  this->Open();
  ASSERT_TRUE(this->outbox_->Begin().ok());
  const EntryId d1 = *this->outbox_->Append(Data(1));
  const EntryId r1 = *this->outbox_->Append(Result("r1"));
  const EntryId d2 = *this->outbox_->Append(Data(2));
  const EntryId r2 = *this->outbox_->Append(Result("r2"));
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_THAT((std::vector<EntryId>{d1, r1, d2, r2}),
              ::testing::WhenSorted(ElementsAre(d1, r1, d2, r2)));

  EXPECT_EQ(LaneOf(d2), Lane::kData);
  EXPECT_EQ(LaneOf(r2), Lane::kResult);

  EXPECT_THAT(this->MessageIds(), ElementsAre(1, 2));
  const std::vector<StoredEntry> results = *this->outbox_->Read(Lane::kResult, r1, 10, 1 << 20);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].entry.content, "r2");
}

TYPED_TEST(OutboxTest, ReadStopsAtCountAndBytesButGivesOneAtLeast) {
  this->Open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(this->AppendData(std::string(1000, 'x')).ok());
  EXPECT_EQ(this->outbox_->Read(Lane::kData, 0, 2, 1 << 20)->size(), 2u);
  EXPECT_EQ(this->outbox_->Read(Lane::kData, 0, 10, 3300)->size(), 3u);
  EXPECT_EQ(this->outbox_->Read(Lane::kData, 0, 10, 1)->size(), 1u);
}

TYPED_TEST(OutboxTest, RemovesOnlyWhatIsNamed) {
  this->Open();
  std::vector<EntryId> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(*this->AppendData());
  ASSERT_TRUE(this->outbox_->Begin().ok());
  ASSERT_TRUE(this->outbox_->Remove({ids[4], ids[0], ids[1], ids[0], 999'999}).ok());
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_THAT(this->MessageIds(), ElementsAre(3, 4, 6));
  EXPECT_EQ(this->outbox_->Stats().entries, 3);
  EXPECT_EQ(this->outbox_->Stats().bytes, 3 * SizeOf(Data(1)));
}

TYPED_TEST(OutboxTest, RollbackForgetsEverythingSinceBegin) {
  this->Open();
  const EntryId kept = *this->AppendData();
  ASSERT_TRUE(this->outbox_->Begin().ok());
  ASSERT_TRUE(this->outbox_->NextMessageId().ok());
  ASSERT_TRUE(this->outbox_->Append(Data(2)).ok());
  ASSERT_TRUE(this->outbox_->PutLayout("layout").ok());
  ASSERT_TRUE(this->outbox_->NextCounter("request").ok());
  ASSERT_TRUE(this->outbox_->Remove({kept}).ok());
  ASSERT_TRUE(this->outbox_->SetPosition("log", 5).ok());
  ASSERT_TRUE(this->outbox_->RecordLoss({.count = 2, .reason = "x"}).ok());
  this->outbox_->Rollback();

  EXPECT_THAT(this->MessageIds(), ElementsAre(1));
  EXPECT_EQ(this->outbox_->PeekMessageId(), 2);
  EXPECT_EQ(this->outbox_->Stats().entries, 1);
  EXPECT_EQ(this->outbox_->GetLayout(1).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(*this->outbox_->NextCounter("request"), 1);
  EXPECT_EQ(this->outbox_->Position("log"), std::nullopt);
  EXPECT_THAT(*this->outbox_->Losses(), IsEmpty());
  EXPECT_EQ(this->outbox_->Stats().dropped, 0);
}

TYPED_TEST(OutboxTest, APositionIsWhatWasSetLast) {
  this->Open();
  EXPECT_EQ(this->outbox_->Position("log a"), std::nullopt);
  for (const int64_t position : {7, 0, 9}) {
    ASSERT_TRUE(this->outbox_->Begin().ok());
    ASSERT_TRUE(this->outbox_->SetPosition("log a", position).ok());
    ASSERT_TRUE(this->outbox_->Commit().ok());
    EXPECT_EQ(this->outbox_->Position("log a"), position);
  }
  EXPECT_EQ(this->outbox_->Position("log"), std::nullopt);
}

TYPED_TEST(OutboxTest, LossesFromElsewhereAreRecordedAndCounted) {
  this->Open();
  ASSERT_TRUE(this->outbox_->Begin().ok());
  ASSERT_TRUE(this->outbox_->RecordLoss({.last_timestamp = 9, .count = 5, .reason = "a"}).ok());
  ASSERT_TRUE(this->outbox_->RecordLoss({.last_timestamp = 10, .count = 1, .reason = "a"}).ok());
  ASSERT_TRUE(this->outbox_->RecordLoss({.count = 3, .reason = "b"}).ok());
  ASSERT_TRUE(this->outbox_->Commit().ok());
  const std::vector<LossRecord> losses = *this->outbox_->Losses();
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_EQ(losses[0].count, 6);
  EXPECT_EQ(losses[0].last_timestamp, 10);
  EXPECT_EQ(losses[1].reason, "b");
  EXPECT_EQ(this->outbox_->Stats().dropped, 9);
}

TYPED_TEST(OutboxTest, ChangesNeedATransaction) {
  this->Open();
  const auto refused = absl::StatusCode::kFailedPrecondition;
  EXPECT_EQ(this->outbox_->Append(Data(1)).status().code(), refused);
  EXPECT_EQ(this->outbox_->NextMessageId().status().code(), refused);
  EXPECT_EQ(this->outbox_->PutLayout("x").status().code(), refused);
  EXPECT_EQ(this->outbox_->Remove({1}).code(), refused);
  EXPECT_EQ(this->outbox_->Discard(1, "x").code(), refused);
  EXPECT_EQ(this->outbox_->SetPosition("log", 1).code(), refused);
  EXPECT_EQ(this->outbox_->RecordLoss({.count = 1, .reason = "x"}).code(), refused);
  EXPECT_EQ(this->outbox_->Commit().code(), refused);
  ASSERT_TRUE(this->outbox_->Begin().ok());
  EXPECT_EQ(this->outbox_->Begin().code(), refused);
}

TYPED_TEST(OutboxTest, CountersAreApartAndCommitByThemselves) {
  this->Open();
  EXPECT_EQ(*this->outbox_->NextCounter("rollout"), 1);
  EXPECT_EQ(*this->outbox_->NextCounter("rollout"), 2);
  EXPECT_EQ(*this->outbox_->NextCounter("request"), 1);
}

TYPED_TEST(OutboxTest, SameLayoutHasTheSameNumber) {
  this->Open();
  ASSERT_TRUE(this->outbox_->Begin().ok());
  const int64_t a = *this->outbox_->PutLayout("a");
  EXPECT_EQ(*this->outbox_->PutLayout("a"), a);
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_EQ(*this->outbox_->GetLayout(a), "a");
}

TYPED_TEST(OutboxTest, ForgetsALayoutOnlyWhenNoEntryNeedsIt) {
  this->Open();
  ASSERT_TRUE(this->outbox_->Begin().ok());
  const int64_t a = *this->outbox_->PutLayout("a");
  OutboxEntry entry = Data(1);
  entry.layout = a;
  const EntryId id = *this->outbox_->Append(entry);
  const int64_t b = *this->outbox_->PutLayout("b");
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_NE(a, b);
  EXPECT_EQ(*this->outbox_->GetLayout(a), "a");

  ASSERT_TRUE(this->outbox_->Begin().ok());
  ASSERT_TRUE(this->outbox_->Remove({id}).ok());
  const int64_t c = *this->outbox_->PutLayout("c");
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_EQ(this->outbox_->GetLayout(a).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(*this->outbox_->GetLayout(c), "c");
  EXPECT_GT(c, b);
}

TYPED_TEST(OutboxTest, DropOldestMakesRoomAndRecordsOneLoss) {
  this->Open({.max_bytes = 3 * SizeOf(Data(1)), .policy = FullPolicy::kDropOldest});
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(this->AppendData().ok());
  EXPECT_THAT(this->MessageIds(), ElementsAre(6, 7, 8));
  const std::vector<LossRecord> losses = *this->outbox_->Losses();
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].first_message_id, 1);
  EXPECT_EQ(losses[0].last_message_id, 5);
  EXPECT_EQ(losses[0].first_timestamp, 1'700'000'001);
  EXPECT_EQ(losses[0].last_timestamp, 1'700'000'005);
  EXPECT_EQ(losses[0].count, 5);
  EXPECT_EQ(this->outbox_->Stats().dropped, 5);
  EXPECT_EQ(this->outbox_->Stats().bytes, 3 * SizeOf(Data(1)));
  EXPECT_EQ(this->outbox_->Stats().data_bytes, 3 * SizeOf(Data(1)));
  EXPECT_EQ(this->outbox_->Stats().data_limit, 3 * SizeOf(Data(1)));
}

TYPED_TEST(OutboxTest, DropNewestRefusesAndRecordsTheLoss) {
  this->Open({.max_bytes = 2 * SizeOf(Data(1)), .policy = FullPolicy::kDropNewest});
  ASSERT_TRUE(this->AppendData().ok());
  const EntryId second = *this->AppendData();
  EXPECT_EQ(this->AppendData().status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(this->AppendData().status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(this->MessageIds(), ElementsAre(1, 2));

  ASSERT_TRUE(this->outbox_->Begin().ok());
  ASSERT_TRUE(this->outbox_->Remove({second}).ok());
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_TRUE(this->AppendData().ok());
  EXPECT_THAT(this->MessageIds(), ElementsAre(1, 5));
  const std::vector<LossRecord> losses = *this->outbox_->Losses();
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].first_message_id, 3);
  EXPECT_EQ(losses[0].last_message_id, 4);
}

TYPED_TEST(OutboxTest, LossesThatDoNotFollowEachOtherAreApart) {
  this->Open({.max_bytes = 2 * SizeOf(Data(1)), .policy = FullPolicy::kDropNewest});
  std::vector<EntryId> ids = {*this->AppendData(), *this->AppendData()};
  EXPECT_FALSE(this->AppendData().ok());  // 3
  ASSERT_TRUE(this->outbox_->Begin().ok());
  ASSERT_TRUE(this->outbox_->Remove(ids).ok());
  ASSERT_TRUE(this->outbox_->Commit().ok());
  const EntryId fourth = *this->AppendData();
  ASSERT_TRUE(this->AppendData().ok());
  EXPECT_FALSE(this->AppendData().ok());  // 6
  ASSERT_TRUE(this->outbox_->Begin().ok());
  ASSERT_TRUE(this->outbox_->Discard(fourth, "not sendable").ok());
  ASSERT_TRUE(this->outbox_->Commit().ok());

  std::vector<int64_t> firsts;
  std::vector<std::string> reasons;
  const std::vector<LossRecord> losses = *this->outbox_->Losses();
  for (const LossRecord& loss : losses) {
    firsts.push_back(loss.first_message_id);
    reasons.push_back(loss.reason);
  }
  EXPECT_THAT(firsts, ElementsAre(3, 6, 4));
  EXPECT_EQ(reasons[2], "not sendable");
  EXPECT_EQ(this->outbox_->Stats().dropped, 3);
}

TYPED_TEST(OutboxTest, SeveralLossesOfOneTransactionAreAllRecorded) {
  this->Open({.max_bytes = 1, .policy = FullPolicy::kDropNewest});
  ASSERT_TRUE(this->outbox_->Begin().ok());
  for (const int64_t id : {1, 3, 4, 9}) EXPECT_FALSE(this->outbox_->Append(Data(id)).ok());
  ASSERT_TRUE(this->outbox_->Commit().ok());
  std::vector<int64_t> counts;
  const std::vector<LossRecord> losses = *this->outbox_->Losses();
  for (const LossRecord& loss : losses) counts.push_back(loss.count);
  EXPECT_THAT(counts, ElementsAre(1, 2, 1));
}

TYPED_TEST(OutboxTest, KeepsABoundedNumberOfLossRecords) {
  this->Open({.max_bytes = 1, .policy = FullPolicy::kDropNewest});
  ASSERT_TRUE(this->outbox_->Begin().ok());
  for (int64_t i = 1; i <= kMaxLossRecords + 5; ++i) {
    EXPECT_FALSE(this->outbox_->Append(Data(2 * i)).ok());
  }
  ASSERT_TRUE(this->outbox_->Commit().ok());
  const std::vector<LossRecord> losses = *this->outbox_->Losses();
  EXPECT_EQ(losses.size(), static_cast<size_t>(kMaxLossRecords));
  EXPECT_EQ(losses.front().first_message_id, 12);
  EXPECT_EQ(this->outbox_->Stats().dropped, kMaxLossRecords + 5);
}

TYPED_TEST(OutboxTest, AnEntryLargerThanTheLimitDropsNothingElse) {
  this->Open({.max_bytes = 2 * SizeOf(Data(1)), .policy = FullPolicy::kDropOldest});
  ASSERT_TRUE(this->AppendData().ok());
  EXPECT_EQ(this->AppendData(std::string(1000, 'x')).status().code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(this->MessageIds(), ElementsAre(1));
  EXPECT_EQ(this->outbox_->Losses()->front().first_message_id, 2);
}

TYPED_TEST(OutboxTest, AFullDataLaneDoesNotRefuseResults) {
  this->Open({.max_bytes = SizeOf(Data(1)), .policy = FullPolicy::kDropNewest});
  ASSERT_TRUE(this->AppendData().ok());
  ASSERT_TRUE(this->outbox_->Begin().ok());
  EXPECT_TRUE(this->outbox_->Append(Result(std::string(100'000, 'r'))).ok());
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_THAT(this->MessageIds(), ElementsAre(1));
}

TYPED_TEST(OutboxTest, ResultsHaveABoundOfTheirOwn) {
  this->Open();
  ASSERT_TRUE(this->outbox_->Begin().ok());
  const OutboxEntry big = Result(std::string(1 << 20, 'r'));
  int stored = 0;
  while (stored < 10 && this->outbox_->Append(big).ok()) ++stored;
  EXPECT_EQ(stored, 3);
  EXPECT_EQ(this->outbox_->Stats().data_bytes, 0);
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_EQ(this->outbox_->Losses()->front().count, 1);
}

TYPED_TEST(OutboxTest, SmallerLimitsHoldFromTheNextAppendOn) {
  this->Open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(this->AppendData().ok());
  this->SetLimits({.max_bytes = 2 * SizeOf(Data(1)), .policy = FullPolicy::kDropOldest});
  EXPECT_EQ(this->MessageIds().size(), 5u);
  ASSERT_TRUE(this->AppendData().ok());
  EXPECT_THAT(this->MessageIds(), ElementsAre(5, 6));
}

TYPED_TEST(OutboxTest, DiscardingTwiceCountsOnce) {
  this->Open();
  const EntryId id = *this->AppendData();
  ASSERT_TRUE(this->outbox_->Begin().ok());
  ASSERT_TRUE(this->outbox_->Discard(id, "x").ok());
  ASSERT_TRUE(this->outbox_->Discard(id, "x").ok());
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_THAT(this->MessageIds(), IsEmpty());
  EXPECT_EQ(this->outbox_->Stats().dropped, 1);
}

}  // namespace
}  // namespace fieldgate::cloud_link
