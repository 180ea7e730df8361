// Log data (manual 1): each record of a log is sent once, in order, whatever
// happens in between.
#include <gmock/gmock.h>

#include <random>

#include "gtest/gtest.h"
#include "services/cloud_link/connector.h"
#include "services/cloud_link/connector_logs_fixture.h"

namespace fieldgate::cloud_link {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(ConnectorLogsTest, RecordsAreSentRightAfterTheStartAndThenEachPeriod) {
  Record(1, 3);
  Create(WithLog(60));
  EXPECT_THAT(Sent(), IsEmpty());
  EXPECT_THAT(reads_, IsEmpty());
  AnswerInit();
  EXPECT_EQ(Sent(), Numbers(1, 3));
  Record(4, 5);
  Advance(absl::Seconds(59));
  EXPECT_EQ(Sent(), Numbers(1, 3));
  Advance(absl::Seconds(1));
  EXPECT_EQ(Sent(), Numbers(1, 5));
  EXPECT_EQ(SentId(), 5);
  EXPECT_EQ(connector_->Status().logs(0).log(), "Energy");
}

TEST_F(ConnectorLogsTest, AMessageHasTheTimeOfTheRecordingInTheConnectorsTimeZone) {
  config::Connector config = WithLog();
  config.set_time_zone("Europe/Berlin");
  log().Record(1'764'000'000'900'000, {int64_t{7}});
  CreateRunning(config);
  ASSERT_THAT(DataBodies(), SizeIs(1));
  EXPECT_EQ(DataBodies()[0], R"({"message_id":1,"timestamp":1764003600,"controllers":[)"
                             R"({"external_controller_id":"Process_PV","sensors":[)"
                             R"({"external_sensor_id":"Logged","value":7,"sensor_state":1}]}]})");
}

TEST_F(ConnectorLogsTest, ManyRecordsComeInOrder) {
  Record(1, 2'500);
  CreateRunning(WithLog());
  Advance(absl::Seconds(1));
  EXPECT_EQ(Sent(), Numbers(1, 2'500));
}

TEST_F(ConnectorLogsTest, OnCommandInEachForm) {
  config::Connector config = WithLog(0);
  AddLog(config, "Alarms", 0).mutable_points(0)->set_path("/Process/PV/Other");
  Record(1, 2);
  CreateRunning(config);
  Advance(absl::Hours(1));
  EXPECT_THAT(Sent(), IsEmpty());
  EXPECT_TRUE(connector_->SendLogData(1).ok());
  Run();
  EXPECT_EQ(Sent(), Numbers(1, 2));
  Record(3, 3);
  EXPECT_TRUE(connector_->SendLogData(std::nullopt).ok());
  Run();
  EXPECT_EQ(Sent(), Numbers(1, 3));
  const absl::Status unknown = connector_->SendLogData(3);
  EXPECT_TRUE(absl::IsNotFound(unknown));
  EXPECT_EQ(unknown.message(), "CloudConn has no Log3");
}

TEST_F(ConnectorLogsTest, ACommandDuringAnOutageIsCarriedOutAfterIt) {
  Record(1, 2);
  CreateRunning(WithLog(0));
  mqtt_.Break();
  Run();
  EXPECT_TRUE(connector_->SendLogData(1).ok());
  Run();
  EXPECT_THAT(Sent(), IsEmpty());
  RunAgain();
  EXPECT_EQ(Sent(), Numbers(1, 2));
}

TEST_F(ConnectorLogsTest, ACommandIsRefusedWhenItCanNeverBeCarriedOut) {
  config::Connector config = WithLog();
  config.set_start(false);
  Create(config);
  EXPECT_TRUE(absl::IsUnavailable(connector_->SendLogData(1)));
  EXPECT_TRUE(absl::IsNotFound([&] {
    Create(Config());
    return connector_->SendLogData(std::nullopt);
  }()));
}

TEST_F(ConnectorLogsTest, RecordsOfAnOutageComeOnceAfterIt) {
  Record(1, 3);
  CreateRunning(WithLog());
  mqtt_.refuse_connect = absl::UnavailableError("no route");
  mqtt_.Break();
  Run();
  Record(4, 400);
  for (int i = 0; i < 100; ++i) Advance(absl::Seconds(1));
  EXPECT_EQ(SentId(), 3) << "the log is the buffer, not the outbox";
  mqtt_.refuse_connect = absl::OkStatus();
  RunAgain();
  Advance(absl::Seconds(1));
  EXPECT_EQ(Sent(), Numbers(1, 400));
}

TEST_F(ConnectorLogsTest, AnAnswerThatComesAfterTheConnectionIsLostIsAskedForAgain) {
  Record(1, 3);
  hold_reads_ = true;
  CreateRunning(WithLog(0));
  connector_->SendLogData(1).IgnoreError();
  Run();
  ASSERT_THAT(reads_, SizeIs(1));
  mqtt_.Break();
  Run();
  hold_reads_ = false;
  Run();
  EXPECT_THAT(outbox_.Entries(), IsEmpty());
  RunAgain();
  EXPECT_EQ(Sent(), Numbers(1, 3));
}

TEST_F(ConnectorLogsTest, AnAnswerForFormerSectionsIsAskedForAgain) {
  Record(1, 3);
  hold_reads_ = true;
  CreateRunning(WithLog(0));
  connector_->SendLogData(1).IgnoreError();
  Run();
  ASSERT_THAT(reads_, SizeIs(1));
  config::Connector config = WithLog(0);
  config.mutable_log_sections()->DeleteSubrange(0, 1);
  AddLog(config, "Other", 0);
  AddLog(config, "Energy", 0);
  log("Other");
  connector_->ChangeDataModel(config, now());
  connector_->SendLogData(1).IgnoreError();
  Run();
  AnswerInit();
  ASSERT_THAT(reads_, SizeIs(2)) << "the former one's answer is still to come";
  hold_reads_ = false;
  Run();
  EXPECT_EQ(Sent(), Numbers(1, 3));
  EXPECT_EQ(connector_->Status().logs(0).sent_id(), 0);
  EXPECT_EQ(connector_->Status().logs(1).sent_id(), 3);
}

// --- Exactly once -----------------------------------------------------------------

TEST_F(ConnectorLogsTest, ACrashBeforeTheCommitTakesTheRecordsAgain) {
  Record(1, 3);
  outbox_.FailNextCommit();
  CreateRunning(WithLog());
  EXPECT_EQ(outbox_.PeekMessageId(), 1);
  Restart(WithLog());
  AnswerInit();
  EXPECT_EQ(Sent(), Numbers(1, 3));
}

TEST_F(ConnectorLogsTest, ACrashAfterTheCommitTakesNoRecordAgain) {
  Record(1, 3);
  mqtt_.acknowledge = false;
  CreateRunning(WithLog());
  ASSERT_THAT(outbox_.Entries(), SizeIs(3));
  Record(4, 4);
  Restart(WithLog());
  mqtt_.acknowledge = true;
  AnswerInit();
  EXPECT_EQ(Sent(), Numbers(1, 4));
  EXPECT_EQ(outbox_.PeekMessageId(), 5);
}

TEST_F(ConnectorLogsTest, EachRecordBecomesOneMessageWhateverHappensWhenever) {
  for (unsigned seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
    outbox_ = FakeOutbox();
    mqtt_.ForgetPublished();
    process_.logs_.clear();
    int64_t recorded = 0;
    Create(WithLog(1));
    for (int i = 0; i < 600; ++i) {
      if (chance(40)) Record(recorded + 1, recorded + 30), recorded += 30;
      hold_reads_ = chance(30);
      mqtt_.acknowledge = !chance(30);
      if (chance(5)) outbox_.FailNextCommit();
      if (chance(3)) mqtt_.Break();
      if (chance(3)) Restart(WithLog(1));
      // One thing at a time, so that the others fall in between.
      if (chance(50)) connector_->Settle(now());
      if (chance(50)) mqtt_.Deliver();
      if (chance(50)) AnswerReads();
      if (chance(20)) clock_.Advance(absl::Seconds(1));
      if (state() == v1::WAIT_INIT_RESULT && chance(50)) AnswerInit();
    }
    hold_reads_ = false;
    mqtt_.acknowledge = true;
    for (int i = 0; i < 60 || SentId() < recorded; ++i) {
      ASSERT_LT(i, 600);
      Advance(absl::Seconds(1));
      if (state() == v1::WAIT_INIT_RESULT) AnswerInit();
    }
    ASSERT_EQ(Sent(), Numbers(1, recorded));
  }
}

TEST_F(ConnectorLogsTest, AFullDiskIsWaitedFor) {
  Record(1, 3);
  Create(WithLog(3600));
  hold_reads_ = true;
  AnswerInit();
  outbox_.FailWith(absl::UnavailableError("disk full"));
  hold_reads_ = false;
  Run();
  Advance(absl::Seconds(9));
  outbox_.FailWith(absl::OkStatus());
  EXPECT_THAT(Sent(), IsEmpty());
  Advance(absl::Seconds(1));
  EXPECT_EQ(Sent(), Numbers(1, 3));
}

TEST_F(ConnectorLogsTest, ProcessDataThatIsAwayIsAskedAgainEveryTenSeconds) {
  Record(1, 3);
  process_.failures_["ReadLog Energy"] = absl::UnavailableError("process_data is down");
  CreateRunning(WithLog(3600));
  process_.failures_.clear();
  Advance(absl::Seconds(9));
  EXPECT_THAT(Sent(), IsEmpty());
  Advance(absl::Seconds(1));
  EXPECT_EQ(Sent(), Numbers(1, 3));
}

// --- Records that are not there ------------------------------------------------------

TEST_F(ConnectorLogsTest, WhatTheBoundsTookIsRecordedAndToldOnce) {
  Record(1, 3);
  CreateRunning(WithLog());
  Record(4, 20);
  log().DropUntil(10);
  Advance(absl::Minutes(1));
  Restart(WithLog());
  AnswerInit();
  EXPECT_THAT(Sent(), SizeIs(3 + 10));
  const std::vector<LossRecord> losses = *outbox_.Losses();
  ASSERT_EQ(losses.size(), 1u);
  EXPECT_EQ(losses[0].count, 7);
  EXPECT_EQ(losses[0].last_timestamp, 11);
  EXPECT_EQ(losses[0].reason, "log Energy: records 4 to 10 dropped by the log's bounds");
  EXPECT_EQ(connector_->Status().messages_dropped(), 7u);
  EXPECT_THAT(notes_, ElementsAre("log Energy of CloudConn: dropped by the log's bounds before "
                                  "they were sent: records 4 to 10 (7)"));
}

TEST_F(ConnectorLogsTest, AGapUpToTheEndIsToldAtOnce) {
  Record(1, 3);
  CreateRunning(WithLog());
  Record(4, 4);
  log().DropUntil(4);
  Advance(absl::Minutes(2));
  EXPECT_EQ(SentId(), 4);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("before they were sent: record 4 (1)")));
  EXPECT_EQ(outbox_.Losses()->size(), 1u);
}

TEST_F(ConnectorLogsTest, ANewSectionBeginsAtTheOldestRecordKept) {
  Record(1, 20);
  log().DropUntil(10);
  CreateRunning(WithLog());
  EXPECT_EQ(Sent(), Numbers(11, 20));
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_THAT(*outbox_.Losses(), IsEmpty());
}

TEST_F(ConnectorLogsTest, ALogThatWasResetIsSentFromItsOldestRecord) {
  Record(1, 5);
  CreateRunning(WithLog());
  log().Reset();
  Record(101, 103);
  Advance(absl::Minutes(1));
  EXPECT_THAT(Sent(), ElementsAre(1, 2, 3, 4, 5, 101, 102, 103));
  EXPECT_EQ(SentId(), 3);
  EXPECT_THAT(notes_, ElementsAre("log Energy of CloudConn: it begins anew; sending goes on at "
                                  "record 1"));
}

TEST_F(ConnectorLogsTest, ALogThatWasLostGoesOnAboveWithoutAGap) {
  Record(1, 5);
  CreateRunning(WithLog());
  log().Reset(1'700'000'000);
  Record(101, 103);
  Advance(absl::Minutes(1));
  EXPECT_THAT(Sent(), ElementsAre(1, 2, 3, 4, 5, 101, 102, 103));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("goes on at record 1700000001")));
  EXPECT_EQ(connector_->Status().messages_dropped(), 0u);
}

TEST_F(ConnectorLogsTest, DamagedRecordsArePassedAndTold) {
  Record(1, 120);
  log().Damage(1);
  log().Damage(51);
  CreateRunning(WithLog(3600));
  for (int i = 0; i < 30; ++i) Advance(absl::Seconds(1));
  EXPECT_THAT(Sent(), SizeIs(118));
  EXPECT_EQ(SentId(), 120);
  const std::vector<LossRecord> losses = *outbox_.Losses();
  ASSERT_EQ(losses.size(), 2u) << "the portal was told of the first one before";
  for (const LossRecord& loss : losses) {
    EXPECT_EQ(loss.count, 1);
    EXPECT_EQ(loss.reason, "log Energy: damaged record");
  }
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("damaged, and so left out: 1 records up to 1"),
                                  HasSubstr("left out: 1 records up to 51")));
}

TEST_F(ConnectorLogsTest, RecordsWithoutAConfiguredPathAreLeftOutAndCounted) {
  log().SetPaths({"/Process/PV/Gone"});
  Record(1, 150);
  log().SetPaths({"/Process/PV/Gone", kLoggedPath});
  for (int64_t i = 151; i <= 153; ++i) log().Record(i, {int64_t{0}, i});
  log().SetPaths({"/Process/PV/Gone"});
  Record(154, 155);
  CreateRunning(WithLog());
  EXPECT_EQ(Sent(), Numbers(151, 153));
  EXPECT_EQ(SentId(), 155);
  EXPECT_THAT(notes_, ElementsAre("log Energy of CloudConn: without any data point that is "
                                  "sent, and so left out: 150 records up to 150",
                                  HasSubstr("left out: 2 records up to 155")));
  EXPECT_THAT(*outbox_.Losses(), IsEmpty());
}

}  // namespace
}  // namespace fieldgate::cloud_link
