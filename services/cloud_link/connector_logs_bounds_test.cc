// Log data (manual 1) never come at the cost of live data: what is taken from a
// log, and how much of it waits in the outbox, is bounded.
#include <gmock/gmock.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "services/cloud_link/connector.h"
#include "services/cloud_link/connector_logs_fixture.h"

namespace fieldgate::cloud_link {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(ConnectorLogsTest, AMonthOfRecordsHoldsUpNoLiveData) {
  Record(1, 44'640);  // one a minute
  mqtt_.acknowledge = false;
  CreateRunning(WithLog());
  Value(1);
  size_t most_before_live = 0, since_live = 0, most_waiting = 0;
  size_t seen = 0;
  int live = 0;
  for (int second = 0; second < 3000 && SentId() < 44'640; ++second) {
    // A broker that takes 90 messages, the window, twice a second.
    for (int i = 0; i < 2; ++i) {
      mqtt_.acknowledge = true;
      mqtt_.Deliver();
      mqtt_.acknowledge = false;
      Run();
    }
    Advance(absl::Seconds(1));
    most_waiting = std::max(most_waiting, outbox_.Entries().size());
    const auto& published = mqtt_.published();
    for (; seen < published.size(); ++seen) {
      if (absl::StrContains(published[seen].message.payload, "\"Level\"")) {
        most_before_live = std::max(most_before_live, since_live);
        since_live = 0;
        ++live;
      } else {
        ++since_live;
      }
    }
  }
  EXPECT_EQ(SentId(), 44'640);
  EXPECT_GT(live, 200);
  // A live message waits behind the records that were taken already at most.
  EXPECT_LE(most_before_live, 500u);
  EXPECT_LE(most_waiting, 500u);
}

TEST_F(ConnectorLogsTest, WhileABrokerAcknowledgesNothingFewRecordsAreTaken) {
  Record(1, 5'000);
  mqtt_.acknowledge = false;
  CreateRunning(WithLog());
  for (int i = 0; i < 10; ++i) Advance(absl::Seconds(1));
  EXPECT_GE(SentId(), 200);
  EXPECT_LE(SentId(), 300);
}

TEST_F(ConnectorLogsTest, LogsTakeTurns) {
  config::Connector config = WithLog();
  AddLog(config, "Alarms", 60);
  Record(1, 1'000);
  Record(5'001, 5'001, "Alarms");
  mqtt_.acknowledge = false;
  CreateRunning(config);
  EXPECT_EQ(connector_->Status().logs(1).sent_id(), 1);
}

class FullOutboxTest : public ConnectorLogsTest, public testing::WithParamInterface<FullPolicy> {};

// Under either policy: the log keeps what the outbox has no room for.
TEST_P(FullOutboxTest, NeitherPositionNorLiveDataGiveWayToRecords) {
  constexpr int64_t kLimit = 8'000;
  Record(1, 1'000);
  mqtt_.acknowledge = false;
  CreateRunning(WithLog(), OutboxLimits{.max_bytes = kLimit, .policy = GetParam()});
  Run();
  const int64_t taken = SentId();
  EXPECT_GT(taken, 0);
  EXPECT_LE(outbox_.Stats().data_bytes, kLimit / 2);
  Value(1);
  std::vector<std::string> reads;
  process_.calls_ = &reads;
  for (int i = 0; i < 10; ++i) Advance(absl::Seconds(1));
  EXPECT_EQ(SentId(), taken);
  EXPECT_THAT(reads, IsEmpty()) << "what has no room is not read";
  process_.calls_ = nullptr;
  EXPECT_THAT(*outbox_.Losses(), IsEmpty());
  mqtt_.acknowledge = true;
  for (int i = 0; i < 100; ++i) Advance(absl::Seconds(1));
  EXPECT_EQ(Sent(), Numbers(1, 1'000));
  EXPECT_THAT(*outbox_.Losses(), IsEmpty());
}

TEST_P(FullOutboxTest, ALaneThatIsFullOfLiveDataIsWaitedFor) {
  CreateRunning(WithLog(), OutboxLimits{.max_bytes = 3'000, .policy = GetParam()});
  mqtt_.refuse_connect = absl::UnavailableError("no route");
  mqtt_.Break();
  Value(1);
  for (int i = 0; i < 60; ++i) Advance(absl::Seconds(1));
  const size_t live_losses = outbox_.Losses()->size();
  ASSERT_GT(live_losses, 0u);
  Record(1, 5);
  mqtt_.refuse_connect = absl::OkStatus();
  mqtt_.acknowledge = false;
  RunAgain();
  EXPECT_EQ(SentId(), 0);
  mqtt_.acknowledge = true;
  for (int i = 0; i < 10; ++i) Advance(absl::Seconds(1));
  EXPECT_EQ(Sent(), Numbers(1, 5));
}

TEST_P(FullOutboxTest, ARecordLargerThanTheOutboxIsLostAndTheNextGoOn) {
  log().Record(1, {int64_t{1}});
  log().Record(2, {std::string(3'000, 'x')});
  log().Record(3, {int64_t{3}});
  CreateRunning(WithLog(), OutboxLimits{.max_bytes = 2'000, .policy = GetParam()});
  Advance(absl::Seconds(1));
  EXPECT_THAT(Sent(), ElementsAre(1, 3));
  ASSERT_EQ(outbox_.Losses()->size(), 1u);
  EXPECT_EQ(outbox_.Losses()->front().reason, "larger than the limit");
}

INSTANTIATE_TEST_SUITE_P(Policies, FullOutboxTest,
                         testing::Values(FullPolicy::kDropOldest, FullPolicy::kDropNewest),
                         [](const auto& info) {
                           return info.param == FullPolicy::kDropOldest ? "DropOldest"
                                                                        : "DropNewest";
                         });

TEST_F(ConnectorLogsTest, RecordsGoOnAfterTheirMessagesWereDroppedByAFullOutbox) {
  Record(1, 1'000);
  mqtt_.acknowledge = false;
  CreateRunning(WithLog());
  ASSERT_GE(SentId(), 200);
  const int64_t taken = SentId();
  mqtt_.refuse_connect = absl::UnavailableError("no route");
  mqtt_.Break();
  outbox_.SetLimits({.max_bytes = 2'000});
  Value(1);
  for (int i = 0; i < 60; ++i) Advance(absl::Seconds(1));
  ASSERT_GT(connector_->Status().messages_dropped(), 200u);
  outbox_.SetLimits({});
  mqtt_.refuse_connect = absl::OkStatus();
  mqtt_.acknowledge = true;
  RunAgain();
  Advance(absl::Seconds(2));
  EXPECT_EQ(SentId(), 1'000);
  const std::vector<int64_t> sent = Sent();
  EXPECT_EQ(std::vector<int64_t>(sent.end() - (1'000 - taken), sent.end()),
            Numbers(taken + 1, 1'000));
}

TEST_F(ConnectorLogsTest, RecordsGoOnAfterTheirMessagesWereDiscarded) {
  config::Connector config = WithLog();
  config.clear_sections();
  Record(1, 1'000);
  mqtt_.acknowledge = false;
  CreateRunning(config);
  const int64_t taken = SentId();
  ASSERT_GE(taken, 200);
  mqtt_.Break();
  Run();
  ASSERT_TRUE(outbox_.Begin().ok());
  for (const StoredEntry& stored : outbox_.Entries()) {
    ASSERT_TRUE(outbox_.Discard(stored.id, "not sendable").ok());
  }
  ASSERT_TRUE(outbox_.Commit().ok());
  mqtt_.acknowledge = true;
  RunAgain();
  Advance(absl::Seconds(2));
  EXPECT_EQ(SentId(), 1'000);
}

}  // namespace
}  // namespace fieldgate::cloud_link
