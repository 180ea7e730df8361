#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/sqlite/sqlite.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/cloud_link/command/sqlite_factory_journal.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"

namespace fieldgate::cloud_link {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class FactoryJournalTest : public testing::Test {
 protected:
  FactoryJournalTest() {
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directory(dir_);
    Restart();
  }

  // Also a kill: nothing is done at the end.
  void Restart() {
    outbox_.reset();
    journal_.reset();
    file_.reset();
    auto file = OutboxFile::Open(dir_ + "/cloud_link.db");
    ASSERT_TRUE(file.ok()) << file.status();
    file_ = *std::move(file);
    auto journal = OpenSqliteFactoryJournal(*file_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
    auto outbox = file_->Connector("CloudConn", OutboxLimits());
    ASSERT_TRUE(outbox.ok()) << outbox.status();
    outbox_ = *std::move(outbox);
  }

  void StoreMessage() {
    ASSERT_TRUE(outbox_->Begin().ok());
    OutboxEntry entry;
    entry.topic = "owner/fp/gw/data";
    entry.message_id = *outbox_->NextMessageId();
    entry.content = "secret";
    ASSERT_TRUE(outbox_->Append(entry).ok());
    ASSERT_TRUE(outbox_->Commit().ok());
  }
  std::vector<StoredEntry> Messages() { return *outbox_->Read(Lane::kData, 0, 10, 1 << 20); }

  const std::string dir_ = absl::StrCat(getenv("TEST_TMPDIR"), "/journal");
  std::unique_ptr<OutboxFile> file_;
  std::unique_ptr<FactoryJournal> journal_;
  std::unique_ptr<Outbox> outbox_;
};

TEST_F(FactoryJournalTest, TheFirstEpochIsOurs) {
  EXPECT_FALSE(*journal_->Begins(7));
  EXPECT_FALSE(*journal_->Begins(7));
  StoreMessage();
  Restart();
  EXPECT_THAT(Messages(), SizeIs(1));
}

TEST_F(FactoryJournalTest, AtTheStartAfterAnEpochBeganAllOfBeforeIsForgotten) {
  EXPECT_FALSE(*journal_->Begins(0));
  StoreMessage();
  EXPECT_TRUE(*journal_->Begins(1));
  EXPECT_THAT(Messages(), SizeIs(1));  // not while it is in use
  Restart();
  EXPECT_THAT(Messages(), IsEmpty());
  EXPECT_EQ(outbox_->Stats().entries, 0);
  EXPECT_EQ(outbox_->Stats().data_bytes, 0) << "all of its bounds is free again";
  EXPECT_FALSE(*journal_->Begins(1));
  StoreMessage();
  Restart();
  EXPECT_THAT(Messages(), SizeIs(1));
}

TEST_F(FactoryJournalTest, AnEarlierEpochForgetsNothingAndTheNextOneCounts) {
  EXPECT_FALSE(*journal_->Begins(3));
  StoreMessage();
  EXPECT_FALSE(*journal_->Begins(0));
  Restart();
  EXPECT_THAT(Messages(), SizeIs(1));
  EXPECT_TRUE(*journal_->Begins(1));
  Restart();
  EXPECT_THAT(Messages(), IsEmpty());
}

TEST_F(FactoryJournalTest, MessageIdsGoOn) {
  EXPECT_FALSE(*journal_->Begins(0));
  StoreMessage();
  const int64_t next = outbox_->PeekMessageId();
  EXPECT_TRUE(*journal_->Begins(1));
  Restart();
  EXPECT_EQ(outbox_->PeekMessageId(), next);
}

TEST_F(FactoryJournalTest, AnOrderSurvivesUntilItsEpochBegins) {
  EXPECT_FALSE(*journal_->Begins(0));
  ASSERT_TRUE(journal_->Order("portal CloudConn").ok());
  Restart();
  EXPECT_EQ(journal_->ordered(), "portal CloudConn");
  EXPECT_TRUE(*journal_->Begins(1));
  Restart();
  EXPECT_EQ(journal_->ordered(), std::nullopt);
}

TEST_F(FactoryJournalTest, AnOrderThatCannotBeDoneIsDropped) {
  ASSERT_TRUE(journal_->Order("portal CloudConn").ok());
  ASSERT_TRUE(journal_->Drop().ok());
  Restart();
  EXPECT_EQ(journal_->ordered(), std::nullopt);
}

}  // namespace
}  // namespace fieldgate::cloud_link
