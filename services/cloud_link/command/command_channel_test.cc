#include "services/cloud_link/command/command_channel.h"

#include <gmock/gmock.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "common/time/clock.h"
#include "common/tixml/codec.h"
#include "gtest/gtest.h"
#include "services/cloud_link/command/fake_request_log.h"
#include "services/cloud_link/outbox/fake_outbox.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kCmd[] = "c/fp/g/cmd";

// A cmd request in JSON with one Get.
std::string Cmd(const std::string& id, const std::string& serial = "01234567") {
  return absl::StrCat(R"({"request_id": ")", id, R"(", "serial_number": ")", serial,
                      R"(", "cmd": {"Get": {"-_": "/Process/PV/Level"}}})");
}

// A channel with a fake disk and a worker that the test plays itself.
class CommandChannelTest : public testing::Test, public CommandChannel::Host {
 protected:
  CommandChannelTest() { Restart(); }

  // The process dies; what is on the disk stays.
  void Restart() {
    outbox_.Crash();
    executing_.clear();
    waiting_ = 0;
    channel_ = std::make_unique<CommandChannel>(
        CommandChannel::Config{"CloudConn", "01234567", true}, log_, outbox_, *this, waiting_);
    ASSERT_TRUE(channel_->Recover(now()).ok());
  }

  void Request(const std::string& topic, const std::string& body) {
    channel_->OnRequest(*channel_->Accept(topic, body), now());
  }
  // The worker does the oldest: begins it, and answers with <Get _="42"/>; with
  // a revision, that is on probation.
  void ExecuteOne(bool failed = false, bool not_stopped = false, int64_t revision = 0,
                  bool killed = false) {
    ASSERT_FALSE(executing_.empty());
    const RequestNumber number = executing_.front();
    executing_.erase(executing_.begin());
    const absl::Status begun = log_.Begin(number);
    Interpreter::Result result;
    if (begun.ok()) {
      ++executed_;
      tixml::Node answer;
      answer.name = "Get";
      answer.Set("_", "42");
      result.answers.push_back(answer);
      result.failed = failed;
      result.program_not_stopped = not_stopped;
      if (revision > 0) result.on_probation = {{0, revision, tixml::Verbosity::kShort}};
      channel_->Hold(number, result);
    }
    if (killed) return;
    channel_->OnExecuted(number, begun, result, now());
  }

  // Topic and body of all answers that the outbox holds.
  std::vector<std::string> Answers() const {
    std::vector<std::string> answers;
    for (const StoredEntry& stored : outbox_.Entries()) {
      EXPECT_EQ(stored.entry.lane, Lane::kResult);
      EXPECT_EQ(stored.entry.qos, 1);
      answers.push_back(absl::StrCat(stored.entry.topic, " ", stored.entry.content));
    }
    return answers;
  }
  MonotonicTime now() const { return clock_.Now(); }

  bool ExecuteRequest(CommandChannel&, RequestNumber number,
                      std::vector<tixml::Node> commands) override {
    if (worker_full_) return false;
    EXPECT_FALSE(commands.empty());
    executing_.push_back(number);
    return true;
  }
  Verdict VerdictOn(const std::string& connector, int64_t revision) override {
    EXPECT_EQ(connector, "CloudConn");
    EXPECT_EQ(revision, 7);
    return verdict_;
  }
  void OnAnswerStored(const std::string& connector, StoredEntry answer) override {
    EXPECT_EQ(connector, "CloudConn");
    handed_over_.push_back(answer.id);
  }

  FakeClock clock_;
  FakeOutbox outbox_;
  FakeRequestLog log_{outbox_};
  std::atomic<int> waiting_ = 0;
  std::unique_ptr<CommandChannel> channel_;
  std::vector<RequestNumber> executing_;
  std::vector<EntryId> handed_over_;
  int executed_ = 0;
  bool worker_full_ = false;
  Verdict verdict_;
};

TEST_F(CommandChannelTest, AnExecutedRequestIsAnsweredOnItsResultTopic) {
  Request(kCmd, Cmd("r1"));
  EXPECT_THAT(Answers(), IsEmpty());
  ExecuteOne();
  EXPECT_THAT(
      Answers(),
      ElementsAre(
          R"(c/fp/g/cmdResult {"error_code":0,"response_id":"r1","cmd_result":{"Get":{"-_":"42"}}})"));
  EXPECT_THAT(handed_over_, SizeIs(1));
  EXPECT_EQ(waiting_, 0);
}

TEST_F(CommandChannelTest, AForeignSerialNumberIs404AndNothingIsExecuted) {
  Request(kCmd, Cmd("r1", "76543210"));
  EXPECT_THAT(executing_, IsEmpty());
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"("error_code":404,"response_id":"r1")")));
  EXPECT_THAT(log_.Unanswered().value(), IsEmpty());
  EXPECT_EQ(waiting_, 0);
}

TEST_F(CommandChannelTest, FailedCommandsAre500AndAProgramThatWouldNotStop409) {
  Request(kCmd, Cmd("r1"));
  Request(kCmd, Cmd("r2"));
  ExecuteOne(/*failed=*/true);
  ExecuteOne(/*failed=*/true, /*not_stopped=*/true);
  EXPECT_THAT(Answers(),
              ElementsAre(HasSubstr(R"("error_code":500)"), HasSubstr(R"("error_code":409)")));
}

TEST_F(CommandChannelTest, WhatCannotBeReadIs500WithTheReason) {
  Request(kCmd, "{\"request_id\": ");
  Request("c/fp/g/config", R"({<request_id _="r2"/><serial_number _="01234567"/>})");
  EXPECT_THAT(executing_, IsEmpty());
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"({"error_code":500,"response_id":"","cmd_re)"),
                                     HasSubstr("config (config_xml) is missing")));
}

TEST_F(CommandChannelTest, ATooLargeRequestIs413InItsFormatAndNotStored) {
  Request(kCmd, "{\"" + std::string((256 << 10) + 1, 'x'));
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"(c/fp/g/cmdResult {"error_code":413)")));
  Request(kCmd, "{ <request_id _=\"r1\"/>" + std::string((256 << 10) + 1, 'x'));
  EXPECT_THAT(Answers().back(), HasSubstr("<error_code _=\"413\"/>\n<response_id _=\"r1\"/>"));
  EXPECT_THAT(log_.Unanswered().value(), IsEmpty());
}

TEST_F(CommandChannelTest, ATooLargeAnswerIsReplacedByAShortOne) {
  Request(kCmd, Cmd("r1"));
  const RequestNumber number = executing_.front();
  Interpreter::Result result;
  result.answers.push_back(tixml::ValueNode("Get", std::string(2 << 20, 'x')));
  channel_->OnExecuted(number, log_.Begin(number), result, now());
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"("error_code":413,"response_id":"r1")")));
}

TEST_F(CommandChannelTest, ARequestThatComesTwiceIsExecutedOnceAndAnsweredTheSame) {
  Request(kCmd, Cmd("r1"));
  ExecuteOne();
  Request(kCmd, Cmd("r1"));
  EXPECT_THAT(executing_, IsEmpty());
  ASSERT_THAT(Answers(), SizeIs(2));
  EXPECT_EQ(Answers()[0], Answers()[1]);
}

TEST_F(CommandChannelTest, ASecondDeliveryBeforeTheAnswerGetsNoAnswerOfItsOwn) {
  Request(kCmd, Cmd("r1"));
  Request(kCmd, Cmd("r1"));
  EXPECT_THAT(executing_, SizeIs(1));
  ExecuteOne();
  EXPECT_THAT(Answers(), SizeIs(1));
  EXPECT_EQ(waiting_, 0);
}

TEST_F(CommandChannelTest, ARequestThatComesAgainAfterARestartIsNotExecutedAgain) {
  Request(kCmd, Cmd("r1"));
  ExecuteOne();
  Restart();
  Request(kCmd, Cmd("r1"));
  EXPECT_THAT(executing_, IsEmpty());
  EXPECT_EQ(executed_, 1);
  EXPECT_THAT(Answers(), SizeIs(2));
}

TEST_F(CommandChannelTest, TheSameIdOnAnotherTopicIsAnotherRequest) {
  Request(kCmd, Cmd("1"));
  Request("c/fp/g/state", R"({"request_id": "1", "serial_number": "01234567"})");
  EXPECT_THAT(executing_, SizeIs(2));
}

TEST_F(CommandChannelTest, RequestsWithoutAnIdAreEachExecuted) {
  const std::string body = R"({"serial_number": "01234567", "cmd": {"Get": null}})";
  Request(kCmd, body);
  ExecuteOne();
  Request(kCmd, body);
  ExecuteOne();
  EXPECT_EQ(executed_, 2);
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"("response_id":"")"), testing::_));
}

TEST_F(CommandChannelTest, AnAcceptedRequestThatHadNotBegunIsExecutedAfterARestart) {
  Request(kCmd, Cmd("r1"));
  Restart();
  ExecuteOne();
  EXPECT_EQ(executed_, 1);
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"("error_code":0,"response_id":"r1")")));
}

TEST_F(CommandChannelTest, ARequestThatHadBegunIsAnsweredAsInterruptedAndNeverExecutedAgain) {
  Request(kCmd, Cmd("r1"));
  ASSERT_TRUE(log_.Begin(executing_.front()).ok());
  Restart();
  EXPECT_THAT(executing_, IsEmpty());
  EXPECT_THAT(Answers(),
              ElementsAre(testing::AllOf(HasSubstr(R"("error_code":500,"response_id":"r1")"),
                                         HasSubstr("interrupted"))));
  Request(kCmd, Cmd("r1"));
  EXPECT_THAT(executing_, IsEmpty());
  EXPECT_EQ(Answers().back(), Answers().front());
}

// --- On probation ---

TEST_F(CommandChannelTest, WhatIsOnProbationIsAnsweredOnceItIsConfirmed) {
  Request(kCmd, Cmd("r1"));
  ExecuteOne(false, false, /*revision=*/7);
  channel_->OnVerdicts(now());
  EXPECT_THAT(Answers(), IsEmpty());
  EXPECT_EQ(waiting_, 1);
  verdict_.state = Verdict::State::kConfirmed;
  channel_->OnVerdicts(now());
  channel_->OnVerdicts(now());
  EXPECT_THAT(
      Answers(),
      ElementsAre(
          R"(c/fp/g/cmdResult {"error_code":0,"response_id":"r1","cmd_result":{"Get":{"-_":"42"}}})"));
  EXPECT_EQ(waiting_, 0);
}

TEST_F(CommandChannelTest, WhatWasTakenBackIs500WithTheReason) {
  Request(kCmd, Cmd("r1"));
  ExecuteOne(false, false, /*revision=*/7);
  verdict_ = {Verdict::State::kTakenBack, "broker refused user name"};
  channel_->OnVerdicts(now());
  EXPECT_THAT(Answers(),
              ElementsAre(testing::AllOf(HasSubstr(R"("error_code":500,"response_id":"r1")"),
                                         HasSubstr("-2152"), HasSubstr("broker refused"))));
}

TEST_F(CommandChannelTest, AVerdictThatIsThereAlreadyIsAnsweredAtOnce) {
  Request(kCmd, Cmd("r1"));
  verdict_.state = Verdict::State::kConfirmed;
  ExecuteOne(false, false, /*revision=*/7);
  EXPECT_THAT(Answers(), SizeIs(1));
}

TEST_F(CommandChannelTest, OtherRequestsAreAnsweredWhileOneWaits) {
  Request(kCmd, Cmd("r1"));
  Request(kCmd, Cmd("r2"));
  ExecuteOne(false, false, /*revision=*/7);
  ExecuteOne();
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"("response_id":"r2")")));
}

TEST_F(CommandChannelTest, ASecondDeliveryDuringAProbationIsNotExecutedAndGetsNoAnswerOfItsOwn) {
  Request(kCmd, Cmd("r1"));
  ExecuteOne(false, false, /*revision=*/7);
  Request(kCmd, Cmd("r1"));
  EXPECT_THAT(executing_, IsEmpty());
  EXPECT_THAT(Answers(), IsEmpty());
  verdict_.state = Verdict::State::kConfirmed;
  channel_->OnVerdicts(now());
  EXPECT_THAT(Answers(), SizeIs(1));
  Request(kCmd, Cmd("r1"));
  EXPECT_THAT(Answers(), SizeIs(2)) << "later it gets the stored one";
  EXPECT_EQ(executed_, 1);
}

TEST_F(CommandChannelTest, AfterARestartDuringAProbationThereIsExactlyOneAnswer) {
  Request(kCmd, Cmd("r1"));
  ExecuteOne(false, false, /*revision=*/7);
  Restart();
  EXPECT_EQ(waiting_, 1);
  EXPECT_THAT(executing_, IsEmpty());
  Request(kCmd, Cmd("r1"));  // delivered again
  EXPECT_THAT(executing_, IsEmpty());
  EXPECT_THAT(Answers(), IsEmpty());
  verdict_ = {Verdict::State::kTakenBack, "no route to host"};
  channel_->OnVerdicts(now());
  EXPECT_THAT(Answers(),
              ElementsAre(testing::AllOf(HasSubstr(R"("error_code":500,"response_id":"r1")"),
                                         HasSubstr("no route to host"))));
  Restart();
  channel_->OnVerdicts(now());
  EXPECT_THAT(Answers(), SizeIs(1));
  EXPECT_EQ(executed_, 1);
}

TEST_F(CommandChannelTest, AKillRightAfterTheExecutionLosesNoAnswerOnProbation) {
  Request(kCmd, Cmd("r1"));
  ExecuteOne(false, false, /*revision=*/7, /*killed=*/true);
  Restart();
  verdict_.state = Verdict::State::kConfirmed;
  channel_->OnVerdicts(now());
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"("error_code":0,"response_id":"r1")")));
}

TEST_F(CommandChannelTest, AHeldAnswerThatCannotBeReadIsAnsweredAsInterrupted) {
  Request(kCmd, Cmd("r1"));
  ASSERT_TRUE(log_.Begin(executing_.front()).ok());
  ASSERT_TRUE(log_.Hold(executing_.front(), "garbage").ok());
  Restart();
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr("interrupted")));
}

TEST_F(CommandChannelTest, AnAnswerThatCannotBeHeldOnTheDiskComesAllTheSame) {
  Request(kCmd, Cmd("r1"));
  const RequestNumber number = executing_.front();
  ASSERT_TRUE(log_.Begin(number).ok());
  Interpreter::Result result;
  result.answers.push_back(tixml::ValueNode("Get", "42"));
  result.on_probation = {{0, 7, tixml::Verbosity::kShort}};
  log_.FailWith(absl::UnavailableError("disk full"));
  channel_->Hold(number, result);
  channel_->OnExecuted(number, absl::OkStatus(), result, now());
  verdict_.state = Verdict::State::kConfirmed;
  channel_->OnVerdicts(now());
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"("error_code":0,"response_id":"r1")")));
}

TEST_F(CommandChannelTest, WhatWaitsForAProbationCountsAmongTheHundred) {
  for (int i = 0; i < kMaxRequests; ++i) {
    Request(kCmd, Cmd(absl::StrCat("r", i)));
    ExecuteOne(false, false, /*revision=*/7);
  }
  Request(kCmd, Cmd("late"));
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"("error_code":409,"response_id":"late")")));
}

TEST_F(CommandChannelTest, TheHundredAndFirstWaitingRequestIs409AndMayComeAgain) {
  for (int i = 0; i < kMaxRequests; ++i) Request(kCmd, Cmd(absl::StrCat("r", i)));
  EXPECT_THAT(Answers(), IsEmpty());
  Request(kCmd, Cmd("late"));
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"("error_code":409,"response_id":"late")")));
  ExecuteOne();
  Request(kCmd, Cmd("late"));
  EXPECT_THAT(executing_, SizeIs(kMaxRequests));
}

TEST_F(CommandChannelTest, AFloodOfRefusedRequestsIsDroppedUntilTheLoopHasAnswered) {
  for (int i = 0; i < kMaxRequests; ++i) Request(kCmd, Cmd(absl::StrCat("r", i)));
  const std::string flood = Cmd("flood");
  const auto most =
      static_cast<size_t>(kMaxRefusedBytes) / (flood.size() + static_cast<size_t>(kRefusalBytes));
  std::vector<CommandChannel::Incoming> refused;
  for (size_t i = 0; i < 2 * most; ++i) {
    auto incoming = channel_->Accept(kCmd, flood);
    if (incoming.has_value()) refused.push_back(*std::move(incoming));
  }
  ASSERT_THAT(refused, SizeIs(most));
  channel_->OnRequest(refused[0], now());
  EXPECT_TRUE(channel_->Accept(kCmd, flood).has_value());
  EXPECT_FALSE(channel_->Accept(kCmd, flood).has_value());
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"("error_code":409,"response_id":"flood")")));
}

TEST_F(CommandChannelTest, AFullWorkerIs409) {
  worker_full_ = true;
  Request(kCmd, Cmd("r1"));
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"("error_code":409)")));
  EXPECT_EQ(waiting_, 0);
}

TEST_F(CommandChannelTest, WhatCannotBeStoredIsNotExecuted) {
  log_.FailWith(absl::UnavailableError("disk full"));
  Request(kCmd, Cmd("r1"));
  EXPECT_THAT(executing_, IsEmpty());
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr(R"("error_code":409,"response_id":"r1")")));

  log_.FailWith(absl::OkStatus());
  Request(kCmd, Cmd("r2"));
  log_.FailWith(absl::UnavailableError("disk full"));
  ExecuteOne();
  EXPECT_EQ(executed_, 0);
  EXPECT_THAT(Answers().back(), HasSubstr(R"("error_code":409,"response_id":"r2")"));
}

TEST_F(CommandChannelTest, RequestsOfBeforeThatCannotBeReadAreTakenUpOnceTheyCan) {
  Request(kCmd, Cmd("r1"));
  ASSERT_TRUE(log_.Begin(1).ok());
  Restart();
  // The first restart answered it; of the second request nothing but the log knows.
  ASSERT_THAT(Answers(), SizeIs(1));
  Request(kCmd, Cmd("r2"));
  ASSERT_TRUE(log_.Begin(2).ok());
  log_.FailWith(absl::UnavailableError("disk I/O error"));
  CommandChannel channel({"CloudConn", "01234567", true}, log_, outbox_, *this, waiting_);
  EXPECT_TRUE(absl::IsUnavailable(channel.Recover(now())));
  EXPECT_THAT(Answers(), SizeIs(1));
  log_.FailWith(absl::OkStatus());
  Restart();
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr("r1"), HasSubstr("r2")));
}

TEST_F(CommandChannelTest, AnAnswerThatCannotBeStoredIsStoredLater) {
  Request(kCmd, Cmd("r1"));
  outbox_.FailWith(absl::UnavailableError("disk full"));
  ExecuteOne();
  EXPECT_THAT(Answers(), IsEmpty());
  EXPECT_EQ(waiting_, 1);
  outbox_.FailWith(absl::OkStatus());
  // Delivered again meanwhile.
  Request(kCmd, Cmd("r1"));
  clock_.Advance(absl::Seconds(1));
  EXPECT_LE(channel_->NextDeadline(), now());
  channel_->Settle(now());
  EXPECT_THAT(Answers(), SizeIs(1));
  EXPECT_EQ(executed_, 1);
  EXPECT_EQ(waiting_, 0);
  EXPECT_EQ(channel_->NextDeadline(), MonotonicTime::Never());
}

TEST_F(CommandChannelTest, AnAnswerAndItsMemoryAreOneTransaction) {
  Request(kCmd, Cmd("r1"));
  outbox_.FailNextCommit();
  ExecuteOne();
  EXPECT_THAT(Answers(), IsEmpty());
  EXPECT_FALSE(log_.Find("cmd/r1").value().has_value());
  Restart();
  EXPECT_THAT(Answers(), ElementsAre(HasSubstr("interrupted")));
}

}  // namespace
}  // namespace fieldgate::cloud_link
