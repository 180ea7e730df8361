#include "services/cloud_link/outbox/outbox_pump.h"

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/cloud_link/mqtt/fake_mqtt_client.h"
#include "services/cloud_link/outbox/fake_outbox.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The loop in small: an outbox, a broker, and the pump between them.
class OutboxPumpTest : public ::testing::Test, public MqttListener {
 protected:
  OutboxPumpTest()
      : client_(*this),
        pump_(outbox_, client_, [this](const OutboxEntry& entry) { return Render(entry); }) {
    Connect();
  }

  void OnConnected(bool) override {}
  void OnDisconnected(const absl::Status&) override { pump_.Stop(); }
  void OnSubscribed(MqttToken, const absl::Status&) override {}
  void OnPublished(MqttToken token, const absl::Status& status) override {
    pump_.OnPublished(token, status);
  }
  void OnMessage(MqttMessage) override {}

  absl::StatusOr<std::string> Render(const OutboxEntry& entry) {
    ++rendered_;
    if (entry.content == "torn") return absl::DataLossError("columns don't fit");
    if (!render_status_.ok()) return render_status_;
    return absl::StrCat(entry.message_id, ":", entry.content);
  }

  void Connect() {
    MqttOptions options;
    options.url = "tcp://broker:1883";
    ASSERT_TRUE(client_.Connect(options).ok());
    client_.Deliver();
  }

  StoredEntry Commit(Lane lane, const std::string& content, int qos = 1) {
    EXPECT_TRUE(outbox_.Begin().ok());
    StoredEntry stored;
    stored.entry.lane = lane;
    stored.entry.topic = lane == Lane::kData ? "data" : "result";
    stored.entry.qos = qos;
    stored.entry.content = content;
    if (lane == Lane::kData) stored.entry.message_id = *outbox_.NextMessageId();
    stored.id = *outbox_.Append(stored.entry);
    EXPECT_TRUE(outbox_.Commit().ok());
    return stored;
  }

  // As the loop does with new data.
  StoredEntry Store(Lane lane, const std::string& content, int qos = 1) {
    StoredEntry stored = Commit(lane, content, qos);
    pump_.Appended(stored);
    pump_.Pump();
    return stored;
  }

  void RemoveAcknowledged() {
    ASSERT_TRUE(outbox_.Begin().ok());
    ASSERT_TRUE(outbox_.Remove(pump_.TakeAcknowledged()).ok());
    ASSERT_TRUE(outbox_.Commit().ok());
  }

  // Lets acknowledgements and publications take turns until nothing moves.
  void Settle() {
    do {
      pump_.Pump();
    } while (client_.Deliver() > 0);
  }

  std::vector<std::string> Published() const {
    std::vector<std::string> bodies;
    for (const auto& p : client_.published()) bodies.push_back(p.message.payload);
    return bodies;
  }

  FakeOutbox outbox_;
  FakeMqttClient client_;
  absl::Status render_status_;
  int rendered_ = 0;
  OutboxPump pump_;
};

TEST_F(OutboxPumpTest, PublishesNothingBeforeStart) {
  Store(Lane::kData, "a");
  EXPECT_THAT(Published(), IsEmpty());
}

TEST_F(OutboxPumpTest, PublishesWhatWaitedThenWhatIsNew) {
  Commit(Lane::kData, "a");
  Commit(Lane::kData, "b");
  pump_.Start();
  Store(Lane::kData, "c");
  Store(Lane::kData, "d");
  EXPECT_THAT(Published(), ElementsAre("1:a", "2:b", "3:c", "4:d"));
}

TEST_F(OutboxPumpTest, ResultsGoBeforeData) {
  Commit(Lane::kData, "a");
  Commit(Lane::kData, "b");
  Commit(Lane::kResult, "r");
  pump_.Start();
  pump_.Pump();
  EXPECT_THAT(Published(), ElementsAre("0:r", "1:a", "2:b"));
}

TEST_F(OutboxPumpTest, ANewResultOvertakesDataThatWaitsForTheWindow) {
  client_.acknowledge = false;
  for (int i = 0; i < OutboxPump::kWindowEntries + 10; ++i) Commit(Lane::kData, "d");
  pump_.Start();
  pump_.Pump();
  Store(Lane::kResult, "r");
  client_.ForgetPublished();
  client_.acknowledge = true;
  Settle();
  EXPECT_EQ(Published().front(), "0:r");
  EXPECT_EQ(Published().size(), 11u);
}

TEST_F(OutboxPumpTest, WindowHoldsByCount) {
  client_.acknowledge = false;
  for (int i = 0; i < 200; ++i) Commit(Lane::kData, "d");
  pump_.Start();
  pump_.Pump();
  EXPECT_EQ(pump_.in_flight(), OutboxPump::kWindowEntries);
  client_.acknowledge = true;
  Settle();
  EXPECT_EQ(Published().size(), 200u);
  EXPECT_EQ(pump_.in_flight(), 0);
}

TEST_F(OutboxPumpTest, FewMessagesOfQos2AreUnderWaySinceMosquittoLosesThoseBeyond20) {
  client_.acknowledge = false;
  for (int i = 0; i < 50; ++i) Commit(Lane::kData, "d", /*qos=*/2);
  pump_.Start();
  pump_.Pump();
  EXPECT_EQ(pump_.in_flight(), OutboxPump::kWindowExactlyOnce);
  client_.acknowledge = true;
  Settle();
  EXPECT_EQ(Published().size(), 50u);
  EXPECT_EQ(pump_.in_flight(), 0);
}

TEST_F(OutboxPumpTest, TheWindowOfQos2IsWholeAgainAfterALostConnection) {
  client_.acknowledge = false;
  for (int i = 0; i < 50; ++i) Commit(Lane::kData, "d", /*qos=*/2);
  pump_.Start();
  pump_.Pump();
  pump_.Stop();
  client_.ForgetPublished();
  pump_.Start();
  pump_.Pump();
  EXPECT_EQ(pump_.in_flight(), OutboxPump::kWindowExactlyOnce);
}

TEST_F(OutboxPumpTest, WindowHoldsByBytes) {
  client_.acknowledge = false;
  for (int i = 0; i < 10; ++i) Commit(Lane::kData, std::string(SendWindow::kFirst / 2 - 10, 'x'));
  pump_.Start();
  pump_.Pump();
  EXPECT_EQ(pump_.in_flight(), 3);
  EXPECT_EQ(pump_.oldest_bytes(), SendWindow::kFirst / 2 - 8);  // "1:" before it
  client_.acknowledge = true;
  Settle();
  EXPECT_EQ(Published().size(), 10u);
}

TEST_F(OutboxPumpTest, AMessageLargerThanTheWindowIsSentAlone) {
  client_.acknowledge = false;
  Commit(Lane::kData, std::string(2 << 20, 'x'));
  Commit(Lane::kData, "small");
  pump_.Start();
  pump_.Pump();
  EXPECT_EQ(pump_.in_flight(), 1);
}

TEST_F(OutboxPumpTest, OnlyAcknowledgedEntriesMayBeRemoved) {
  client_.acknowledge = false;
  pump_.Start();
  Store(Lane::kData, "a");
  EXPECT_THAT(pump_.TakeAcknowledged(), IsEmpty());
  client_.acknowledge = true;
  Settle();
  EXPECT_EQ(pump_.TakeAcknowledged().size(), 1u);
  EXPECT_THAT(pump_.TakeAcknowledged(), IsEmpty());
}

TEST_F(OutboxPumpTest, Qos0IsRemovedOnceItWasHandedOver) {
  client_.silent = true;
  pump_.Start();
  const StoredEntry stored = Store(Lane::kData, "a", /*qos=*/0);
  Settle();
  EXPECT_THAT(pump_.TakeAcknowledged(), ElementsAre(stored.id));
}

TEST_F(OutboxPumpTest, AfterALostConnectionTheRestIsSentAgainInOrderWithTheSameBytes) {
  pump_.Start();
  client_.acknowledge = false;
  for (const char* content : {"a", "b", "c"}) Store(Lane::kData, content);
  const std::vector<std::string> first = Published();
  client_.Break();
  client_.Deliver();
  EXPECT_FALSE(pump_.running());
  Store(Lane::kData, "d");

  client_.ForgetPublished();
  Connect();
  pump_.Start();
  pump_.Pump();
  EXPECT_THAT(first, ElementsAre("1:a", "2:b", "3:c"));
  EXPECT_THAT(Published(), ElementsAre("1:a", "2:b", "3:c", "4:d"));
}

TEST_F(OutboxPumpTest, WhatWasAcknowledgedButNotYetRemovedIsNotSentAgain) {
  pump_.Start();
  Store(Lane::kData, "a");
  Settle();
  client_.acknowledge = false;
  Store(Lane::kData, "b");
  client_.Break();
  client_.Deliver();
  client_.ForgetPublished();
  Connect();
  pump_.Start();
  pump_.Pump();
  EXPECT_THAT(Published(), ElementsAre("2:b"));
}

TEST_F(OutboxPumpTest, IdsGivenBackAreTakenAgain) {
  pump_.Start();
  Store(Lane::kData, "a");
  Settle();
  const std::vector<EntryId> ids = pump_.TakeAcknowledged();
  pump_.PutBack(ids);
  EXPECT_EQ(pump_.TakeAcknowledged(), ids);
}

TEST_F(OutboxPumpTest, ASecondAnswerToOneTokenIsIgnored) {
  client_.acknowledge = false;
  pump_.Start();
  Store(Lane::kData, "a");
  const MqttToken token = client_.published().front().token;
  EXPECT_TRUE(pump_.OnPublished(token, absl::OkStatus()));
  EXPECT_EQ(pump_.TakeAcknowledged().size(), 1u);
  EXPECT_FALSE(pump_.OnPublished(token, absl::OkStatus()));
  EXPECT_FALSE(pump_.OnPublished(token + 1000, absl::OkStatus()));
  EXPECT_THAT(pump_.TakeAcknowledged(), IsEmpty());
}

TEST_F(OutboxPumpTest, AnAnswerThatComesAfterStopStillCounts) {
  client_.acknowledge = false;
  pump_.Start();
  const StoredEntry stored = Store(Lane::kData, "a");
  const MqttToken token = client_.published().front().token;
  pump_.Stop();  // init runs again; the connection goes on
  pump_.Stop();
  EXPECT_TRUE(pump_.OnPublished(token, absl::OkStatus()));
  client_.ForgetPublished();
  pump_.Start();
  pump_.Pump();
  EXPECT_THAT(Published(), IsEmpty());
  EXPECT_THAT(pump_.TakeAcknowledged(), ElementsAre(stored.id));
}

TEST_F(OutboxPumpTest, TokensAreNeverUsedTwice) {
  client_.acknowledge = false;
  pump_.Start();
  Store(Lane::kData, "a");
  client_.Break();
  client_.Deliver();
  Connect();
  pump_.Start();
  pump_.Pump();
  ASSERT_EQ(client_.published().size(), 2u);
  EXPECT_LT(client_.published()[0].token, client_.published()[1].token);
}

TEST_F(OutboxPumpTest, AFailedPublicationGoesOutAgainBeforeNewerOnes) {
  client_.acknowledge = false;
  pump_.Start();
  for (const char* content : {"a", "b", "c"}) Store(Lane::kData, content);
  pump_.OnPublished(client_.published()[1].token, absl::UnavailableError("lost"));
  pump_.OnPublished(client_.published()[0].token, absl::UnavailableError("lost"));
  client_.ForgetPublished();
  Store(Lane::kData, "d");
  EXPECT_THAT(Published(), ElementsAre("1:a", "2:b", "4:d"));
}

TEST_F(OutboxPumpTest, AnEntryThatCannotBeRenderedIsDroppedWithALossAndTheRestGoesOn) {
  Commit(Lane::kData, "a");
  Commit(Lane::kData, "torn");
  Commit(Lane::kData, "c");
  pump_.Start();
  Settle();
  EXPECT_THAT(Published(), ElementsAre("1:a", "3:c"));
  EXPECT_EQ(pump_.discarded(), 1);
  ASSERT_EQ(outbox_.Losses()->size(), 1u);
  EXPECT_EQ(outbox_.Losses()->front().first_message_id, 2);
  RemoveAcknowledged();
  EXPECT_EQ(outbox_.Stats().entries, 0);
}

TEST_F(OutboxPumpTest, ATopicThatMqttForbidsIsDroppedAndTheRestGoesOn) {
  ASSERT_TRUE(outbox_.Begin().ok());
  OutboxEntry bad;
  bad.topic = "customer/+/data";
  bad.message_id = *outbox_.NextMessageId();
  ASSERT_TRUE(outbox_.Append(bad).ok());
  ASSERT_TRUE(outbox_.Commit().ok());
  Commit(Lane::kData, "b");
  pump_.Start();
  pump_.Pump();
  EXPECT_THAT(Published(), ElementsAre("2:b"));
  EXPECT_EQ(pump_.discarded(), 1);
}

TEST_F(OutboxPumpTest, AnEntryIsKeptWhenItsLayoutCannotBeReadNow) {
  Commit(Lane::kData, "a");
  render_status_ = absl::UnavailableError("disk");
  pump_.Start();
  pump_.Pump();
  EXPECT_THAT(Published(), IsEmpty());
  EXPECT_EQ(pump_.status().code(), absl::StatusCode::kUnavailable);
  render_status_ = absl::OkStatus();
  pump_.Pump();
  EXPECT_THAT(Published(), ElementsAre("1:a"));
}

TEST_F(OutboxPumpTest, GoesOnOnceTheDiskCanBeReadAgain) {
  Commit(Lane::kData, "a");
  outbox_.FailWith(absl::UnavailableError("disk"));
  pump_.Start();
  pump_.Pump();
  EXPECT_EQ(pump_.status().code(), absl::StatusCode::kUnavailable);
  outbox_.FailWith(absl::OkStatus());
  pump_.Pump();
  EXPECT_TRUE(pump_.status().ok());
  EXPECT_THAT(Published(), ElementsAre("1:a"));
}

TEST_F(OutboxPumpTest, AnEntryThatCannotBeDiscardedNowIsDiscardedLater) {
  Commit(Lane::kData, "torn");
  Commit(Lane::kData, "b");
  pump_.Start();
  outbox_.FailNextCommit();
  pump_.Pump();
  EXPECT_THAT(Published(), IsEmpty());
  pump_.Pump();
  EXPECT_THAT(Published(), ElementsAre("2:b"));
  EXPECT_EQ(pump_.discarded(), 1);
}

TEST_F(OutboxPumpTest, WaitsWhileTheClientHasTooMuchInFlight) {
  client_.max_in_flight = 1;
  client_.acknowledge = false;
  Commit(Lane::kData, "a");
  Commit(Lane::kData, "b");
  pump_.Start();
  pump_.Pump();
  EXPECT_THAT(Published(), ElementsAre("1:a"));
  client_.acknowledge = true;
  Settle();
  EXPECT_THAT(Published(), ElementsAre("1:a", "2:b"));
}

TEST_F(OutboxPumpTest, NewEntriesBeyondMemoryAreReadFromTheDiskInOrder) {
  client_.acknowledge = false;
  pump_.Start();
  for (int i = 0; i < 200; ++i) Store(Lane::kData, std::string(20'000, 'x'));
  client_.acknowledge = true;
  Settle();
  const std::vector<std::string> bodies = Published();
  ASSERT_EQ(bodies.size(), 200u);
  for (size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(bodies[i].substr(0, bodies[i].find(':')), std::to_string(i + 1));
  }
  RemoveAcknowledged();
  EXPECT_EQ(outbox_.Stats().entries, 0);
}

TEST_F(OutboxPumpTest, AFlushIsDueOnceManyAcknowledgementsWait) {
  pump_.Start();
  for (size_t i = 0; i < OutboxPump::kFlushCount; ++i) {
    EXPECT_FALSE(pump_.FlushDue());
    Store(Lane::kData, "a");
    Settle();
  }
  EXPECT_TRUE(pump_.FlushDue());
}

}  // namespace
}  // namespace fieldgate::cloud_link
