// Where data are in each CacheMode, and what outlives what.
#include "services/cloud_link/outbox/tiered_outbox.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "services/cloud_link/outbox/fake_outbox.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TieredOutboxTest : public ::testing::Test {
 protected:
  // A start of the process in this mode; messages are acknowledged.
  void Start(CacheMode mode) {
    outbox_ = std::make_unique<TieredOutbox>(
        std::shared_ptr<DurableOutbox>(&disk_, [](DurableOutbox*) {}));
    SetMode(mode);
    Settle(true);
  }
  void SetMode(CacheMode mode) {
    limits_.mode = mode;
    outbox_->SetLimits(limits_);
  }
  MonotonicTime Settle(bool delivering) { return outbox_->Settle(delivering, clock_.Now()); }
  // kill -9, and a start.
  void Kill() {
    disk_.Crash();
    Start(limits_.mode);
  }
  void Restart() {
    ASSERT_TRUE(outbox_->Close().ok());
    disk_.Crash();  // nothing more is written
    Start(limits_.mode);
  }

  static OutboxEntry Data(int64_t message_id, const std::string& content = "columns") {
    OutboxEntry entry;
    entry.topic = "c/fp/g/data";
    entry.message_id = message_id;
    entry.timestamp = 1'700'000'000 + message_id;
    entry.content = content;
    return entry;
  }
  absl::StatusOr<EntryId> Append(const std::string& content = "columns") {
    if (absl::Status s = outbox_->Begin(); !s.ok()) return s;
    absl::StatusOr<int64_t> message_id = outbox_->NextMessageId();
    if (!message_id.ok()) return message_id.status();
    absl::StatusOr<EntryId> id = outbox_->Append(Data(*message_id, content));
    if (!id.ok() && !absl::IsResourceExhausted(id.status())) return id;
    if (absl::Status s = outbox_->Commit(); !s.ok()) return s;
    return id;
  }
  // As a record of a log is taken over.
  EntryId AppendRecord(int64_t position) {
    EXPECT_TRUE(outbox_->Begin().ok());
    const EntryId id = *outbox_->Append(Data(*outbox_->NextMessageId()));
    EXPECT_TRUE(outbox_->SetPosition("log", position).ok());
    EXPECT_TRUE(outbox_->Commit().ok());
    return id;
  }
  void AppendResult() {
    OutboxEntry result;
    result.lane = Lane::kResult;
    ASSERT_TRUE(outbox_->Begin().ok());
    ASSERT_TRUE(outbox_->Append(result).ok());
    ASSERT_TRUE(outbox_->Commit().ok());
  }
  void Remove(const std::vector<EntryId>& ids) {
    ASSERT_TRUE(outbox_->Begin().ok());
    ASSERT_TRUE(outbox_->Remove(ids).ok());
    ASSERT_TRUE(outbox_->Commit().ok());
  }

  // In the order in which the pump reads them.
  std::vector<int64_t> MessageIds() {
    std::vector<int64_t> ids;
    EntryId last = 0;
    while (true) {
      const std::vector<StoredEntry> read = *outbox_->Read(Lane::kData, last, 2, 1 << 20);
      if (read.empty()) return ids;
      for (const StoredEntry& stored : read) {
        EXPECT_GT(stored.id, last);
        last = stored.id;
        ids.push_back(stored.entry.message_id);
      }
    }
  }
  std::vector<int64_t> OnDisk() const {
    std::vector<int64_t> ids;
    for (const StoredEntry& stored : disk_.Entries()) {
      if (LaneOf(stored.id) == Lane::kData) ids.push_back(stored.entry.message_id);
    }
    return ids;
  }

  FakeClock clock_;
  FakeOutbox disk_;
  OutboxLimits limits_;
  std::unique_ptr<TieredOutbox> outbox_;
};

TEST_F(TieredOutboxTest, DurableDataAreOnTheDiskAtOnce) {
  Start(CacheMode::kDurable);
  ASSERT_TRUE(Append().ok());
  EXPECT_THAT(OnDisk(), ElementsAre(1));
  Kill();
  EXPECT_THAT(MessageIds(), ElementsAre(1));
  EXPECT_EQ(outbox_->PeekMessageId(), 2);
  EXPECT_THAT(*outbox_->Losses(kMaxLossRecords), IsEmpty());
}

TEST_F(TieredOutboxTest, WhileMessagesAreAcknowledgedNothingIsWritten) {
  for (const CacheMode mode : {CacheMode::kDiskOnOutage, CacheMode::kMemory}) {
    Start(mode);
    ASSERT_TRUE(Append().ok());
    const int before = disk_.writes();
    for (int i = 0; i < 10'000; ++i) {
      clock_.Advance(absl::Seconds(1));
      const EntryId id = *Append();
      EXPECT_EQ(outbox_->Stats().in_memory, i == 0 ? 2 : 1);
      Remove(i == 0 ? std::vector<EntryId>{id - 2, id} : std::vector<EntryId>{id});
      Settle(true);
    }
    // Some hours: numbers were reserved every ten minutes or so.
    EXPECT_LE(disk_.writes() - before, 40);
    EXPECT_THAT(OnDisk(), IsEmpty());
    ASSERT_TRUE(outbox_->Close().ok());
  }
}

TEST_F(TieredOutboxTest, AnOutagePutsAllOnTheDiskInOrder) {
  Start(CacheMode::kDiskOnOutage);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Append().ok());
  EXPECT_THAT(OnDisk(), IsEmpty());
  Settle(false);
  EXPECT_THAT(OnDisk(), ElementsAre(1, 2, 3));
  EXPECT_EQ(outbox_->Stats().in_memory, 0);
  ASSERT_TRUE(Append().ok());
  EXPECT_THAT(OnDisk(), ElementsAre(1, 2, 3, 4));
}

TEST_F(TieredOutboxTest, AKillDuringAnOutageLosesNothing) {
  Start(CacheMode::kDiskOnOutage);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Append().ok());
  Settle(false);
  ASSERT_TRUE(Append().ok());
  Kill();
  EXPECT_THAT(MessageIds(), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(outbox_->PeekMessageId(), 5);
  EXPECT_THAT(*outbox_->Losses(kMaxLossRecords), IsEmpty());
}

TEST_F(TieredOutboxTest, AfterAnOutageDataStayOnTheDiskUntilItIsNearlyDrained) {
  Start(CacheMode::kDiskOnOutage);
  Settle(false);
  std::vector<EntryId> ids;
  for (int i = 0; i < 150; ++i) ids.push_back(*Append());
  Settle(true);
  ids.push_back(*Append());
  EXPECT_EQ(OnDisk().size(), 151u);
  Remove(std::vector<EntryId>(ids.begin(), ids.begin() + 60));
  ASSERT_TRUE(Append().ok());
  EXPECT_EQ(OnDisk().size(), 91u);
  EXPECT_EQ(outbox_->Stats().in_memory, 1);
  const std::vector<int64_t> all = MessageIds();
  EXPECT_EQ(all.front(), 61);
  EXPECT_EQ(all.back(), 152);
  EXPECT_EQ(all.size(), 92u);
}

TEST_F(TieredOutboxTest, AFullMemoryGoesToTheDisk) {
  Start(CacheMode::kDiskOnOutage);
  const std::string big(100'000, 'x');
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Append(big).ok());
  EXPECT_THAT(OnDisk(), IsEmpty());
  ASSERT_TRUE(Append(big).ok());
  EXPECT_EQ(OnDisk().size(), 11u);
  EXPECT_EQ(outbox_->Stats().in_memory, 0);
  EXPECT_EQ(outbox_->Stats().dropped, 0);
}

TEST_F(TieredOutboxTest, AnOrderlyStopKeepsWhatMayBeOnTheDisk) {
  Start(CacheMode::kDiskOnOutage);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Append().ok());
  Restart();
  EXPECT_THAT(MessageIds(), ElementsAre(1, 2, 3));
  EXPECT_EQ(outbox_->PeekMessageId(), 4) << "no number is skipped";
  EXPECT_THAT(*outbox_->Losses(kMaxLossRecords), IsEmpty());
}

TEST_F(TieredOutboxTest, AnOrderlyStopOfMemoryIsALossOfExactlyWhatWasInIt) {
  Start(CacheMode::kMemory);
  std::vector<EntryId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(*Append());
  Remove({ids[0], ids[1]});
  Restart();
  EXPECT_THAT(MessageIds(), IsEmpty());
  EXPECT_THAT(OnDisk(), IsEmpty());
  EXPECT_EQ(outbox_->PeekMessageId(), 6);
  const std::vector<LossRecord> losses = *outbox_->Losses(kMaxLossRecords);
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].first_message_id, 3);
  EXPECT_EQ(losses[0].last_message_id, 5);
  EXPECT_EQ(losses[0].count, 3);
  EXPECT_EQ(losses[0].last_timestamp, 1'700'000'005);
  EXPECT_EQ(losses[0].reason, "memory lost with the process");
}

TEST_F(TieredOutboxTest, AfterAKillNoNumberIsUsedAgainAndTheGapIsExplained) {
  for (const CacheMode mode : {CacheMode::kDiskOnOutage, CacheMode::kMemory}) {
    Start(mode);
    const size_t records = outbox_->Losses(kMaxLossRecords)->size();
    EntryId last_entry = 0;
    for (int i = 0; i < 100; ++i) {
      last_entry = *Append();
      if (i < 90) Remove({last_entry});
    }
    const int64_t last = outbox_->PeekMessageId() - 1;
    Kill();
    EXPECT_THAT(MessageIds(), IsEmpty());
    const std::vector<LossRecord> losses = *outbox_->Losses(kMaxLossRecords);
    ASSERT_EQ(losses.size(), records + 1);
    const LossRecord& loss = losses.back();
    // The ten in memory are in it, and the next message follows it.
    EXPECT_LE(loss.first_message_id, last - 9);
    EXPECT_GE(loss.last_message_id, last);
    EXPECT_EQ(loss.reason, "memory lost with the process");
    EXPECT_EQ(loss.count, loss.last_message_id - loss.first_message_id + 1);
    EXPECT_EQ(outbox_->Stats().dropped, losses.front().count + (records == 0 ? 0 : loss.count));
    EXPECT_GT(*Append(), last_entry);
    EXPECT_EQ(outbox_->PeekMessageId() - 1, loss.last_message_id + 1);
    ASSERT_TRUE(outbox_->Close().ok());
    Settle(false);
    for (const StoredEntry& left : disk_.Entries()) Remove({left.id});
  }
}

TEST_F(TieredOutboxTest, TheLossOfAKillIsWrittenOnceAndKeptIfTheDiskIsFull) {
  Start(CacheMode::kMemory);
  ASSERT_TRUE(Append().ok());
  disk_.Crash();
  disk_.FailWith(absl::UnavailableError("full"));
  Start(CacheMode::kMemory);
  EXPECT_LT(Settle(true), MonotonicTime::Never());
  disk_.Crash();  // again, before it could be written
  disk_.FailWith(absl::OkStatus());
  Start(CacheMode::kMemory);
  ASSERT_EQ(disk_.Losses()->size(), 1u);
  Kill();
  EXPECT_EQ(outbox_->Losses(kMaxLossRecords)->size(), 1u);
}

TEST_F(TieredOutboxTest, ResultsAreAlwaysDurable) {
  for (const CacheMode mode : {CacheMode::kDiskOnOutage, CacheMode::kMemory}) {
    Start(mode);
    AppendResult();
    Kill();
    EXPECT_EQ(outbox_->Read(Lane::kResult, 0, 10, 1 << 20)->size(),
              mode == CacheMode::kDiskOnOutage ? 1u : 2u);
  }
}

TEST_F(TieredOutboxTest, APositionIsNotOnTheDiskBeforeItsMessagesAreThereOrSent) {
  for (const CacheMode mode : {CacheMode::kDiskOnOutage, CacheMode::kMemory}) {
    Start(mode);
    const int64_t base = disk_.Position("log").value_or(0);
    const EntryId a = AppendRecord(base + 10);
    const EntryId b = AppendRecord(base + 20);
    EXPECT_EQ(outbox_->Position("log"), base + 20);
    EXPECT_EQ(disk_.Position("log").value_or(0), base);
    Remove({b});
    EXPECT_EQ(disk_.Position("log").value_or(0), base) << "the older one is not sent";
    Remove({a});
    EXPECT_EQ(disk_.Position("log"), base + 20);
    AppendRecord(base + 30);
    Kill();
    EXPECT_EQ(outbox_->Position("log"), base + 20) << "the record is read again";
  }
}

TEST_F(TieredOutboxTest, APositionGoesToTheDiskWithItsMessages) {
  Start(CacheMode::kDiskOnOutage);
  AppendRecord(10);
  ASSERT_TRUE(Append().ok());
  Settle(false);
  EXPECT_EQ(disk_.Position("log"), 10);
  AppendRecord(20);
  Kill();
  EXPECT_EQ(outbox_->Position("log"), 20);
  EXPECT_THAT(MessageIds(), ElementsAre(1, 2, 3));
}

TEST_F(TieredOutboxTest, ManyPositionsThatWaitNeitherPileUpNorHoldUpTheOlderOnes) {
  Start(CacheMode::kMemory);
  std::vector<EntryId> ids;
  for (int i = 1; i <= 100; ++i) ids.push_back(AppendRecord(i));
  EXPECT_EQ(outbox_->Position("log"), 100);
  Remove({ids[0]});
  EXPECT_EQ(disk_.Position("log"), 1);
  Remove(std::vector<EntryId>(ids.begin() + 1, ids.begin() + 50));
  EXPECT_EQ(disk_.Position("log"), 7);
  Remove(std::vector<EntryId>(ids.begin() + 50, ids.end()));
  EXPECT_EQ(disk_.Position("log"), 100);
}

TEST_F(TieredOutboxTest, TheLossOfAKillIsOnTheDiskBeforeItsNumbersGo) {
  Start(CacheMode::kMemory);
  ASSERT_TRUE(Append().ok());
  disk_.Crash();
  outbox_ =
      std::make_unique<TieredOutbox>(std::shared_ptr<DurableOutbox>(&disk_, [](DurableOutbox*) {}));
  ASSERT_TRUE(Append().ok());  // durable, and before the first Settle
  EXPECT_EQ(disk_.Losses(10)->size(), 1u);
}

TEST_F(TieredOutboxTest, AChangeOfTheModeMovesNothingOutOfOrder) {
  Start(CacheMode::kDurable);
  ASSERT_TRUE(Append().ok());
  SetMode(CacheMode::kMemory);
  ASSERT_TRUE(Append().ok());
  EXPECT_THAT(OnDisk(), ElementsAre(1));
  SetMode(CacheMode::kDiskOnOutage);
  ASSERT_TRUE(Append().ok());
  EXPECT_THAT(OnDisk(), ElementsAre(1));
  SetMode(CacheMode::kDurable);
  ASSERT_TRUE(Append().ok());
  EXPECT_THAT(OnDisk(), ElementsAre(1, 2, 3, 4));
  SetMode(CacheMode::kMemory);
  ASSERT_TRUE(Append().ok());
  SetMode(CacheMode::kDurable);
  Settle(true);
  EXPECT_THAT(OnDisk(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(MessageIds(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(outbox_->Stats().dropped, 0);
  Kill();
  EXPECT_EQ(outbox_->PeekMessageId(), 6);
}

TEST_F(TieredOutboxTest, AMemoryOfMoreThanAnOutagesIsMovedInSteps) {
  Start(CacheMode::kMemory);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(Append(std::string(100'000, 'x')).ok());
  SetMode(CacheMode::kDiskOnOutage);
  const int before = disk_.writes();
  Settle(true);
  EXPECT_LE(outbox_->Stats().bytes - disk_.Stats().bytes, TieredOutbox::kMaxMemoryBytes);
  EXPECT_GE(disk_.writes() - before, 2);
  EXPECT_EQ(MessageIds().size(), 30u);
}

TEST_F(TieredOutboxTest, MemoryHasThePolicyAndItsLossesAreWrittenTogether) {
  limits_.max_bytes = 3 * SizeOf(Data(1));
  Start(CacheMode::kMemory);
  ASSERT_TRUE(Append().ok());
  const int before = disk_.writes();
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(Append().ok());
  EXPECT_THAT(MessageIds(), ElementsAre(6, 7, 8));
  EXPECT_EQ(outbox_->Stats().dropped, 5);
  EXPECT_EQ(outbox_->Losses(kMaxLossRecords)->front().last_message_id, 5);
  EXPECT_EQ(disk_.writes(), before);
  EXPECT_EQ(Settle(true), clock_.Now() + absl::Minutes(1));
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(Settle(true), MonotonicTime::Never());
  ASSERT_EQ(disk_.Losses()->size(), 1u);
  EXPECT_EQ(disk_.Losses()->front().count, 5);
  EXPECT_EQ(outbox_->Stats().dropped, 5);
}

TEST_F(TieredOutboxTest, LossesOfMemoryThatWereNotWrittenAreInTheLossOfAKill) {
  limits_.max_bytes = 3 * SizeOf(Data(1));
  Start(CacheMode::kMemory);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(Append().ok());
  AppendResult();  // writes numbers anew
  Kill();
  EXPECT_EQ(outbox_->Losses(kMaxLossRecords)->front().first_message_id, 1);
}

TEST_F(TieredOutboxTest, WhatIsTooOldGoesFromTheDiskAndThenFromMemory) {
  Start(CacheMode::kDurable);
  const auto append = [&](int64_t born) {
    ASSERT_TRUE(outbox_->Begin().ok());
    OutboxEntry entry = Data(*outbox_->NextMessageId());
    entry.born = born;
    ASSERT_TRUE(outbox_->Append(entry).ok());
    ASSERT_TRUE(outbox_->Commit().ok());
  };
  const auto drop_older = [&](int64_t born) {
    EXPECT_TRUE(outbox_->Begin().ok());
    const int dropped = *outbox_->DropOlder(born);
    EXPECT_TRUE(outbox_->Commit().ok());
    return dropped;
  };
  for (const int64_t born : {1, 2}) append(born);
  SetMode(CacheMode::kMemory);
  for (const int64_t born : {3, 4}) append(born);
  EXPECT_EQ(drop_older(2), 1);
  EXPECT_THAT(MessageIds(), ElementsAre(2, 3, 4));
  EXPECT_EQ(drop_older(4), 2);
  EXPECT_THAT(MessageIds(), ElementsAre(4));
  EXPECT_EQ(outbox_->Stats().dropped, 3);
}

TEST_F(TieredOutboxTest, LossesOfMemoryHaveTheNumbersThatTheyWillHave) {
  limits_.max_bytes = SizeOf(Data(1));
  Start(CacheMode::kMemory);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Append().ok());
  const std::vector<LossRecord> before = *outbox_->Losses(10);
  ASSERT_EQ(before.size(), 1u);
  EXPECT_EQ(before[0].number, 1);
  ASSERT_TRUE(outbox_->Begin().ok());
  ASSERT_TRUE(outbox_->MarkReported(1).ok());
  ASSERT_TRUE(outbox_->Commit().ok());
  ASSERT_TRUE(Append().ok());
  const std::vector<LossRecord> after = *outbox_->Losses(10);
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[0].count, 2);
  EXPECT_TRUE(after[0].reported);
  EXPECT_EQ(after[1].number, 2);
  EXPECT_EQ(outbox_->Losses(1)->size(), 1u);
}

TEST_F(TieredOutboxTest, ARollbackRestoresMemory) {
  Start(CacheMode::kMemory);
  std::vector<EntryId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(*Append());
  AppendRecord(10);
  const OutboxStats before = outbox_->Stats();
  ASSERT_TRUE(outbox_->Begin().ok());
  ASSERT_TRUE(outbox_->Remove({ids[2], ids[0]}).ok());
  const EntryId added = *outbox_->Append(Data(*outbox_->NextMessageId()));
  ASSERT_TRUE(outbox_->SetPosition("log", 11).ok());
  ASSERT_TRUE(outbox_->Remove({added}).ok());
  outbox_->Rollback();
  EXPECT_THAT(MessageIds(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(outbox_->Position("log"), 10);
  EXPECT_EQ(outbox_->Stats().bytes, before.bytes);
  EXPECT_EQ(outbox_->PeekMessageId(), 6);
}

TEST_F(TieredOutboxTest, ACommitThatFailsLeavesMemoryAsItWas) {
  Start(CacheMode::kDiskOnOutage);
  ASSERT_TRUE(Append().ok());
  disk_.FailNextCommit();
  EXPECT_FALSE(Append().ok());
  EXPECT_THAT(MessageIds(), ElementsAre(1));
  disk_.FailNextCommit();
  EXPECT_LT(Settle(false), MonotonicTime::Never());
  EXPECT_THAT(MessageIds(), ElementsAre(1));
  EXPECT_THAT(OnDisk(), IsEmpty());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Settle(false), MonotonicTime::Never());
  EXPECT_THAT(OnDisk(), ElementsAre(1));
}

TEST_F(TieredOutboxTest, WhenTheDiskFailsMemoryKeepsWhatItHas) {
  Start(CacheMode::kDiskOnOutage);
  ASSERT_TRUE(Append().ok());
  disk_.FailWith(absl::UnavailableError("full"));
  EXPECT_EQ(Settle(false), clock_.Now() + absl::Seconds(1));
  EXPECT_EQ(Append().status().code(), absl::StatusCode::kUnavailable);
  disk_.FailWith(absl::OkStatus());
  EXPECT_THAT(MessageIds(), ElementsAre(1));
  clock_.Advance(absl::Seconds(1));
  Settle(false);
  ASSERT_TRUE(Append().ok());
  EXPECT_THAT(OnDisk(), ElementsAre(1, 2));
}

}  // namespace
}  // namespace fieldgate::cloud_link
