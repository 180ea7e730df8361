// DoOn: commands of EventHandlers, in place.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "common/tixml/error.h"
#include "services/cloud_link/command/fake_ports.h"
#include "services/cloud_link/command/interpreter.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kGetMode[] = "Get /Process/Program/Mode";
constexpr char kSetStop[] = "Set /Process/Program/Mode=Stop";
constexpr char kSetRun[] = "Set /Process/Program/Mode=Run";

class DoOnTest : public testing::Test {
 protected:
  DoOnTest() {
    process_.calls_ = &calls_;
    config_.calls_ = &calls_;
    process_.values_["/Process/PV/Alarm"] = "0";
    events_.Put("HighTemp",
                "<Set _=\"/Process/PV/Alarm\" value=\"1\"/><CloudSendRealtimeData "
                "_=\"CloudConn,Realtime2\"/>");
  }

  Interpreter::TextResult Execute(absl::string_view text) {
    return interpreter_.ExecuteText(CommandText(text), {"portal CloudConn", "CloudConn"});
  }

  std::vector<std::string> calls_;
  FakeProcessPort process_;
  FakeConfigPort config_;
  FakeGatewayPort gateway_;
  FakeEventPort events_;
  Interpreter interpreter_{{process_, config_, gateway_, events_}};
};

TEST_F(DoOnTest, ExecutesTheCommandsOfTheHandlerInOrder) {
  const auto result = Execute("[<DoOn _=\"HighTemp\" ver=\"y\"/>]");
  EXPECT_EQ(result.text, "[<DoOn/>]");
  EXPECT_FALSE(result.failed);
  EXPECT_EQ(process_.values_["/Process/PV/Alarm"], "1");
  EXPECT_THAT(gateway_.calls_, ElementsAre("SendRealtimeData CloudConn 2"));
}

TEST_F(DoOnTest, WhatFailsInsideIsTheAnswerAndDoesntStopTheRest) {
  events_.Put("Bad",
              "<Set _=\"/X\" value=\"1\"/><Nothing/><Set _=\"/Process/PV/Alarm\" value=\"2\"/>");
  const auto result = Execute("[\n<DoOn _=\"Bad\" ver=\"y\"/>]");
  EXPECT_TRUE(result.failed);
  EXPECT_THAT(result.problems,
              ElementsAre("line 2: DoOn Bad: Set /X: /X does not exist",
                          HasSubstr("line 2: DoOn Bad: there is no command Nothing")));
  EXPECT_THAT(result.text, HasSubstr("<ErrNo _=\"-2196\"/>"));
  EXPECT_THAT(result.text, HasSubstr("there is no command Nothing"));
  EXPECT_EQ(process_.values_["/Process/PV/Alarm"], "2");
}

TEST_F(DoOnTest, AnUnknownHandlerAndNoneAreErrors) {
  EXPECT_THAT(Execute("[<DoOn _=\"LowTemp\"/>]").problems,
              ElementsAre("line 1: DoOn LowTemp: there is no EventHandler LowTemp"));
  EXPECT_THAT(Execute("[<DoOn/>]").problems,
              ElementsAre("line 1: DoOn names no handler; write <DoOn _=\"NAME\"/>"));
  EXPECT_THAT(calls_, IsEmpty());
}

TEST_F(DoOnTest, HandlersExecuteHandlersEightDeepAndNoDeeper) {
  for (int i = 1; i <= 9; ++i) {
    events_.Put(absl::StrCat("H", i), absl::StrCat("<DoOn _=\"H", i + 1, "\"/>"));
  }
  events_.Put("H10", "<Set _=\"/Process/PV/Alarm\" value=\"1\"/>");
  EXPECT_FALSE(Execute("[<DoOn _=\"H3\"/>]").failed) << "H3 to H10";
  EXPECT_EQ(process_.values_["/Process/PV/Alarm"], "1");
  EXPECT_THAT(Execute("[<DoOn _=\"H2\"/>]").problems,
              ElementsAre(HasSubstr("DoOn H9: DoOn H10: more than 8 handlers execute each other")));
}

// config_store refuses both, but one handler may change while another runs.
TEST_F(DoOnTest, HandlersThatExecuteEachOtherEnd) {
  events_.Put("A", "<DoOn _=\"B\"/>");
  events_.Put("B", "<DoOn _=\"A\"/>");
  EXPECT_THAT(Execute("[<DoOn _=\"A\"/>]").problems, ElementsAre(HasSubstr("more than 8")));
}

TEST_F(DoOnTest, ADoOnExecutesAtMostAThousandCommands) {
  std::string many = "<Get _=\"/Process/PV/Alarm\"/>";
  for (int i = 0; i < 99; ++i) many += "<Get _=\"/Process/PV/Alarm\"/>";
  events_.Put("Many", many);
  std::string all;
  for (int i = 0; i < 20; ++i) all += "<DoOn _=\"Many\"/>";
  events_.Put("All", all);
  const auto result = Execute("[<DoOn _=\"All\"/>]");
  EXPECT_THAT(calls_, SizeIs(900));
  EXPECT_THAT(result.problems, SizeIs(11));
  EXPECT_THAT(result.problems[0], HasSubstr("DoOn Many: more than 1000 commands at once"));
  calls_.clear();
  EXPECT_FALSE(Execute("[<DoOn _=\"Many\"/><DoOn _=\"Many\"/>]").failed) << "each by itself";
}

TEST_F(DoOnTest, ASetConfigInAHandlerStopsTheProgramLikeAnyOther) {
  events_.Put("Configure",
              "<Get _=\"/Process/PV/Alarm\"/><SetConfig _=\"USER\"/><SetConfig "
              "_=\"LOG\"/><Set _=\"/Process/PV/Alarm\" value=\"3\"/>");
  EXPECT_FALSE(Execute("[<DoOn _=\"Configure\"/>]").failed);
  EXPECT_THAT(calls_, ElementsAre("Get /Process/PV/Alarm", kGetMode, kSetStop, "SetConfig USER",
                                  "SetConfig LOG", kSetRun, "Set /Process/PV/Alarm=3"));
  EXPECT_EQ(config_.last_origin_.connector, "CloudConn");
}

TEST_F(DoOnTest, TheProgramIsStoppedOnceForSetConfigsInsideAndOutsideOfHandlers) {
  events_.Put("Inner", "<SetConfig _=\"USER\"/>");
  events_.Put("Outer", "<DoOn _=\"Inner\"/><SetConfig _=\"LOG\"/>");
  Execute("[<SetConfig _=\"ISP\"/><DoOn _=\"Outer\"/><DoOn _=\"HighTemp\"/>]");
  EXPECT_THAT(calls_, ElementsAre(kGetMode, kSetStop, "SetConfig ISP", "SetConfig USER",
                                  "SetConfig LOG", kSetRun, "Set /Process/PV/Alarm=1"));
  calls_.clear();
  Execute("[<DoOn _=\"Inner\"/><SetConfig _=\"ISP\"/>]");
  EXPECT_THAT(calls_, ElementsAre(kGetMode, kSetStop, "SetConfig USER", "SetConfig ISP", kSetRun));
}

TEST_F(DoOnTest, ASetConfigInAHandlerIsNotExecutedWhenTheProgramWouldNotStop) {
  process_.failures_[kSetStop] = absl::AbortedError("a poll hangs");
  events_.Put("Configure", "<SetConfig _=\"USER\"/>");
  tixml::Node do_on{"DoOn", {{"_", "Configure"}}, {}, "", 0};
  const Interpreter::Result result =
      interpreter_.Execute({do_on}, {"portal CloudConn", "CloudConn"});
  EXPECT_TRUE(result.program_not_stopped);
  EXPECT_THAT(result.problems,
              ElementsAre("DoOn Configure: SetConfig USER was not executed: the program can't be "
                          "stopped: a poll hangs"));
  EXPECT_THAT(config_.databases_, IsEmpty());
}

TEST_F(DoOnTest, AModeThatCannotBeRestoredIsNotTriedAgainByTheNextCommands) {
  process_.failures_[kSetRun] = absl::UnavailableError("process_data is down");
  events_.Put("Configure", "<SetConfig _=\"USER\"/><Get _=\"/Process/PV/Alarm\"/>");
  const auto result = Execute("[<DoOn _=\"Configure\"/><Get _=\"/Process/PV/Alarm\"/>]");
  EXPECT_THAT(result.problems, ElementsAre(HasSubstr("the configuration is in force, but the "
                                                     "program's mode Run can't be restored")));
  EXPECT_THAT(calls_, ElementsAre(kGetMode, kSetStop, "SetConfig USER", kSetRun,
                                  "Get /Process/PV/Alarm", "Get /Process/PV/Alarm"));
}

TEST_F(DoOnTest, AHandlerThatTheSameMessageConfiguresIsWaitedFor) {
  Execute("[<SetConfig _=\"USER\"/><DoOn _=\"HighTemp\"/>]");
  EXPECT_EQ(events_.waited_for_, 1) << "the revision that the SetConfig made";
}

TEST_F(DoOnTest, WarningsOfASetConfigInAHandlerAreTold) {
  config_.warnings_.emplace_back();
  config_.warnings_[0].set_severity(config_store::v1::Problem::WARNING);
  config_.warnings_[0].set_message("no point is sent");
  events_.Put("Configure", "<SetConfig _=\"ISP\"/>");
  EXPECT_THAT(Execute("[<DoOn _=\"Configure\"/>]").warnings, ElementsAre("no point is sent"));
}

TEST_F(DoOnTest, ChangesSomethingAsFarAsOneKnows) {
  EXPECT_FALSE(ReadsOnly({tixml::Node{"DoOn", {{"_", "HighTemp"}}, {}, "", 0}}));
}

}  // namespace
}  // namespace fieldgate::cloud_link
