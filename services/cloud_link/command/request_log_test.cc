#include "services/cloud_link/command/request_log.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/sqlite/sqlite.h"
#include "common/testing/process.h"
#include "gtest/gtest.h"
#include "services/cloud_link/command/fake_request_log.h"
#include "services/cloud_link/command/sqlite_request_log.h"
#include "services/cloud_link/outbox/fake_outbox.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A log and its outbox; the disk outlives Reopen.
class Disk {
 public:
  virtual ~Disk() = default;
  virtual void Reopen() = 0;
  virtual RequestLog& log() = 0;
  virtual Outbox& outbox() = 0;
};

class FakeDisk : public Disk {
 public:
  void Reopen() override { outbox_.Crash(); }
  RequestLog& log() override { return log_; }
  Outbox& outbox() override { return outbox_; }

 private:
  FakeOutbox outbox_;
  FakeRequestLog log_{outbox_};
};

std::string NewFile() {
  static int count = 0;
  return absl::StrCat(getenv("TEST_TMPDIR"), "/", ++count, ".db");
}

class SqliteDisk : public Disk {
 public:
  explicit SqliteDisk(std::string path = NewFile()) : path_(std::move(path)) { Reopen(); }

  void Reopen() override {
    log_.reset();
    outbox_.reset();
    file_.reset();
    file_ = OutboxFile::Open(path_).value();
    outbox_ = file_->Connector("CloudConn", {}).value();
    log_ = OpenSqliteRequestLog(*file_, "CloudConn").value();
  }
  RequestLog& log() override { return *log_; }
  Outbox& outbox() override { return *outbox_; }
  OutboxFile& file() { return *file_; }

 private:
  const std::string path_;
  std::unique_ptr<OutboxFile> file_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<RequestLog> log_;
};

void Answer(Disk& disk, RequestNumber number, const std::string& key, const std::string& body) {
  ASSERT_TRUE(disk.outbox().Begin().ok());
  ASSERT_TRUE(disk.log().Answer(number, key, {"t/cmdResult", body, false}).ok());
  ASSERT_TRUE(disk.outbox().Commit().ok());
}

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Disk>()> make;
};

class RequestLogTest : public testing::TestWithParam<Kind> {
 protected:
  std::unique_ptr<Disk> disk_ = GetParam().make();
};

INSTANTIATE_TEST_SUITE_P(Logs, RequestLogTest,
                         testing::Values(Kind{"Fake", [] { return std::make_unique<FakeDisk>(); }},
                                         Kind{"Sqlite",
                                              [] { return std::make_unique<SqliteDisk>(); }}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(RequestLogTest, AnAcceptedRequestIsThereAfterARestart) {
  const RequestNumber first = disk_->log().Accept("t/cmd", "one").value();
  const RequestNumber second = disk_->log().Accept("t/state", "two").value();
  EXPECT_LT(first, second);
  ASSERT_TRUE(disk_->log().Begin(first).ok());
  disk_->Reopen();
  const std::vector<LoggedRequest> requests = disk_->log().Unanswered().value();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(requests[0].number, first);
  EXPECT_EQ(requests[0].topic, "t/cmd");
  EXPECT_EQ(requests[0].body, "one");
  EXPECT_TRUE(requests[0].begun);
  EXPECT_EQ(requests[1].topic, "t/state");
  EXPECT_FALSE(requests[1].begun);
}

TEST_P(RequestLogTest, AHeldAnswerIsThereAfterARestartUntilItIsAnswered) {
  const RequestNumber number = disk_->log().Accept("t/config", "one").value();
  ASSERT_TRUE(disk_->log().Begin(number).ok());
  ASSERT_TRUE(disk_->log().Hold(number, std::string("\0half", 5)).ok());
  disk_->Reopen();
  const std::vector<LoggedRequest> requests = disk_->log().Unanswered().value();
  ASSERT_THAT(requests, SizeIs(1));
  EXPECT_EQ(requests[0].body, "one");
  EXPECT_TRUE(requests[0].begun);
  EXPECT_EQ(requests[0].held, std::string("\0half", 5));
  Answer(*disk_, number, "config/1", "done");
  EXPECT_THAT(disk_->log().Unanswered().value(), IsEmpty());
  EXPECT_EQ(disk_->log().Find("config/1").value()->body, "done");
}

TEST_P(RequestLogTest, AnAnswerIsFoundByItsKeyAfterARestart) {
  Answer(*disk_, disk_->log().Accept("t/cmd", "one").value(), "cmd/1", "done");
  disk_->Reopen();
  EXPECT_THAT(disk_->log().Unanswered().value(), IsEmpty());
  const std::optional<LoggedAnswer> answer = disk_->log().Find("cmd/1").value();
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(answer->topic, "t/cmdResult");
  EXPECT_EQ(answer->body, "done");
  EXPECT_FALSE(answer->dropped);
  EXPECT_FALSE(disk_->log().Find("cmd/2").value().has_value());
}

TEST_P(RequestLogTest, WithoutAKeyItIsForgotten) {
  Answer(*disk_, disk_->log().Accept("t/cmd", "one").value(), "", "done");
  EXPECT_THAT(disk_->log().Unanswered().value(), IsEmpty());
  EXPECT_FALSE(disk_->log().Find("").value().has_value());
}

TEST_P(RequestLogTest, AnAnswerThatIsNotCommittedIsNone) {
  const RequestNumber number = disk_->log().Accept("t/cmd", "one").value();
  ASSERT_TRUE(disk_->outbox().Begin().ok());
  ASSERT_TRUE(disk_->log().Answer(number, "cmd/1", {"t", "done", false}).ok());
  disk_->outbox().Rollback();
  EXPECT_THAT(disk_->log().Unanswered().value(), SizeIs(1));
  EXPECT_FALSE(disk_->log().Find("cmd/1").value().has_value());
}

// Of the real one only: its bounds, its neighbours and its history.

TEST(SqliteRequestLogTest, RemembersTheLastThousandAnswers) {
  SqliteDisk disk;
  for (int i = 0; i <= kMaxAnswered; ++i) {
    Answer(disk, disk.log().Accept("t/cmd", "x").value(), absl::StrCat("cmd/", i), "done");
  }
  EXPECT_FALSE(disk.log().Find("cmd/0").value().has_value());
  EXPECT_TRUE(disk.log().Find("cmd/1").value().has_value());
  EXPECT_TRUE(disk.log().Find(absl::StrCat("cmd/", kMaxAnswered)).value().has_value());
}

TEST(SqliteRequestLogTest, DropsTheOldestAnswersBeyondEightMegabytesButKnowsTheirKeys) {
  SqliteDisk disk;
  for (int i = 0; i < 10; ++i) {
    Answer(disk, disk.log().Accept("t/cmd", "x").value(), absl::StrCat("cmd/", i),
           std::string(1 << 20, 'x'));
  }
  EXPECT_TRUE(disk.log().Find("cmd/1").value()->dropped);
  EXPECT_FALSE(disk.log().Find("cmd/2").value()->dropped);
  EXPECT_EQ(disk.log().Find("cmd/9").value()->body.size(), size_t{1} << 20);
}

TEST(SqliteRequestLogTest, ConnectorsDontSeeEachOthersRequests) {
  SqliteDisk disk;
  const std::unique_ptr<RequestLog> other = OpenSqliteRequestLog(disk.file(), "CloudConn2").value();
  Answer(disk, disk.log().Accept("t/cmd", "x").value(), "cmd/1", "done");
  ASSERT_TRUE(disk.log().Accept("t/cmd", "y").ok());
  EXPECT_THAT(other->Unanswered().value(), IsEmpty());
  EXPECT_FALSE(other->Find("cmd/1").value().has_value());
}

TEST(SqliteRequestLogTest, AcceptSaysSoWhenTheFileStaysLocked) {
  SqliteDisk disk;
  ASSERT_TRUE(disk.outbox().Begin().ok());
  EXPECT_TRUE(absl::IsUnavailable(disk.log().Accept("t/cmd", "x").status()));
  disk.outbox().Rollback();
  EXPECT_TRUE(disk.log().Accept("t/cmd", "x").ok());
}

// Accepted it is: better late than refused.
TEST(SqliteRequestLogTest, ARequestIsBegunAfterTheFileWasLockedForMoreThanASecond) {
  SqliteDisk disk;
  const RequestNumber number = disk.log().Accept("t/cmd", "x").value();
  ASSERT_TRUE(disk.outbox().Begin().ok());
  std::atomic<bool> returned = false;
  absl::Status begun;
  std::thread worker([&] {
    begun = disk.log().Begin(number);
    returned = true;
  });
  EXPECT_FALSE(Eventually(absl::Milliseconds(1500), [&] { return returned.load(); })) << begun;
  EXPECT_TRUE(disk.outbox().Commit().ok());
  worker.join();
  EXPECT_TRUE(begun.ok()) << begun;
  EXPECT_TRUE(disk.log().Unanswered().value()[0].begun);
}

// A new file as this version of the program left it.
std::string OldFile(int version) {
  std::string path = NewFile();
  std::ifstream sql(
      absl::StrCat("services/cloud_link/outbox/testdata/cloud_link_version_", version, ".sql"));
  std::stringstream text;
  text << sql.rdbuf();
  EXPECT_FALSE(text.str().empty());
  EXPECT_TRUE(sqlite::Database::Open(path).value()->Execute(text.str()).ok());
  return path;
}

TEST(SqliteRequestLogTest, AFileOfBeforeProbationsIsUpgraded) {
  SqliteDisk disk(OldFile(2));
  EXPECT_EQ(disk.outbox().PeekMessageId(), 42);
  const std::vector<LoggedRequest> requests = disk.log().Unanswered().value();
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_TRUE(requests[0].begun);
  EXPECT_EQ(requests[0].held, "");
  EXPECT_FALSE(requests[1].begun);
  EXPECT_EQ(disk.log().Find("cmd/1").value()->body, "{\"a\":1}");
  ASSERT_TRUE(disk.log().Hold(requests[0].number, "half").ok());
  EXPECT_EQ(disk.log().Unanswered().value()[0].held, "half");
}

TEST(SqliteRequestLogTest, AFileOfBeforeTheFeedbackChannelIsUpgraded) {
  SqliteDisk disk(OldFile(1));
  EXPECT_EQ(disk.outbox().PeekMessageId(), 42);
  EXPECT_EQ(disk.outbox().Stats().entries, 1);
  EXPECT_THAT(disk.log().Unanswered().value(), IsEmpty());
  EXPECT_TRUE(disk.log().Accept("t/cmd", "x").ok());
}

}  // namespace
}  // namespace fieldgate::cloud_link
