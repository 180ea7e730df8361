// What only the durable outbox promises: restarts, crashes, failing disks.
#include "services/cloud_link/outbox/sqlite_outbox.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/sqlite/sqlite.h"
#include "common/testing/process.h"
#include "services/cloud_link/mqtt/fake_mqtt_client.h"
#include "services/cloud_link/outbox/outbox_pump.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kLong = absl::Seconds(20);

class SqliteOutboxTest : public ::testing::Test {
 protected:
  void Open() {
    absl::StatusOr<std::unique_ptr<OutboxFile>> file = OutboxFile::Open(path_);
    ASSERT_TRUE(file.ok()) << file.status();
    file_ = *std::move(file);
    outbox_ = Connector("CloudConn");
  }
  // As after the end of the process.
  void Close() {
    outbox_.reset();
    file_.reset();
  }
  void Reopen() {
    Close();
    Open();
  }

  std::unique_ptr<DurableOutbox> Connector(const std::string& name,
                                           const OutboxLimits& limits = {}) {
    absl::StatusOr<std::unique_ptr<DurableOutbox>> outbox = file_->Connector(name, limits);
    EXPECT_TRUE(outbox.ok()) << outbox.status();
    return outbox.ok() ? *std::move(outbox) : nullptr;
  }

  // A file as a former version left it.
  void MakeFile(absl::string_view sql_file) {
    std::ifstream sql(absl::StrCat("services/cloud_link/outbox/testdata/", sql_file));
    std::stringstream text;
    text << sql.rdbuf();
    ASSERT_FALSE(text.str().empty());
    ASSERT_TRUE(sqlite::Database::Open(path_).value()->Execute(text.str()).ok());
  }

  static absl::StatusOr<EntryId> Append(Outbox& outbox, const std::string& content = "columns") {
    if (absl::Status s = outbox.Begin(); !s.ok()) return s;
    OutboxEntry entry;
    entry.topic = "c/fp/g/data";
    absl::StatusOr<int64_t> message_id = outbox.NextMessageId();
    if (!message_id.ok()) return message_id.status();
    entry.message_id = *message_id;
    entry.content = content;
    absl::StatusOr<EntryId> id = outbox.Append(entry);
    if (!id.ok() && !absl::IsResourceExhausted(id.status())) return id;
    if (absl::Status s = outbox.Commit(); !s.ok()) return s;
    return id;
  }

  static void Remove(Outbox& outbox, const std::vector<EntryId>& ids) {
    ASSERT_TRUE(outbox.Begin().ok());
    ASSERT_TRUE(outbox.Remove(ids).ok());
    ASSERT_TRUE(outbox.Commit().ok());
  }

  static std::vector<int64_t> MessageIds(Outbox& outbox) {
    std::vector<int64_t> ids;
    const auto read = outbox.Read(Lane::kData, 0, 1 << 30, int64_t{1} << 40);
    EXPECT_TRUE(read.ok()) << read.status();
    if (!read.ok()) return ids;
    for (const StoredEntry& stored : *read) ids.push_back(stored.entry.message_id);
    return ids;
  }

  const std::string path_ = NewTempDir() + "/cloud_link.db";
  std::unique_ptr<OutboxFile> file_;
  std::unique_ptr<Outbox> outbox_;
};

TEST_F(SqliteOutboxTest, EverythingCommittedIsThereAfterARestart) {
  Open();
  ASSERT_TRUE(outbox_->Begin().ok());
  const int64_t layout = *outbox_->PutLayout("layout");
  ASSERT_TRUE(outbox_->Commit().ok());
  ASSERT_TRUE(Append(*outbox_, "a").ok());
  ASSERT_TRUE(Append(*outbox_, "b").ok());
  ASSERT_EQ(*outbox_->NextCounter("rollout"), 1);
  const OutboxStats before = outbox_->Stats();
  Reopen();
  EXPECT_THAT(MessageIds(*outbox_), ElementsAre(1, 2));
  EXPECT_EQ(outbox_->PeekMessageId(), 3);
  EXPECT_EQ(*outbox_->NextCounter("rollout"), 2);
  EXPECT_EQ(*outbox_->GetLayout(layout), "layout");
  EXPECT_EQ(outbox_->Stats().entries, before.entries);
  EXPECT_EQ(outbox_->Stats().bytes, before.bytes);
}

TEST_F(SqliteOutboxTest, WhatWasNotCommittedIsGoneAfterARestart) {
  Open();
  ASSERT_TRUE(Append(*outbox_).ok());
  ASSERT_TRUE(outbox_->Begin().ok());
  ASSERT_TRUE(outbox_->NextMessageId().ok());
  ASSERT_TRUE(outbox_->Append(OutboxEntry()).ok());
  Reopen();
  EXPECT_THAT(MessageIds(*outbox_), ElementsAre(1));
  EXPECT_EQ(outbox_->PeekMessageId(), 2);
}

TEST_F(SqliteOutboxTest, IdsAreNeverUsedAgainEvenWhenTheOutboxWasEmptied) {
  Open();
  const EntryId first = *Append(*outbox_);
  const EntryId second = *Append(*outbox_);
  Remove(*outbox_, {first, second});
  Reopen();
  const EntryId third = *Append(*outbox_);
  EXPECT_GT(third, second);
  EXPECT_THAT(MessageIds(*outbox_), ElementsAre(3));
}

TEST_F(SqliteOutboxTest, AMessageThatWasRefusedKeepsItsIdAfterARestart) {
  Open();
  outbox_->SetLimits({.max_bytes = 1, .policy = FullPolicy::kDropNewest});
  EXPECT_FALSE(Append(*outbox_).ok());
  Reopen();
  EXPECT_EQ(outbox_->PeekMessageId(), 2);
  EXPECT_EQ(outbox_->Stats().dropped, 1);
}

TEST_F(SqliteOutboxTest, ALossGoesOnInTheSameRecordAfterARestart) {
  Open();
  for (int round = 0; round < 3; ++round) {
    outbox_->SetLimits({.max_bytes = 100, .policy = FullPolicy::kDropOldest});
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(Append(*outbox_).ok());
    Reopen();
  }
  const std::vector<LossRecord> losses = *outbox_->Losses();
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].first_message_id, 1);
  EXPECT_EQ(losses[0].last_message_id, 11);
  EXPECT_EQ(losses[0].count, 11);
}

TEST_F(SqliteOutboxTest, TwoConnectorsDoNotDisturbEachOther) {
  Open();
  std::unique_ptr<Outbox> other = Connector("CloudConn2");
  const EntryId a = *Append(*outbox_, "a");
  const EntryId b = *Append(*other, "b");
  ASSERT_TRUE(Append(*other, "c").ok());
  EXPECT_EQ(a, b);  // numbers of their own

  Remove(*outbox_, {a});
  EXPECT_THAT(MessageIds(*outbox_), IsEmpty());
  EXPECT_THAT(MessageIds(*other), ElementsAre(1, 2));

  other->SetLimits({.max_bytes = 100, .policy = FullPolicy::kDropOldest});
  ASSERT_TRUE(Append(*outbox_, "a2").ok());
  ASSERT_TRUE(Append(*other, "d").ok());
  EXPECT_THAT(MessageIds(*outbox_), ElementsAre(2));
  EXPECT_THAT(MessageIds(*other), ElementsAre(3));
  EXPECT_THAT(*outbox_->Losses(), IsEmpty());
  EXPECT_EQ(other->Losses()->size(), 1u);
}

TEST_F(SqliteOutboxTest, PositionsAreThoseOfTheConnector) {
  Open();
  const std::unique_ptr<Outbox> other = Connector("CloudConn2");
  ASSERT_TRUE(outbox_->Begin().ok());
  ASSERT_TRUE(outbox_->SetPosition("log Energy", 17).ok());
  ASSERT_TRUE(outbox_->SetPosition("log Alarms", 3).ok());
  ASSERT_TRUE(outbox_->Commit().ok());
  ASSERT_TRUE(outbox_->Begin().ok());
  ASSERT_TRUE(outbox_->SetPosition("log Energy", 18).ok());
  ASSERT_TRUE(outbox_->Commit().ok());
  EXPECT_EQ(other->Position("log Energy"), std::nullopt);
  EXPECT_EQ(outbox_->Position("log Energy"), 18);
  EXPECT_EQ(outbox_->Position("log"), std::nullopt);
}

TEST_F(SqliteOutboxTest, APositionIsAfterARestartWhatWasCommitted) {
  Open();
  ASSERT_TRUE(outbox_->Begin().ok());
  ASSERT_TRUE(outbox_->SetPosition("log", 17).ok());
  ASSERT_TRUE(outbox_->Commit().ok());
  ASSERT_TRUE(outbox_->Begin().ok());
  ASSERT_TRUE(outbox_->SetPosition("log", 18).ok());
  Reopen();
  EXPECT_EQ(outbox_->Position("log"), 17);
}

TEST_F(SqliteOutboxTest, AFileOfBeforeThePositionsIsUpgraded) {
  MakeFile("cloud_link_version_2.sql");
  Open();
  EXPECT_EQ(outbox_->PeekMessageId(), 42);
  EXPECT_THAT(MessageIds(*outbox_), ElementsAre(41));
  EXPECT_EQ(outbox_->Stats().dropped, 3);
  EXPECT_EQ(outbox_->Losses()->size(), 1u);
  EXPECT_EQ(outbox_->Position("log"), std::nullopt);
  ASSERT_TRUE(outbox_->Begin().ok());
  EXPECT_TRUE(outbox_->SetPosition("log", 1).ok());
  EXPECT_TRUE(outbox_->Commit().ok());
}

TEST_F(SqliteOutboxTest, AFileOfBeforeTheCountsIsUpgraded) {
  MakeFile("cloud_link_version_8.sql");
  Open();
  EXPECT_EQ(outbox_->Stats().entries, 1);
  EXPECT_EQ(outbox_->Stats().data_bytes, 71);
  std::unique_ptr<DurableOutbox> other = Connector("CloudConn2");
  EXPECT_EQ(other->Stats().entries, 3);
  EXPECT_EQ(other->Stats().bytes, 271);
  EXPECT_EQ(other->Stats().data_bytes, 201);
  EXPECT_EQ(other->Position("log Energy"), 17);
  EXPECT_EQ(other->stored_numbers().unsure_from, 0);
  // Its layouts are still there when another one is put.
  ASSERT_TRUE(other->Begin().ok());
  ASSERT_TRUE(other->PutLayout("c").ok());
  ASSERT_TRUE(other->Commit().ok());
  EXPECT_EQ(*other->GetLayout(1), "a");
  EXPECT_EQ(*other->GetLayout(2), "b");
}

TEST_F(SqliteOutboxTest, WhatItHoldsIsKnownAfterARestartWithoutCounting) {
  Open();
  std::vector<EntryId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(*Append(*outbox_, std::string(100, 'x')));
  Remove(*outbox_, {ids[0], ids[3]});
  ASSERT_TRUE(outbox_->Begin().ok());
  OutboxEntry result;
  result.lane = Lane::kResult;
  ASSERT_TRUE(outbox_->Append(result).ok());
  ASSERT_TRUE(outbox_->Commit().ok());
  const OutboxStats before = outbox_->Stats();
  EXPECT_EQ(before.entries, 4);
  Reopen();
  EXPECT_EQ(outbox_->Stats().entries, before.entries);
  EXPECT_EQ(outbox_->Stats().bytes, before.bytes);
  EXPECT_EQ(outbox_->Stats().data_bytes, before.data_bytes);
}

TEST_F(SqliteOutboxTest, LossesOfBeforeTheyWereReportedAreStillToBe) {
  MakeFile("cloud_link_version_7.sql");
  Open();
  EXPECT_EQ(outbox_->Position("log Energy"), 17);
  EXPECT_EQ(outbox_->Stats().dropped, 5);
  EXPECT_EQ(outbox_->Stats().unreported_losses, 2);
  const std::vector<LossRecord> losses = *outbox_->Losses();
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_EQ(losses[1].number, 2);
  EXPECT_EQ(losses[1].count, 3);
  EXPECT_FALSE(losses[1].reported);
  const std::vector<StoredEntry> entries = *outbox_->Read(Lane::kData, 0, 10, 1 << 20);
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].entry.born, 0);
}

TEST_F(SqliteOutboxTest, WhatWasReportedIsReportedAfterARestart) {
  Open();
  outbox_->SetLimits({.max_bytes = 1, .policy = FullPolicy::kDropNewest});
  EXPECT_FALSE(Append(*outbox_).ok());
  ASSERT_TRUE(outbox_->Begin().ok());
  ASSERT_TRUE(outbox_->MarkReported(1).ok());
  ASSERT_TRUE(outbox_->Commit().ok());
  Reopen();
  EXPECT_EQ(outbox_->Stats().unreported_losses, 0);
  EXPECT_TRUE(outbox_->Losses()->front().reported);
  outbox_->SetLimits({.max_bytes = 1, .policy = FullPolicy::kDropNewest});
  EXPECT_FALSE(Append(*outbox_).ok());
  Reopen();
  EXPECT_EQ(outbox_->Stats().unreported_losses, 1);
  EXPECT_EQ(outbox_->Losses()->size(), 2u);
}

TEST_F(SqliteOutboxTest, CountersAreSharedByTheConnectors) {
  Open();
  std::unique_ptr<Outbox> other = Connector("CloudConn2");
  EXPECT_EQ(*outbox_->NextCounter("request"), 1);
  EXPECT_EQ(*other->NextCounter("request"), 2);
}

TEST_F(SqliteOutboxTest, OneTransactionAtATime) {
  Open();
  std::unique_ptr<Outbox> other = Connector("CloudConn2");
  ASSERT_TRUE(outbox_->Begin().ok());
  EXPECT_EQ(other->Begin().code(), absl::StatusCode::kFailedPrecondition);
  other->Rollback();  // isn't its own
  EXPECT_TRUE(outbox_->NextMessageId().ok());
  EXPECT_TRUE(outbox_->Commit().ok());
}

TEST_F(SqliteOutboxTest, AConnectorsOutboxIsOpenOnce) {
  Open();
  EXPECT_EQ(file_->Connector("CloudConn", {}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  outbox_.reset();
  EXPECT_TRUE(file_->Connector("CloudConn", {}).ok());
}

TEST_F(SqliteOutboxTest, ADamagedFileIsDataLoss) {
  std::ofstream(path_) << std::string(10'000, 'x');
  EXPECT_EQ(OutboxFile::Open(path_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(SqliteOutboxTest, AMissingDirectoryIsUnavailable) {
  EXPECT_EQ(OutboxFile::Open("/no/such/dir/cloud_link.db").status().code(),
            absl::StatusCode::kUnavailable);
}

// A disk that takes no more, as long as it lives.
class FullDisk {
 public:
  explicit FullDisk(uint64_t max_file_bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = max_file_bytes;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(SqliteOutboxTest, AFullDiskRollsBackAndTheSameCallsWorkLater) {
  Open();
  const EntryId kept = *Append(*outbox_, "kept");
  const OutboxStats before = outbox_->Stats();
  {
    const FullDisk full(100'000);
    absl::Status status;
    for (int i = 0; i < 20 && status.ok(); ++i) {
      status = Append(*outbox_, std::string(20'000, 'x')).status();
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_EQ(outbox_->Commit().code(), absl::StatusCode::kFailedPrecondition);
    outbox_->Rollback();
  }
  const std::vector<int64_t> held = MessageIds(*outbox_);
  EXPECT_EQ(outbox_->PeekMessageId(), held.back() + 1);
  EXPECT_EQ(outbox_->Stats().entries, static_cast<int64_t>(held.size()));
  EXPECT_EQ(before.entries, 1);

  ASSERT_TRUE(Append(*outbox_, "later").ok());
  Remove(*outbox_, {kept});
  const std::vector<int64_t> now = MessageIds(*outbox_);
  Reopen();
  EXPECT_EQ(MessageIds(*outbox_), now);
  EXPECT_EQ(now.back(), held.back() + 1);
}

// The loop in small, over a real file.
class Sender : public MqttListener {
 public:
  explicit Sender(Outbox& outbox)
      : client_(*this), pump_(outbox, client_, [](const OutboxEntry& entry) {
          return absl::StatusOr<std::string>(absl::StrCat(entry.message_id, ":", entry.content));
        }) {
    MqttOptions options;
    options.url = "tcp://broker:1883";
    EXPECT_TRUE(client_.Connect(options).ok());
    client_.Deliver();
    pump_.Start();
    pump_.Pump();
  }
  void OnConnected(bool) override {}
  void OnDisconnected(const absl::Status&) override {}
  void OnSubscribed(MqttToken, const absl::Status&) override {}
  void OnPublished(MqttToken token, const absl::Status& s) override { pump_.OnPublished(token, s); }
  void OnMessage(MqttMessage) override {}

  std::vector<std::string> Bodies() const {
    std::vector<std::string> bodies;
    for (const auto& publication : client_.published()) {
      bodies.push_back(publication.message.payload);
    }
    return bodies;
  }

 private:
  FakeMqttClient client_;
  OutboxPump pump_;
};

TEST_F(SqliteOutboxTest, ACrashBetweenCommitAndPublishLosesNothing) {
  Open();
  ASSERT_TRUE(Append(*outbox_, "a").ok());
  ASSERT_TRUE(Append(*outbox_, "b").ok());
  Reopen();
  EXPECT_THAT(Sender(*outbox_).Bodies(), ElementsAre("1:a", "2:b"));
}

TEST_F(SqliteOutboxTest, ACrashBeforeTheAcknowledgementSendsTheSameBytesAgain) {
  Open();
  const std::string binary("\0\x01\xff;'\"", 6);
  ASSERT_TRUE(Append(*outbox_, binary).ok());
  const std::vector<std::string> before = Sender(*outbox_).Bodies();
  Reopen();
  EXPECT_EQ(Sender(*outbox_).Bodies(), before);
}

// kill -9 at a random moment, again and again on one file: whatever the writer
// has said to be committed is there, and no id is missing or used twice.
TEST_F(SqliteOutboxTest, SurvivesKill9AtAnyMoment) {
  std::mt19937 random(20240611);
  int64_t promised = 0;
  for (int round = 0; round < 8; ++round) {
    auto writer = ChildProcess::Start(
        {.argv = {RunfilePath("fieldgate/services/cloud_link/outbox/outbox_writer"), path_}});
    ASSERT_TRUE(writer.ok()) << writer.status();
    const auto lines = static_cast<size_t>(std::uniform_int_distribution<int>(1, 300)(random));
    ASSERT_TRUE(Eventually(kLong, [&] {
      const std::string output = (*writer)->Output();
      return static_cast<size_t>(std::count(output.begin(), output.end(), '\n')) >= lines;
    })) << (*writer)->Output();
    (*writer)->Kill(SIGKILL);
    ASSERT_TRUE((*writer)->WaitForExit(kLong).has_value());
    const std::vector<std::string> printed = absl::StrSplit((*writer)->Output(), '\n');
    ASSERT_GE(printed.size(), 2u);
    ASSERT_TRUE(absl::SimpleAtoi(printed[printed.size() - 2], &promised));

    Open();
    const std::vector<int64_t> ids = MessageIds(*outbox_);
    // The writer has removed a part of the oldest ones.
    ASSERT_FALSE(ids.empty());
    EXPECT_GE(ids.back(), promised);
    EXPECT_EQ(ids.back() - ids.front() + 1, static_cast<int64_t>(ids.size()));
    EXPECT_EQ(std::set<int64_t>(ids.begin(), ids.end()).size(), ids.size());
    EXPECT_EQ(outbox_->PeekMessageId(), ids.back() + 1);
    EXPECT_EQ(outbox_->Position("log"), ids.back());
    EXPECT_EQ(outbox_->Stats().entries, static_cast<int64_t>(ids.size()));
    Close();
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
