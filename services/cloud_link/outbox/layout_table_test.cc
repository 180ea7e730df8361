// Layouts are kept as long as an entry needs them, over restarts.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/testing/process.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"

namespace fieldgate::cloud_link {
namespace {

class LayoutTest : public ::testing::Test {
 protected:
  // Also again, as after a restart.
  void Open() {
    outbox_.reset();
    file_.reset();
    file_ = *OutboxFile::Open(path_);
    outbox_ = *file_->Connector("CloudConn", {});
  }
  absl::StatusOr<EntryId> Append() {
    EXPECT_TRUE(outbox_->Begin().ok());
    absl::StatusOr<EntryId> id = outbox_->Append(OutboxEntry());
    EXPECT_TRUE(outbox_->Commit().ok());
    return id;
  }
  void Remove(const std::vector<EntryId>& ids) {
    ASSERT_TRUE(outbox_->Begin().ok());
    ASSERT_TRUE(outbox_->Remove(ids).ok());
    ASSERT_TRUE(outbox_->Commit().ok());
  }

  const std::string path_ = NewTempDir() + "/cloud_link.db";
  std::unique_ptr<OutboxFile> file_;
  std::unique_ptr<Outbox> outbox_;
};

TEST_F(LayoutTest, ALayoutOfAnotherConnectorIsNotForgotten) {
  Open();
  std::unique_ptr<Outbox> other = *file_->Connector("CloudConn2", {});
  ASSERT_TRUE(other->Begin().ok());
  const int64_t theirs = *other->PutLayout("layout");
  ASSERT_TRUE(other->Commit().ok());
  ASSERT_TRUE(outbox_->Begin().ok());
  EXPECT_NE(*outbox_->PutLayout("layout"), theirs);
  ASSERT_TRUE(outbox_->PutLayout("another").ok());
  ASSERT_TRUE(outbox_->Commit().ok());
  EXPECT_EQ(*other->GetLayout(theirs), "layout");
}

TEST_F(LayoutTest, AFormerLayoutIsKeptForAnEntryThatComesLater) {
  Open();
  ASSERT_TRUE(outbox_->Begin().ok());
  OutboxEntry entry;
  entry.layout = *outbox_->PutLayout("a");
  const EntryId first = *outbox_->Append(entry);
  ASSERT_TRUE(outbox_->PutLayout("b").ok());
  ASSERT_TRUE(outbox_->Append(entry).ok());
  ASSERT_TRUE(outbox_->Remove({first}).ok());
  ASSERT_TRUE(outbox_->PutLayout("c").ok());
  ASSERT_TRUE(outbox_->Commit().ok());
  EXPECT_EQ(outbox_->GetLayout(entry.layout).value_or("gone"), "a");
}

TEST_F(LayoutTest, ALayoutIsForgottenWhenItsLastEntryIsGone) {
  Open();
  const auto put = [&](const char* bytes) {
    EXPECT_TRUE(outbox_->Begin().ok());
    const int64_t layout = *outbox_->PutLayout(bytes);
    EXPECT_TRUE(outbox_->Commit().ok());
    return layout;
  };
  const auto kept = [&](int64_t layout) { return outbox_->GetLayout(layout).ok(); };
  const int64_t a = put("a");
  const EntryId of_a = *Append();
  const int64_t b = put("b");
  const EntryId of_b = *Append();
  EXPECT_EQ(put("a"), a);  // in use again
  const EntryId of_a_again = *Append();
  Open();
  const int64_t c = put("c");
  EXPECT_TRUE(kept(a) && kept(b) && kept(c));
  Remove({of_a, of_b});
  const int64_t d = put("d");
  EXPECT_TRUE(kept(a));
  EXPECT_FALSE(kept(b));
  Remove({of_a_again});
  put("e");
  EXPECT_FALSE(kept(a));
  EXPECT_FALSE(kept(c));
  EXPECT_FALSE(kept(d));
}

}  // namespace
}  // namespace fieldgate::cloud_link
