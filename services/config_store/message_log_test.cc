// CS-16: the logs of messages, on a real database file.
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/sqlite/sqlite.h"
#include "common/testing/process.h"
#include "gtest/gtest.h"
#include "services/config_store/configuration_store.h"

namespace fieldgate::config_store {
namespace {

class MessageLogTest : public testing::Test {
 protected:
  MessageLogTest() { Reopen(); }

  void Reopen() {
    store_.reset();
    absl::StatusOr<std::unique_ptr<ConfigurationStore>> store =
        ConfigurationStore::Open(path_, v1::Device(), clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  absl::Status Append(const std::string& log, const std::string& message) {
    v1::SupportLogEntry entry;
    entry.set_log(log);
    entry.set_source("cloud_link");
    entry.set_message(message);
    return store_->AppendMessage(entry);
  }

  const std::string path_ = NewTempDir() + "/config.db";
  FakeClock clock_;
  std::unique_ptr<ConfigurationStore> store_;
};

TEST_F(MessageLogTest, ALogOfMessagesIsARingOf10000OneLineEntries) {
  EXPECT_EQ(store_->ListMessages("Event", 0)->total(), 0);
  ASSERT_EQ(Append("Event", "two\nlines"), absl::OkStatus());
  ASSERT_EQ(Append("Event", std::string(3'000, 'x')), absl::OkStatus());
  auto list = store_->ListMessages("Event", 0);
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->entries_size(), 2);
  EXPECT_EQ(list->entries(0).message().size(), 2'000u);
  EXPECT_EQ(list->entries(1).message(), "two lines");
  EXPECT_EQ(list->entries(1).source(), "cloud_link");
  EXPECT_EQ(list->entries(1).log(), "Event");
  EXPECT_EQ(list->entries(1).at().seconds(), 1'700'000'000);
  EXPECT_EQ(store_->ListMessages("Event", 10'001).status().code(),
            absl::StatusCode::kInvalidArgument);

  auto database = sqlite::Database::Open(path_);
  ASSERT_EQ((*database)->Execute("WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n"
                                 " WHERE i < 10000) INSERT INTO message"
                                 " SELECT 'Event', i, 0, 'x', 'x' FROM n"),
            absl::OkStatus());
  ASSERT_EQ(Append("Event", "last"), absl::OkStatus());
  list = store_->ListMessages("Event", 10'000);
  EXPECT_EQ(list->total(), 10'001) << "those ever made";
  ASSERT_EQ(list->entries_size(), 10'000);
  EXPECT_EQ(list->entries(0).message(), "last");
  EXPECT_EQ(list->entries(9'999).message().size(), 2'000u) << "the oldest is gone";
}

TEST_F(MessageLogTest, EachLogOfMessagesHasEntriesAndNumbersOfItsOwn) {
  ASSERT_EQ(Append("", "a"), absl::OkStatus());
  ASSERT_EQ(Append("SupportLog", "b"), absl::OkStatus());
  ASSERT_EQ(Append("JobReport", "c"), absl::OkStatus());
  ASSERT_EQ(Append("Login", "d"), absl::OkStatus());
  Reopen();
  EXPECT_EQ(store_->ListMessages("", 0)->total(), 2);
  EXPECT_EQ(store_->ListMessages("SupportLog", 1)->entries(0).message(), "b");
  EXPECT_EQ(store_->ListMessages("JobReport", 0)->entries(0).message(), "c");
  EXPECT_EQ(store_->ListMessages("Login", 0)->total(), 1);
  EXPECT_EQ(store_->ListMessages("Event", 0)->total(), 0);
}

TEST_F(MessageLogTest, AnUnknownLogOfMessagesIsRefusedAndTheKnownOnesAreNamed) {
  const absl::Status append = Append("Events", "x");
  EXPECT_EQ(append.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(append.message(),
            "there is no log of messages 'Events'; there are SupportLog, Event, JobReport, Login");
  EXPECT_EQ(store_->ListMessages("support", 0).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace fieldgate::config_store
