// CL-150 to CL-158: bounds of a connector's data, and who is told of losses.
#include <gmock/gmock.h>

#include <bit>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/cloud_link/connector_fixture.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kMiB = 1 << 20;
constexpr absl::Duration kSecond = absl::Seconds(1);
constexpr absl::Duration kYear = absl::Hours(365 * 24);

class ConnectorLossesTest : public ConnectorTest {
 protected:
  // Runs, with a message each second.
  void Start(const config::Connector& config) {
    Create(config);
    AnswerInit();
    Value(1);
  }
  // No broker, for as long as it is so; the values go on.
  void Leave() {
    mqtt_.refuse_connect = absl::UnavailableError("no route");
    mqtt_.Break();
    Run();
  }
  void Return() {
    mqtt_.refuse_connect = absl::OkStatus();
    for (int i = 0; i < 130 && state() != v1::WAIT_INIT_RESULT; ++i) Advance(kSecond);
    AnswerInit();
    ASSERT_EQ(state(), v1::RUNNING);
  }
  // A new connector on the same disk, as after a restart of the process.
  void Restart(const config::Connector& config) {
    connector_.reset();
    mqtt_.Disconnect();
    Create(config);
  }
  // As if so many messages had been lost one after the other, for `reason`.
  void Lose(int64_t count, const std::string& reason) {
    ASSERT_TRUE(outbox_.Begin().ok());
    ASSERT_TRUE(outbox_.RecordLoss({.count = count, .reason = reason}).ok());
    ASSERT_TRUE(outbox_.Commit().ok());
    Run();
  }

  std::vector<std::string> LossMessages() const {
    std::vector<std::string> bodies;
    for (const auto& p : mqtt_.published()) {
      if (p.message.topic == "c/fp/g/stateResult") bodies.push_back(p.message.payload);
    }
    return bodies;
  }
  size_t Waiting() const { return connector_->Status().messages_waiting(); }
};

// --- Age ------------------------------------------------------------------------------

config::Connector WithAge(uint32_t seconds) {
  config::Connector config = Config();
  config.set_cache_max_age_s(seconds);
  return config;
}

TEST_F(ConnectorLossesTest, DataOverTheAgeAreDroppedWithALoss) {
  Start(WithAge(100));
  Leave();
  Pass(absl::Seconds(500));
  EXPECT_LE(Waiting(), 111u);
  EXPECT_GE(Waiting(), 99u);
  const v1::ConnectorStatus status = connector_->Status();
  ASSERT_EQ(status.losses_size(), 1);
  EXPECT_EQ(status.losses(0).reason(), "too old");
  EXPECT_EQ(static_cast<uint64_t>(status.losses(0).count()), status.messages_dropped());
}

TEST_F(ConnectorLossesTest, WithoutAnAgeNothingIsTooOld) {
  Start(Config());
  Leave();
  Pass(absl::Seconds(500));
  EXPECT_GE(Waiting(), 499u);
  EXPECT_EQ(connector_->Status().losses_size(), 0);
}

TEST_F(ConnectorLossesTest, NoJumpOfTheClockMakesDataTooOld) {
  Start(WithAge(3'600));
  Leave();
  for (const absl::Duration jump : {10 * kYear, -20 * kYear, 10 * kYear}) {
    Pass(absl::Seconds(70));
    clock_.SetWall(clock_.WallNow() + jump);
  }
  clock_.SetWall(absl::UnixEpoch());
  Pass(absl::Seconds(70));
  EXPECT_GE(Waiting(), 279u);
  EXPECT_EQ(connector_->Status().messages_dropped(), 0u);
}

TEST_F(ConnectorLossesTest, TheAgeGoesOnOverARestart) {
  const config::Connector config = WithAge(300);
  Start(config);
  Leave();
  Pass(absl::Seconds(200));
  connector_.reset();
  clock_.Advance(absl::Seconds(150));
  clock_.SetWall(clock_.WallNow() + 10 * kYear);
  Restart(config);
  Pass(absl::Seconds(1));
  EXPECT_GE(Waiting(), 100u);
  EXPECT_LE(Waiting(), 155u);
}

TEST_F(ConnectorLossesTest, ASmallerAgeHoldsAtOnce) {
  Start(Config());
  Leave();
  Pass(absl::Seconds(3'000));
  connector_->ChangeDataModel(WithAge(10), now());
  Pass(absl::Seconds(4));
  EXPECT_LE(Waiting(), 12u) << "however many they are";
}

// The broker's acknowledgements come just when the messages would be too old.
TEST_F(ConnectorLossesTest, WhatWasAcknowledgedIsNotTooOld) {
  Start(WithAge(100));
  mqtt_.acknowledge = false;
  Pass(absl::Seconds(10));
  ASSERT_GE(Waiting(), 9u);
  clock_.Advance(absl::Seconds(150));
  mqtt_.acknowledge = true;
  ASSERT_GE(mqtt_.Deliver(), 9);
  Run();
  EXPECT_EQ(connector_->Status().messages_dropped(), 0u);
  EXPECT_EQ(connector_->Status().losses_size(), 0);
}

// --- Disk -----------------------------------------------------------------------------

config::Connector WithFloor() {
  config::Connector config = Config();
  config.set_cache_min_free_mb(16);
  return config;
}

TEST_F(ConnectorLossesTest, OnALowDiskStoredDataDoNotGrow) {
  Start(WithFloor());
  EXPECT_FALSE(connector_->Status().disk_low());
  EXPECT_EQ(connector_->Status().bytes_limit(), static_cast<uint64_t>(64 * kMiB));
  connector_->OnFreeSpace(15 * kMiB);
  EXPECT_TRUE(connector_->Status().disk_low());
  EXPECT_EQ(connector_->Status().bytes_limit(), static_cast<uint64_t>(kMiB));
  connector_->OnFreeSpace(20 * kMiB);
  EXPECT_FALSE(connector_->Status().disk_low());
  EXPECT_EQ(connector_->Status().bytes_limit(), static_cast<uint64_t>(64 * kMiB));
}

TEST_F(ConnectorLossesTest, ALowDiskTakesTheOldestWithItsReason) {
  config::Connector config = WithFloor();
  Start(config);
  Leave();
  Pass(absl::Hours(3));  // some 90 bytes a second, which is over 1 MiB in the end
  const uint64_t before = connector_->Status().data_bytes();
  connector_->OnFreeSpace(0);
  Pass(absl::Hours(2));
  EXPECT_LE(connector_->Status().data_bytes(), std::max<uint64_t>(before, kMiB));
  ASSERT_EQ(connector_->Status().losses_size(), 1);
  EXPECT_EQ(connector_->Status().losses(0).reason(), "disk low: oldest dropped");
  EXPECT_EQ(connector_->Status().losses(0).first_message_id(), 2);
}

TEST_F(ConnectorLossesTest, AChangeOfLimitsKeepsTheFloor) {
  Start(WithFloor());
  connector_->OnFreeSpace(0);
  config::Connector config = WithFloor();
  config.set_cache_max_mb(32);
  connector_->ChangeDataModel(config, now());
  EXPECT_EQ(connector_->Status().bytes_limit(), static_cast<uint64_t>(kMiB));
  config.set_cache_min_free_mb(0);
  connector_->ChangeDataModel(config, now());
  EXPECT_EQ(connector_->Status().bytes_limit(), static_cast<uint64_t>(32 * kMiB));
  EXPECT_FALSE(connector_->Status().disk_low());
}

// --- Who is told ----------------------------------------------------------------------

config::Connector Small(bool drop_newest) {
  config::Connector config = Config();
  config.set_cache_max_mb(1);
  config.set_cache_drop_newest(drop_newest);
  return config;
}

TEST_F(ConnectorLossesTest, ThePortalIsToldOnceWhenTheLinkIsBack) {
  Start(Small(/*drop_newest=*/false));
  Pass(absl::Seconds(5));
  Leave();
  Pass(absl::Hours(4));
  EXPECT_THAT(LossMessages(), IsEmpty());
  ASSERT_EQ(connector_->Status().losses_size(), 1);
  EXPECT_FALSE(connector_->Status().losses(0).reported());
  Return();
  Pass(absl::Seconds(15));
  ASSERT_THAT(LossMessages(), SizeIs(1));
  const v1::Loss loss = connector_->Status().losses(0);
  EXPECT_TRUE(loss.reported());
  EXPECT_THAT(LossMessages().front(),
              AllOf(HasSubstr("\"error_code\":0,\"response_id\":\"loss_01234567_CloudConn_1\""),
                    HasSubstr(absl::StrCat("\"-first_id\":\"", loss.first_message_id(), "\"")),
                    HasSubstr(absl::StrCat("\"-last_id\":\"", loss.last_message_id(), "\"")),
                    HasSubstr(absl::StrCat("\"-count\":\"", loss.count(), "\"")),
                    HasSubstr("full: oldest dropped")));
  Pass(absl::Minutes(10));
  EXPECT_THAT(LossMessages(), SizeIs(1));
}

// Whatever the policy: what the portal has not got is what it is told of.
class ConnectorLossesPolicyTest : public ConnectorLossesTest,
                                  public testing::WithParamInterface<bool> {};

INSTANTIATE_TEST_SUITE_P(Policies, ConnectorLossesPolicyTest, testing::Bool(),
                         [](const auto& param) {
                           return param.param ? "DropNewest" : "DropOldest";
                         });

TEST_P(ConnectorLossesPolicyTest, TheGapsAreExactlyWhatIsNamed) {
  Start(Small(GetParam()));
  Pass(absl::Seconds(5));
  Leave();
  Pass(absl::Hours(4));
  Return();
  Pass(absl::Minutes(3));
  std::vector<bool> seen(static_cast<size_t>(outbox_.PeekMessageId()));
  for (const int64_t id : MessageIds()) seen[static_cast<size_t>(id)] = true;
  const std::vector<LossRecord> losses = *outbox_.Losses();
  int64_t named = 0;
  for (const LossRecord& loss : losses) {
    EXPECT_TRUE(loss.reported);
    named += loss.count;
    for (int64_t id = loss.first_message_id; id <= loss.last_message_id; ++id) {
      EXPECT_FALSE(seen[static_cast<size_t>(id)]) << id;
      seen[static_cast<size_t>(id)] = true;
    }
  }
  EXPECT_GT(named, 1'000);
  for (size_t id = 1; id < seen.size(); ++id) EXPECT_TRUE(seen[id]) << id;
}

TEST_F(ConnectorLossesTest, AFurtherLossIsAFurtherMessage) {
  Start(Config());
  Lose(3, "x");
  Pass(absl::Seconds(11));
  Lose(4, "x");
  Pass(absl::Seconds(11));
  ASSERT_THAT(LossMessages(), SizeIs(2));
  EXPECT_THAT(LossMessages()[1], AllOf(HasSubstr("\"-count\":\"4\",\"-total\":\"7\""),
                                       HasSubstr("loss_01234567_CloudConn_2")));
}

TEST_F(ConnectorLossesTest, AThousandRecordsAreTenMessages) {
  Start(Config());
  for (int i = 0; i < 1'000; ++i) Lose(1, absl::StrCat("reason ", i));
  Pass(absl::Seconds(11));
  ASSERT_THAT(LossMessages(), SizeIs(10));
  EXPECT_THAT(LossMessages().front(), HasSubstr("loss_01234567_CloudConn_100"));
  EXPECT_THAT(LossMessages().back(), HasSubstr("loss_01234567_CloudConn_1000"));
}

TEST_F(ConnectorLossesTest, AnUnacknowledgedLossMessageIsSentAgainAfterARestart) {
  Start(Config());
  mqtt_.acknowledge = false;
  Lose(3, "x");
  Pass(absl::Seconds(10));
  ASSERT_THAT(LossMessages(), SizeIs(1));
  Restart(Config());
  mqtt_.acknowledge = true;
  Return();
  Pass(absl::Seconds(15));
  ASSERT_THAT(LossMessages(), SizeIs(2));
  EXPECT_EQ(LossMessages()[0], LossMessages()[1]);
}

TEST_F(ConnectorLossesTest, AFailingDiskNeitherLosesNorDoublesTheMessage) {
  Start(Config());
  Lose(3, "x");
  Pass(absl::Seconds(9));
  outbox_.FailWith(absl::UnavailableError("disk full"));
  Pass(absl::Seconds(30));
  EXPECT_THAT(LossMessages(), IsEmpty());
  outbox_.FailWith(absl::OkStatus());
  Pass(absl::Seconds(15));
  EXPECT_THAT(LossMessages(), SizeIs(1));
}

TEST_F(ConnectorLossesTest, TheSupportLogHasAnEntryALoss) {
  Start(Small(/*drop_newest=*/false));
  Leave();
  Pass(absl::Hours(4));
  ASSERT_THAT(notes_, SizeIs(1));
  EXPECT_THAT(notes_[0], AllOf(HasSubstr("CloudConn lost "), HasSubstr("ids "),
                               HasSubstr("full: oldest dropped, so far")));
  Return();
  Pass(absl::Seconds(15));
  ASSERT_THAT(notes_, SizeIs(2));
  const v1::Loss loss = connector_->Status().losses(0);
  EXPECT_THAT(notes_[1],
              HasSubstr(absl::StrCat("CloudConn lost ", loss.count(), " messages, ids ",
                                     loss.first_message_id(), " to ", loss.last_message_id())));
}

TEST_F(ConnectorLossesTest, ASupportLogThatIsAwayIsToldLater) {
  Start(Config());
  support_log_ok_ = false;
  Lose(3, "x");
  Pass(absl::Seconds(30));
  EXPECT_THAT(notes_, IsEmpty());
  support_log_ok_ = true;
  Pass(absl::Seconds(11));
  EXPECT_THAT(notes_, ElementsAre("CloudConn lost 3 messages, x"));
}

TEST_F(ConnectorLossesTest, ARestartDoesNotRepeatEntries) {
  Start(Config());
  Lose(3, "x");
  Pass(absl::Seconds(15));
  ASSERT_THAT(notes_, SizeIs(1));
  Restart(Config());
  AnswerInit();
  Pass(absl::Seconds(30));
  EXPECT_THAT(notes_, SizeIs(1));
  EXPECT_THAT(LossMessages(), SizeIs(1));
}

TEST_F(ConnectorLossesTest, TheStatusHasTheNewestFiveAndListLossesAll) {
  Start(Config());
  for (int i = 1; i <= 7; ++i) Lose(i, absl::StrCat("reason ", i));
  const v1::ConnectorStatus status = connector_->Status();
  ASSERT_EQ(status.losses_size(), 5);
  EXPECT_EQ(status.losses(0).number(), 7);
  EXPECT_EQ(status.losses(4).number(), 3);
  const std::vector<v1::Loss> losses = *connector_->Losses(100);
  ASSERT_EQ(losses.size(), 7u);
  EXPECT_EQ(losses.back().reason(), "reason 1");
  EXPECT_EQ(losses.back().count(), 1);
}

TEST_F(ConnectorLossesTest, WaitingAndDroppedMessagesAreDataPoints) {
  Start(Config());
  Leave();
  Pass(absl::Seconds(10));
  Lose(3, "x");
  std::string waiting, dropped;
  for (const auto& [path, value] : connector_->ProcessValues()) {
    if (path == "/Process/CloudConn/MessagesWaiting") waiting = value;
    if (path == "/Process/CloudConn/MessagesDropped") dropped = value;
  }
  EXPECT_EQ(waiting, absl::StrCat(Waiting()));
  EXPECT_EQ(dropped, "3");
}

}  // namespace
}  // namespace fieldgate::cloud_link
