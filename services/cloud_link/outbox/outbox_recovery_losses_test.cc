// cloud_link.db that was damaged or replaced: each message that is not in the new file
// is in a loss record, of which people are told.
#include <gmock/gmock.h>

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/recovery.h"
#include "services/cloud_link/outbox/id_witness.h"
#include "services/cloud_link/outbox/loss_news.h"
#include "services/cloud_link/outbox/outbox_recovery_fixture.h"

namespace fieldgate::cloud_link {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class OutboxRecoveryLossesTest : public OutboxRecoveryTest {
 protected:
  // Damage that no page shows.
  void NoteDamage() { ASSERT_TRUE(sqlite::NoteDamage(sqlite::RealDisk(), path_, "a test").ok()); }
};

// With so much free space.
class ShortDisk : public sqlite::Disk {
 public:
  explicit ShortDisk(int64_t free_bytes) : free_bytes_(free_bytes) {}

  const char* Vfs() const override { return real_.Vfs(); }
  absl::Status CreateIfMissing(const std::string& path) override {
    return real_.CreateIfMissing(path);
  }
  bool Exists(const std::string& path) override { return real_.Exists(path); }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return real_.Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override { return real_.Remove(path); }
  absl::Status SyncDirectoryOf(const std::string& path) override {
    return real_.SyncDirectoryOf(path);
  }
  absl::StatusOr<sqlite::FileIdentity> Identify(const std::string& path) override {
    return real_.Identify(path);
  }
  absl::StatusOr<int64_t> FreeBytes(const std::string&) override { return free_bytes_; }

 private:
  sqlite::Disk& real_ = sqlite::RealDisk();
  const int64_t free_bytes_;
};

TEST_F(OutboxRecoveryLossesTest, WhatAShortDiskHasNoSpaceForIsNamed) {
  Open();
  Fill();
  absl::StatusOr<std::unique_ptr<DurableOutbox>> second = file_->Connector("CloudConn2", {});
  ASSERT_TRUE(second.ok()) << second.status();
  ASSERT_TRUE((*second)->Begin().ok());
  for (int i = 0; i < 5; ++i) {
    OutboxEntry entry;
    entry.topic = "c/fp/g/data";
    entry.message_id = (*second)->NextMessageId().value_or(0);
    entry.content = std::string(10'000, 'y');  // never fits what the first one leaves
    ASSERT_TRUE((*second)->Append(entry).ok());
  }
  ASSERT_TRUE((*second)->Commit().ok());
  second->reset();
  Close();
  NoteDamage();
  ShortDisk disk((8 << 20) + 60'000);  // what a recovery leaves free, and some entries
  ASSERT_TRUE(Recover(disk).has_value());

  Open();
  const std::set<int64_t> waiting = WaitingIds();
  const std::set<int64_t> lost = LostIds();
  EXPECT_GT(waiting.size(), 10u);
  EXPECT_LT(waiting.size(), 50u);
  for (int64_t id = 11; id <= 70; ++id) {
    EXPECT_NE(waiting.count(id), lost.count(id)) << "message " << id;
  }
  second = file_->Connector("CloudConn2", {});
  ASSERT_TRUE(second.ok()) << second.status();
  outbox_ = *std::move(second);
  EXPECT_THAT(WaitingIds(), IsEmpty());
  EXPECT_EQ(LostIds(), (std::set<int64_t>{1, 2, 3, 4, 5}));
}

TEST_F(OutboxRecoveryLossesTest, WhatMemoryHeldIsNamed) {
  for (const CacheMode mode : {CacheMode::kMemory, CacheMode::kDiskOnOutage}) {
    SCOPED_TRACE(static_cast<int>(mode));
    Clear();
    Open(mode);
    for (int i = 0; i < 30; ++i) Append();
    Close();
    NoteDamage();
    ASSERT_TRUE(Recover().has_value());
    Open(mode);
    EXPECT_THAT(WaitingIds(), IsEmpty());
    const std::set<int64_t> lost = LostIds();
    for (int64_t id = 1; id <= 30; ++id) EXPECT_EQ(lost.count(id), 1u) << "message " << id;
    EXPECT_EQ(outbox_->Stats().dropped, static_cast<int64_t>(lost.size()));
  }
}

// They went to the disk after the witness was written.
TEST_F(OutboxRecoveryLossesTest, TheWitnessKnowsTheOldestInMemory) {
  Open(CacheMode::kDiskOnOutage);
  for (int i = 0; i < 5; ++i) Append();
  const std::string witness = Bytes(".witness");
  outbox_->Settle(/*delivering=*/false, MonotonicTime());
  ASSERT_EQ(outbox_->Stats().in_memory, 0);
  Close();
  Write(std::string(50'000, 'x'));
  Write(witness, ".witness");
  ASSERT_TRUE(Recover().has_value());
  Open();
  const std::set<int64_t> lost = LostIds();
  for (int64_t id = 1; id <= 5; ++id) EXPECT_EQ(lost.count(id), 1u) << "message " << id;
}

// With a restored backup, or after a kill whose witness is gone.
TEST_F(OutboxRecoveryLossesTest, IdsThatAreLeftOutAreNotLostFromMemory) {
  for (const bool backup : {true, false}) {
    SCOPED_TRACE(backup);
    Clear();
    Open(CacheMode::kMemory);
    for (int i = 0; i < 5; ++i) Append();
    Close();
    const std::string bytes = Bytes();
    if (backup) {
      Open(CacheMode::kMemory);
      Append();
      Close();
      Write(bytes);
    } else {
      std::filesystem::remove(path_ + ".witness");
    }
    for (int start = 0; start < 2; ++start) {
      Open(CacheMode::kMemory);
      EXPECT_EQ(outbox_->Settle(/*delivering=*/true, MonotonicTime()), MonotonicTime::Never());
      const std::vector<LossRecord> losses = outbox_->Losses().value();
      ASSERT_EQ(losses.size(), 2u);
      EXPECT_EQ(losses[0].reason, "memory lost with the process");
      EXPECT_EQ(losses[0].first_message_id, 1);
      EXPECT_GE(losses[0].last_message_id, 5);
      EXPECT_LT(losses[0].last_message_id, 100);
      EXPECT_EQ(losses[0].count, losses[0].last_message_id);
      EXPECT_EQ(LeftOut(), (LeftOutIds{{losses[0].last_message_id + 1, outbox_->PeekMessageId() - 1,
                                        kLeftOutByBackup}}));
      EXPECT_EQ(outbox_->Stats().dropped, losses[0].count);
      Close();
    }
  }
}

TEST_F(OutboxRecoveryLossesTest, WithoutTheFormerRecordsTheNewOnesAreTold) {
  Open();
  Fill();
  ASSERT_TRUE(outbox_->Begin().ok());
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(outbox_->RecordLoss({i, i, 0, 0, 1, absl::StrCat("reason ", i)}).ok());
  }
  ASSERT_TRUE(outbox_->SetPosition(LossNews::kToldPosition, 3).ok());
  ASSERT_TRUE(outbox_->Commit().ok());
  ASSERT_TRUE(file_->database().Execute("DELETE FROM loss").ok());
  Close();
  NoteDamage();
  ASSERT_TRUE(Recover().has_value());
  Open();
  const std::vector<LossRecord> losses = outbox_->Losses().value();
  ASSERT_THAT(losses, SizeIs(1));
  EXPECT_EQ(losses[0].number, 4);
  EXPECT_EQ(losses[0].reason, kLeftOutOnDisk);
  const LossNews::Told told = {.number = *outbox_->Position(LossNews::kToldPosition)};
  LossNews news(told, outbox_->Stats(), MonotonicTime());
  const auto entries = news.TakeEntries(losses, MonotonicTime() + LossNews::kAtLatest);
  ASSERT_TRUE(entries.has_value());
  EXPECT_THAT(entries->texts, ElementsAre(absl::StrCat(LossText(losses[0]), ", so far")));
}

}  // namespace
}  // namespace fieldgate::cloud_link
