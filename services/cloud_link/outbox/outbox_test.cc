// What every Outbox promises: the real one, the fake, and with memory before it.
#include <gmock/gmock.h>

#include <optional>
#include <string>
#include <vector>

#include "services/cloud_link/outbox/outbox_fixture.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TYPED_TEST_SUITE(OutboxTest, OutboxMakers);

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
  EXPECT_EQ(this->outbox_->GetLayout(1).status().code(), absl::StatusCode::kNotFound);
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

TYPED_TEST(OutboxTest, ChangesNeedATransaction) {
  this->Open();
  const auto refused = absl::StatusCode::kFailedPrecondition;
  EXPECT_EQ(this->outbox_->Append(Data(1)).status().code(), refused);
  EXPECT_EQ(this->outbox_->NextMessageId().status().code(), refused);
  EXPECT_EQ(this->outbox_->PutLayout("x").status().code(), refused);
  EXPECT_EQ(this->outbox_->Remove({1}).code(), refused);
  EXPECT_EQ(this->outbox_->Discard(1, "x").code(), refused);
  EXPECT_EQ(this->outbox_->SetPosition("log", 1).code(), refused);
  EXPECT_EQ(this->outbox_->DropOlder(1).status().code(), refused);
  EXPECT_EQ(this->outbox_->MarkReported(1).code(), refused);
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
  EXPECT_EQ(this->outbox_->GetLayout(a).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(*this->outbox_->GetLayout(c), "c");
  EXPECT_GT(c, b);
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

}  // namespace
}  // namespace fieldgate::cloud_link
