// A connector with memory before its outbox (MQTTCacheMode), in simulated time.
#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/cloud_link/connector.h"
#include "services/cloud_link/connector_fixture.h"
#include "services/cloud_link/outbox/tiered_outbox.h"

namespace fieldgate::cloud_link {
namespace {

class ConnectorCacheTest : public ConnectorTest {
 protected:
  ~ConnectorCacheTest() override { connector_.reset(); }  // before its outbox

  // A start of the process.
  void Start(CacheMode mode) {
    mode_ = mode;
    connector_.reset();
    tiered_ = std::make_unique<TieredOutbox>(
        std::shared_ptr<DurableOutbox>(&outbox_, [](DurableOutbox*) {}));
    config::Connector c = Config();
    c.set_cache_max_mb(64);
    c.set_cache_mode(mode == CacheMode::kMemory         ? config::MEMORY
                     : mode == CacheMode::kDiskOnOutage ? config::DISK_ON_OUTAGE
                                                        : config::DURABLE);
    connector_ = std::make_unique<Connector>(c, Device(), *tiered_, unstored_, mqtt_, *this, now());
    connector_->Start(now());
    Run();
  }
  // The process dies: nothing of it reaches the disk any more.
  void Kill() {
    outbox_.Crash();
    outbox_.FailWith(absl::UnavailableError("dead"));
    connector_.reset();
    tiered_.reset();
    outbox_.FailWith(absl::OkStatus());
  }
  void StartRunning(CacheMode mode) {
    Start(mode);
    AnswerInit();
    Value(1);
    Advance(absl::Seconds(1));
  }
  void Seconds(int count) {
    for (int i = 0; i < count; ++i) Advance(absl::Seconds(1));
  }
  void Break() {
    mqtt_.refuse_connect = absl::UnavailableError("no route");
    mqtt_.Break();
    Run();
  }
  void Heal() {
    mqtt_.refuse_connect = absl::OkStatus();
    for (int i = 0; i < 300 && state() != v1::WAIT_INIT_RESULT; ++i) Advance(absl::Seconds(1));
    AnswerInit();
    Seconds(2);
  }
  // message_ids of what was published, each once.
  std::set<int64_t> Sent() const {
    std::set<int64_t> ids;
    for (const std::string& body : DataBodies()) {
      ids.insert(
          std::stoll(body.substr(body.find_first_of("0123456789", body.find("message_id")))));
    }
    return ids;
  }
  bool NoneIsMissing() const {
    const std::set<int64_t> ids = Sent();
    return !ids.empty() && *ids.begin() == 1 && *ids.rbegin() == static_cast<int64_t>(ids.size());
  }
  uint64_t InMemory() const { return connector_->Status().messages_in_memory(); }

  CacheMode mode_ = CacheMode::kDurable;
  std::unique_ptr<TieredOutbox> tiered_;
};

TEST_F(ConnectorCacheTest, WhileTheBrokerAcknowledgesTheDiskIsSpared) {
  for (const CacheMode mode : {CacheMode::kDiskOnOutage, CacheMode::kMemory}) {
    StartRunning(mode);
    const int writes = outbox_.writes();
    Seconds(600);
    EXPECT_LE(outbox_.writes() - writes, 10);
    EXPECT_TRUE(NoneIsMissing());
    connector_.reset();
    ASSERT_TRUE(tiered_->Close().ok());
  }
}

TEST_F(ConnectorCacheTest, DurableDataTakeOneTransactionAMessage) {
  StartRunning(CacheMode::kDurable);
  const int writes = outbox_.writes();
  Seconds(600);
  EXPECT_LE(outbox_.writes() - writes, 601);
  EXPECT_TRUE(NoneIsMissing());
}

TEST_F(ConnectorCacheTest, ALostConnectionPutsWhatIsUnderWayOnTheDisk) {
  StartRunning(CacheMode::kDiskOnOutage);
  mqtt_.acknowledge = false;
  Seconds(1);
  EXPECT_EQ(InMemory(), 1u);
  Break();
  EXPECT_EQ(InMemory(), 0u);
  Seconds(10);
  EXPECT_EQ(InMemory(), 0u);
  EXPECT_EQ(outbox_.Entries().size(), connector_->Status().messages_waiting());
  mqtt_.acknowledge = true;
  Heal();
  EXPECT_TRUE(NoneIsMissing());
  EXPECT_EQ(connector_->Status().messages_waiting(), 0u);
  const int writes = outbox_.writes();
  Seconds(60);
  EXPECT_LE(outbox_.writes() - writes, 5) << "in memory again";
}

TEST_F(ConnectorCacheTest, ABrokerThatIsSilentForTwoSecondsPutsThemOnTheDisk) {
  StartRunning(CacheMode::kDiskOnOutage);
  mqtt_.acknowledge = false;
  Seconds(1);
  EXPECT_EQ(InMemory(), 1u);
  Advance(absl::Milliseconds(900));
  EXPECT_EQ(InMemory(), 1u);
  Seconds(2);
  EXPECT_EQ(InMemory(), 0u);
  EXPECT_GE(outbox_.Entries().size(), 2u);
  mqtt_.acknowledge = true;
  Seconds(3);
  EXPECT_TRUE(NoneIsMissing());
}

TEST_F(ConnectorCacheTest, AKillInAnOutageLosesNothing) {
  StartRunning(CacheMode::kDiskOnOutage);
  Break();
  Seconds(10);
  Kill();
  Start(CacheMode::kDiskOnOutage);
  Value(2);
  Heal();
  EXPECT_TRUE(NoneIsMissing());
  EXPECT_EQ(connector_->Status().messages_dropped(), 0u);
}

TEST_F(ConnectorCacheTest, WhatAKillLosesIsInALossRecord) {
  for (const CacheMode mode : {CacheMode::kDiskOnOutage, CacheMode::kMemory}) {
    StartRunning(mode);
    mqtt_.acknowledge = false;
    Seconds(1);
    ASSERT_EQ(InMemory(), 1u);
    mqtt_.Break();
    Kill();
    mqtt_.acknowledge = true;
    StartRunning(mode);
    Seconds(3);
    std::set<int64_t> known = Sent();
    const std::vector<LossRecord> losses = *tiered_->Losses();
    ASSERT_FALSE(losses.empty());
    for (const LossRecord& loss : losses) {
      EXPECT_EQ(loss.reason, "memory lost with the process");
      for (int64_t id = loss.first_message_id; id <= loss.last_message_id; ++id) known.insert(id);
    }
    EXPECT_EQ(*known.rbegin(), static_cast<int64_t>(known.size())) << "a gap without a record";
    connector_.reset();
    ASSERT_TRUE(tiered_->Close().ok());
  }
}

TEST_F(ConnectorCacheTest, AnOrderlyStopSendsNothingTwice) {
  StartRunning(CacheMode::kDurable);
  Seconds(5);
  connector_.reset();
  ASSERT_TRUE(tiered_->Close().ok());
  EXPECT_TRUE(outbox_.Entries().empty());
}

TEST_F(ConnectorCacheTest, AReconnectSendsNothingTwiceThatWasAcknowledged) {
  StartRunning(CacheMode::kDurable);
  Seconds(5);
  const size_t sent = DataBodies().size();
  mqtt_.Break();
  Run();
  for (int i = 0; i < 100 && state() != v1::WAIT_INIT_RESULT; ++i) Advance(absl::Milliseconds(10));
  AnswerInit();
  EXPECT_EQ(Sent().size(), DataBodies().size());
  EXPECT_GE(DataBodies().size(), sent);
}

TEST_F(ConnectorCacheTest, TheStatusSaysWhatIsWhere) {
  config::Connector c = Config();
  c.set_cache_mode(config::MEMORY);
  Start(CacheMode::kMemory);
  connector_->ChangeDataModel(c, now());
  AnswerInit();
  mqtt_.acknowledge = false;
  Value(1);
  Advance(absl::Seconds(1));
  const v1::ConnectorStatus status = connector_->Status();
  EXPECT_EQ(status.cache_mode(), config::MEMORY);
  EXPECT_EQ(status.bytes_limit(), 64u << 20);
  EXPECT_GT(status.data_bytes(), 0u);
  EXPECT_EQ(status.messages_in_memory(), status.messages_waiting());
}

}  // namespace
}  // namespace fieldgate::cloud_link
