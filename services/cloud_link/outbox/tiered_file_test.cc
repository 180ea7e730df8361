// Memory before an outbox in a file: what is there after a restart.
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "common/testing/process.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"
#include "services/cloud_link/outbox/tiered_outbox.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::IsEmpty;

class TieredFileTest : public ::testing::Test {
 protected:
  void Open(CacheMode mode) {
    Close();
    file_ = *OutboxFile::Open(path_);
    outbox_ = std::make_unique<TieredOutbox>(*file_->Connector("CloudConn", {}));
    outbox_->SetLimits({.mode = mode});
    outbox_->Settle(true, MonotonicTime());
  }
  // As a kill, if Close of the outbox did not come before.
  void Close() {
    outbox_.reset();
    file_.reset();
  }
  void Append(int64_t layout) {
    ASSERT_TRUE(outbox_->Begin().ok());
    OutboxEntry entry;
    entry.message_id = *outbox_->NextMessageId();
    entry.layout = layout;
    ASSERT_TRUE(outbox_->Append(entry).ok());
    ASSERT_TRUE(outbox_->Commit().ok());
  }
  int64_t PutLayout(const std::string& bytes) {
    EXPECT_TRUE(outbox_->Begin().ok());
    const int64_t layout = *outbox_->PutLayout(bytes);
    EXPECT_TRUE(outbox_->Commit().ok());
    return layout;
  }

  const std::string path_ = NewTempDir() + "/cloud_link.db";
  std::unique_ptr<OutboxFile> file_;
  std::unique_ptr<TieredOutbox> outbox_;
};

TEST_F(TieredFileTest, AKillSkipsTheNumbersThatMayHaveBeenUsed) {
  Open(CacheMode::kMemory);
  for (int i = 0; i < 5; ++i) Append(0);
  Open(CacheMode::kMemory);
  EXPECT_GE(outbox_->PeekMessageId(), 6);
  const std::vector<LossRecord> losses = *outbox_->Losses(kMaxLossRecords);
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].first_message_id, 1);
  EXPECT_EQ(losses[0].last_message_id, outbox_->PeekMessageId() - 1);
}

TEST_F(TieredFileTest, AnOrderlyStopSkipsNone) {
  Open(CacheMode::kDiskOnOutage);
  for (int i = 0; i < 5; ++i) Append(0);
  ASSERT_TRUE(outbox_->Close().ok());
  Open(CacheMode::kDiskOnOutage);
  EXPECT_EQ(outbox_->PeekMessageId(), 6);
  EXPECT_EQ(outbox_->Stats().entries, 5);
  EXPECT_THAT(*outbox_->Losses(kMaxLossRecords), IsEmpty());
}

TEST_F(TieredFileTest, ALayoutThatOnlyMemoryNeedsIsKept) {
  Open(CacheMode::kMemory);
  const int64_t a = PutLayout("a");
  Append(a);
  const int64_t b = PutLayout("b");
  Append(b);
  PutLayout("c");
  EXPECT_EQ(*outbox_->GetLayout(a), "a");
  EXPECT_EQ(*outbox_->GetLayout(b), "b");
  ASSERT_TRUE(outbox_->Close().ok());
  PutLayout("d");
  EXPECT_FALSE(outbox_->GetLayout(a).ok());
}

}  // namespace
}  // namespace fieldgate::cloud_link
