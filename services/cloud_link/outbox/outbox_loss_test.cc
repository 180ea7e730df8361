// What every Outbox promises of its bounds and of what they take.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "services/cloud_link/outbox/outbox_fixture.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <typename Maker>
using OutboxLossTest = OutboxTest<Maker>;
TYPED_TEST_SUITE(OutboxLossTest, OutboxMakers);

TYPED_TEST(OutboxLossTest, LossesFromElsewhereAreRecordedAndCounted) {
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

TYPED_TEST(OutboxLossTest, DropOldestMakesRoomAndRecordsOneLoss) {
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

TYPED_TEST(OutboxLossTest, DropNewestRefusesAndRecordsTheLoss) {
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

TYPED_TEST(OutboxLossTest, LossesThatDoNotFollowEachOtherAreApart) {
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

TYPED_TEST(OutboxLossTest, SeveralLossesOfOneTransactionAreAllRecorded) {
  this->Open({.max_bytes = 1, .policy = FullPolicy::kDropNewest});
  ASSERT_TRUE(this->outbox_->Begin().ok());
  for (const int64_t id : {1, 3, 4, 9}) EXPECT_FALSE(this->outbox_->Append(Data(id)).ok());
  ASSERT_TRUE(this->outbox_->Commit().ok());
  std::vector<int64_t> counts;
  const std::vector<LossRecord> losses = *this->outbox_->Losses();
  for (const LossRecord& loss : losses) counts.push_back(loss.count);
  EXPECT_THAT(counts, ElementsAre(1, 2, 1));
}

TYPED_TEST(OutboxLossTest, KeepsABoundedNumberOfLossRecords) {
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

TYPED_TEST(OutboxLossTest, DiscardingTwiceCountsOnce) {
  this->Open();
  const EntryId id = *this->AppendData();
  ASSERT_TRUE(this->outbox_->Begin().ok());
  ASSERT_TRUE(this->outbox_->Discard(id, "x").ok());
  ASSERT_TRUE(this->outbox_->Discard(id, "x").ok());
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_THAT(this->MessageIds(), IsEmpty());
  EXPECT_EQ(this->outbox_->Stats().dropped, 1);
}

TYPED_TEST(OutboxLossTest, LossRecordsAreNumberedAndTheNewestCanBeAskedFor) {
  this->Open({.max_bytes = 1, .policy = FullPolicy::kDropNewest});
  ASSERT_TRUE(this->outbox_->Begin().ok());
  for (const int64_t id : {1, 3, 5}) EXPECT_FALSE(this->outbox_->Append(Data(id)).ok());
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_THAT(this->LossNumbers(*this->outbox_->Losses()), ElementsAre(1, 2, 3));
  EXPECT_THAT(this->LossNumbers(*this->outbox_->Losses(2)), ElementsAre(2, 3));
  EXPECT_EQ(this->outbox_->Stats().newest_loss, 3);
  EXPECT_EQ(this->outbox_->Stats().unreported_losses, 3);
}

TYPED_TEST(OutboxLossTest, AReportedRecordDoesNotGrow) {
  this->Open({.max_bytes = 1, .policy = FullPolicy::kDropNewest});
  EXPECT_FALSE(this->AppendData().ok());  // 1
  EXPECT_FALSE(this->AppendData().ok());  // 2
  ASSERT_TRUE(this->outbox_->Begin().ok());
  ASSERT_TRUE(this->outbox_->MarkReported(1).ok());
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_EQ(this->outbox_->Stats().unreported_losses, 0);
  EXPECT_FALSE(this->AppendData().ok());  // 3

  const std::vector<LossRecord> losses = *this->outbox_->Losses();
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_TRUE(losses[0].reported);
  EXPECT_EQ(losses[0].last_message_id, 2);
  EXPECT_FALSE(losses[1].reported);
  EXPECT_EQ(losses[1].first_message_id, 3);
  EXPECT_EQ(this->outbox_->Stats().unreported_losses, 1);
}

TYPED_TEST(OutboxLossTest, OnlyTheRecordsUpToTheNumberAreReported) {
  this->Open({.max_bytes = 1, .policy = FullPolicy::kDropNewest});
  ASSERT_TRUE(this->outbox_->Begin().ok());
  for (const int64_t id : {1, 3, 5}) EXPECT_FALSE(this->outbox_->Append(Data(id)).ok());
  ASSERT_TRUE(this->outbox_->MarkReported(2).ok());
  EXPECT_FALSE(this->outbox_->Append(Data(6)).ok());  // the third grows
  ASSERT_TRUE(this->outbox_->Commit().ok());
  const std::vector<LossRecord> losses = *this->outbox_->Losses();
  ASSERT_EQ(losses.size(), 3u);
  EXPECT_TRUE(losses[0].reported);
  EXPECT_TRUE(losses[1].reported);
  EXPECT_FALSE(losses[2].reported);
  EXPECT_EQ(losses[2].count, 2);
  EXPECT_EQ(this->outbox_->Stats().unreported_losses, 1);
}

TYPED_TEST(OutboxLossTest, RollbackForgetsThatLossesWereReported) {
  this->Open({.max_bytes = 1, .policy = FullPolicy::kDropNewest});
  EXPECT_FALSE(this->AppendData().ok());
  ASSERT_TRUE(this->outbox_->Begin().ok());
  ASSERT_TRUE(this->outbox_->MarkReported(1).ok());
  this->outbox_->Rollback();
  EXPECT_FALSE(this->outbox_->Losses()->front().reported);
  EXPECT_EQ(this->outbox_->Stats().unreported_losses, 1);
  EXPECT_FALSE(this->AppendData().ok());
  EXPECT_EQ(this->outbox_->Losses()->size(), 1u) << "it grows on";
}

TYPED_TEST(OutboxLossTest, UnreportedRecordsThatAreNotKeptAreNotCounted) {
  this->Open({.max_bytes = 1, .policy = FullPolicy::kDropNewest});
  ASSERT_TRUE(this->outbox_->Begin().ok());
  for (int64_t i = 1; i <= kMaxLossRecords + 5; ++i) {
    EXPECT_FALSE(this->outbox_->Append(Data(2 * i)).ok());
  }
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_EQ(this->outbox_->Stats().unreported_losses, kMaxLossRecords);
  EXPECT_EQ(this->outbox_->Losses(1)->front().number, kMaxLossRecords + 5);
}

TYPED_TEST(OutboxLossTest, ALowDiskIsAReasonOfItsOwn) {
  const int64_t size = SizeOf(Data(1));
  this->Open({.max_bytes = 2 * size});
  ASSERT_TRUE(this->AppendData().ok());
  this->outbox_->SetLimits({.max_bytes = size, .disk_low = true});
  ASSERT_TRUE(this->AppendData().ok());  // instead of 1
  this->outbox_->SetLimits(
      {.max_bytes = size, .policy = FullPolicy::kDropNewest, .disk_low = true});
  EXPECT_FALSE(this->AppendData().ok());  // 3
  EXPECT_THAT(this->MessageIds(), ElementsAre(2));
  const std::vector<LossRecord> losses = *this->outbox_->Losses();
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_EQ(losses[0].reason, "disk low: oldest dropped");
  EXPECT_EQ(losses[1].reason, "disk low: newest dropped");
}

TYPED_TEST(OutboxLossTest, WhatIsTooOldGoesFromTheOldestOn) {
  this->Open();
  ASSERT_TRUE(this->outbox_->Begin().ok());
  int64_t message_id = 0;
  for (const int64_t born : {10, 20, 30, 15}) {
    OutboxEntry entry = Data(++message_id);
    entry.born = born;
    ASSERT_TRUE(this->outbox_->Append(entry).ok());
  }
  ASSERT_TRUE(this->outbox_->Append(Result("r")).ok());
  EXPECT_EQ(*this->outbox_->DropOlder(10), 0);
  EXPECT_EQ(*this->outbox_->DropOlder(30), 2);
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_THAT(this->MessageIds(), ElementsAre(3, 4));
  EXPECT_EQ((*this->outbox_->Read(Lane::kData, 0, 1, 1))[0].entry.born, 30);
  EXPECT_EQ(this->outbox_->Stats().entries, 3);
  const std::vector<LossRecord> losses = *this->outbox_->Losses();
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].reason, "too old");
  EXPECT_EQ(losses[0].first_message_id, 1);
  EXPECT_EQ(losses[0].last_message_id, 2);
}

TYPED_TEST(OutboxLossTest, SoManyGoAtATime) {
  this->Open();
  ASSERT_TRUE(this->outbox_->Begin().ok());
  for (int i = 1; i <= kDropAtOnce + 7; ++i) ASSERT_TRUE(this->outbox_->Append(Data(i)).ok());
  EXPECT_EQ(*this->outbox_->DropOlder(1), kDropAtOnce);
  EXPECT_EQ(*this->outbox_->DropOlder(1), 7);
  EXPECT_EQ(*this->outbox_->DropOlder(1), 0);
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_EQ(this->outbox_->Stats().data_bytes, 0);
  EXPECT_EQ(this->outbox_->Losses()->front().count, kDropAtOnce + 7);
}

TYPED_TEST(OutboxLossTest, AMuchSmallerBoundIsReachedInSteps) {
  this->Open();
  ASSERT_TRUE(this->outbox_->Begin().ok());
  for (int i = 1; i <= kMaxDropForRoom + 10; ++i) {
    ASSERT_TRUE(this->outbox_->Append(Data(i)).ok());
  }
  ASSERT_TRUE(this->outbox_->Commit().ok());
  if (this->outbox_->Stats().in_memory > 0) return;  // there it takes no time
  this->outbox_->SetLimits({.max_bytes = 2 * SizeOf(Data(1))});
  ASSERT_TRUE(this->outbox_->Begin().ok());
  ASSERT_TRUE(this->outbox_->Append(Data(kMaxDropForRoom + 11)).ok());
  EXPECT_EQ(this->outbox_->Stats().entries, 11);
  ASSERT_TRUE(this->outbox_->Append(Data(kMaxDropForRoom + 12)).ok());
  ASSERT_TRUE(this->outbox_->Commit().ok());
  EXPECT_THAT(this->MessageIds(), ElementsAre(kMaxDropForRoom + 11, kMaxDropForRoom + 12));
  EXPECT_EQ(this->outbox_->Losses()->front().count, kMaxDropForRoom + 10);
}

}  // namespace
}  // namespace fieldgate::cloud_link
