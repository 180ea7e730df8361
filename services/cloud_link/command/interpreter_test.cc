#include "services/cloud_link/command/interpreter.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "common/tixml/error.h"
#include "services/cloud_link/command/fake_ports.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::Problem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using tixml::Node;

constexpr char kGetMode[] = "Get /Process/Program/Mode";
constexpr char kSetStop[] = "Set /Process/Program/Mode=Stop";
constexpr char kSetRun[] = "Set /Process/Program/Mode=Run";

Node Named(absl::string_view name) {
  Node node;
  node.name = std::string(name);
  return node;
}

Problem MakeProblem(Problem::Severity severity, int line, const std::string& message,
                    const std::string& remedy) {
  Problem problem;
  problem.set_severity(severity);
  problem.set_path("/ISP/CloudConn");
  problem.set_line(line);
  problem.set_message(message);
  problem.set_remedy(remedy);
  return problem;
}

class InterpreterTest : public testing::Test {
 protected:
  InterpreterTest() {
    process_.calls_ = &calls_;
    config_.calls_ = &calls_;
    process_.values_["/Process/PV/Level"] = "23.5";
    Node cloud_conn = Named("CloudConn");
    cloud_conn.Add(tixml::ValueNode("ConnectionState", "1"));
    Node process = Named("Process");
    process.Add(cloud_conn);
    process_.subtrees_["/Process/CloudConn"] = cloud_conn;
    process_.subtrees_["/Process"] = process;
    Node system = Named("SYSTEM");
    system.Add(process);
    process_.subtrees_["/"] = system;
    process_.subtrees_["/Ethernet"] = Named("Ethernet");
    process_.values_["/SerialNo"] = "04600912";
  }

  Interpreter::TextResult Execute(absl::string_view text) {
    return interpreter_.ExecuteText(CommandText(text), {"command line", ""});
  }

  std::vector<std::string> calls_;
  FakeProcessPort process_;
  FakeConfigPort config_;
  FakeGatewayPort gateway_;
  FakeEventPort events_;
  Interpreter interpreter_{{process_, config_, gateway_, events_}};
};

// --- Get ---

TEST_F(InterpreterTest, GetOfAValueAnswersTheValue) {
  const auto result = Execute(R"([<Get _="/Process/PV/Level"/>])");
  EXPECT_EQ(result.text, R"([<Get _="23.5"/>])");
  EXPECT_FALSE(result.failed);
  EXPECT_THAT(result.problems, IsEmpty());
}

TEST_F(InterpreterTest, GetOfASubtreeAnswersTheAddressedElement) {
  EXPECT_EQ(Execute(R"([<Get _="/Process/CloudConn/" ver="y"/>])").text,
            "[<Get>\n  <CloudConn>\n    <ConnectionState _=\"1\"/>\n  </CloudConn>\n</Get>]");
}

TEST_F(InterpreterTest, GetWithoutPathAnswersTheWholeTree) {
  const std::string whole =
      "[<Get>\n  <SYSTEM>\n    <Process>\n      <CloudConn>\n"
      "        <ConnectionState _=\"1\"/>\n      </CloudConn>\n    </Process>\n"
      "  </SYSTEM>\n</Get>]";
  EXPECT_EQ(Execute(R"([<Get ver="y"/>])").text, whole);
  EXPECT_EQ(Execute(R"([<Get _="/"/>])").text, whole);
}

TEST_F(InterpreterTest, GetReachesWhatTheDeviceTellsAboutItself) {
  EXPECT_EQ(Execute(R"([<Get _="/SerialNo"/>])").text, R"([<Get _="04600912"/>])");
  EXPECT_EQ(Execute(R"([<Get _="Ethernet/" ver="y"/>])").text, "[<Get>\n  <Ethernet/>\n</Get>]");
}

TEST_F(InterpreterTest, GetOfAnUnknownPathAnswersTheNumberByDefault) {
  const auto result = Execute(R"([<Get _="/Processs/"/>])");
  EXPECT_EQ(result.text, "[<Get>\n  <Error _=\"-2196\"/>\n</Get>]");
  EXPECT_TRUE(result.failed);
  EXPECT_THAT(result.problems,
              ElementsAre("line 1: Get /Processs/: /Processs does not exist; /Process does"));
}

TEST_F(InterpreterTest, ShortErrorsHoldTextAndCauseAsTable1_4) {
  EXPECT_EQ(Execute(R"([<Get _="/X" ver="y"/>])").text,
            "[<Get>\n  <Error>\n    <ErrNo _=\"-2196\"/>\n"
            "    <ErrText _=\"path to key not found\"/>\n    <ErrorCause>\n"
            "      <ErrNo _=\"-2196\"/>\n"
            "      <ErrText _=\"line 1: Get /X: /X does not exist; /Process does\"/>\n"
            "      <Class _=\"Get\"/>\n    </ErrorCause>\n  </Error>\n</Get>]");
}

TEST_F(InterpreterTest, LongErrorsHoldLineAndModule) {
  const auto result = Execute(R"([<Get _="/X" ver="v"/>])");
  EXPECT_THAT(result.text, HasSubstr("<Module _=\"get_set.cc\"/>"));
  EXPECT_THAT(result.text, Not(HasSubstr("<Line _=\"0\"/>")));
}

TEST_F(InterpreterTest, GetFailsWhenProcessDataIsDown) {
  process_.failures_["Get /Process/PV/Level"] = absl::UnavailableError("process_data is down");
  EXPECT_THAT(Execute(R"([<Get _="/Process/PV/Level"/>])").text,
              HasSubstr(absl::StrCat(tixml::kUnavailable)));
}

// --- Set ---

TEST_F(InterpreterTest, SetWritesTheValue) {
  const auto result = Execute(R"([<Set _="/Process/PV/Level" value="7" ver="y"/>])");
  EXPECT_EQ(result.text, "[<Set/>]");
  EXPECT_EQ(process_.values_["/Process/PV/Level"], "7");
}

TEST_F(InterpreterTest, SetToTheEmptyTextIsAllowed) {
  EXPECT_FALSE(Execute(R"([<Set _="/Process/PV/Level" value=""/>])").failed);
  EXPECT_EQ(process_.values_["/Process/PV/Level"], "");
}

TEST_F(InterpreterTest, SetWithoutValueSaysHowToWriteIt) {
  const auto result = Execute(R"([<Set _="/Process/PV/Level"/>])");
  EXPECT_EQ(result.text,
            absl::StrCat("[<Set>\n  <Error _=\"", tixml::kInvalidCommand, "\"/>\n</Set>]"));
  EXPECT_THAT(result.problems, ElementsAre("line 1: Set /Process/PV/Level has no value; write <Set "
                                           "_=\"/Process/PV/Level\" value=\"1\"/>"));
  EXPECT_EQ(process_.values_["/Process/PV/Level"], "23.5");
}

TEST_F(InterpreterTest, SetWithoutPathIsInvalid) {
  EXPECT_THAT(Execute(R"([<Set value="7"/>])").problems, ElementsAre(HasSubstr("Set has no path")));
  EXPECT_THAT(calls_, IsEmpty());
}

TEST_F(InterpreterTest, EachFailureOfSetHasItsNumber) {
  const std::pair<absl::Status, int> cases[] = {
      {absl::NotFoundError("x"), tixml::kPathNotFound},
      {absl::PermissionDeniedError("x"), tixml::kReadOnly},
      {absl::InvalidArgumentError("x"), tixml::kInvalidValue},
      {absl::UnavailableError("x"), tixml::kUnavailable},
      {absl::FailedPreconditionError("x"), tixml::kDeviceRefused},
  };
  for (const auto& [status, number] : cases) {
    process_.failures_["Set /Process/PV/Level=7"] = status;
    EXPECT_THAT(Execute(R"([<Set _="/Process/PV/Level" value="7"/>])").text,
                HasSubstr(absl::StrCat("<Error _=\"", number, "\"/>")))
        << status;
  }
}

// --- SetConfig ---

TEST_F(InterpreterTest, SetConfigStopsTheProgramAndRestoresItsMode) {
  const auto result = Execute(R"([<SetConfig _="ISP" ver="y"><CloudConn/></SetConfig>])");
  EXPECT_EQ(result.text, "[<SetConfig/>]");
  EXPECT_THAT(calls_, ElementsAre(kGetMode, kSetStop, "SetConfig ISP", kSetRun));
  EXPECT_EQ(config_.databases_["ISP"].children.size(), 1u);
  EXPECT_EQ(config_.last_origin_.who, "command line");
}

TEST_F(InterpreterTest, RunOfSetConfigsStopsTheProgramOnce) {
  Execute(R"([<SetConfig _="ISP"/><SetConfig _="USER"/>])");
  EXPECT_THAT(calls_, ElementsAre(kGetMode, kSetStop, "SetConfig ISP", "SetConfig USER", kSetRun));
}

TEST_F(InterpreterTest, StoppedProgramStaysStopped) {
  process_.values_["/Process/Program/Mode"] = "Stop";
  Execute(R"([<SetConfig _="ISP"/>])");
  EXPECT_THAT(calls_, ElementsAre(kGetMode, "SetConfig ISP"));
  EXPECT_EQ(process_.mode(), "Stop");
}

TEST_F(InterpreterTest, ModeSetBetweenSetConfigsIsTheOneRestored) {
  Execute(R"([<SetConfig _="ISP"/><Set _="Process/Program/Mode/" value="Stop"/>
              <SetConfig _="USER"/>])");
  EXPECT_EQ(process_.mode(), "Stop");
}

TEST_F(InterpreterTest, ProgramStartedBetweenSetConfigsIsStoppedAgain) {
  Execute(R"([<SetConfig _="ISP"/><Set _="/Process/Program/Mode" value="Run"/>
              <SetConfig _="USER"/>])");
  EXPECT_THAT(calls_, ElementsAre(kGetMode, kSetStop, "SetConfig ISP", kSetRun, kGetMode, kSetStop,
                                  "SetConfig USER", kSetRun));
}

TEST_F(InterpreterTest, SetConfigIsNotExecutedWhenTheProgramCannotBeStopped) {
  process_.failures_[kSetStop] = absl::DeadlineExceededError("no answer");
  const auto result = Execute(R"([<SetConfig _="ISP"/>])");
  EXPECT_EQ(result.text,
            absl::StrCat("[<SetConfig>\n  <Error _=\"", tixml::kBusy, "\"/>\n</SetConfig>]"));
  EXPECT_THAT(config_.databases_, IsEmpty());
  EXPECT_THAT(result.problems,
              ElementsAre("line 1: SetConfig ISP was not executed: the program can't be stopped: "
                          "no answer"));
}

TEST_F(InterpreterTest, ModeIsRestoredAfterAStopThatMayHaveComeThrough) {
  process_.failures_[kSetStop] = absl::DeadlineExceededError("no answer");
  Execute(R"([<SetConfig _="ISP"/>])");
  EXPECT_THAT(calls_, ElementsAre(kGetMode, kSetStop, kSetRun));
}

TEST_F(InterpreterTest, SetConfigIsNotExecutedWhenTheModeCannotBeRead) {
  process_.failures_[kGetMode] = absl::UnavailableError("process_data is down");
  EXPECT_TRUE(Execute(R"([<SetConfig _="ISP"/>])").failed);
  EXPECT_THAT(calls_, ElementsAre(kGetMode));
}

TEST_F(InterpreterTest, SetConfigIsNotExecutedWhenThereIsNoMode) {
  process_.subtrees_["/Process/Program/Mode"] = Named("Mode");
  EXPECT_TRUE(Execute(R"([<SetConfig _="ISP"/>])").failed);
  EXPECT_THAT(calls_, ElementsAre(kGetMode));
}

TEST_F(InterpreterTest, ModeThatCannotBeRestoredIsAnError) {
  process_.failures_[kSetRun] = absl::UnavailableError("process_data is down");
  const auto result = Execute(R"([<SetConfig _="ISP"/><SetConfig _="USER"/>])");
  EXPECT_THAT(result.problems,
              ElementsAre("line 1: the configuration is in force, but the program's mode Run can't "
                          "be restored: process_data is down"));
  EXPECT_THAT(result.text, testing::StartsWith("[<SetConfig/>\n<SetConfig>"));
}

TEST_F(InterpreterTest, FailedSetConfigDoesNotStopTheNextAndModeIsRestored) {
  const auto result = Execute(R"([<SetConfig _="ISP"><Bad/></SetConfig><SetConfig _="USER"/>])");
  EXPECT_EQ(result.text, absl::StrCat("[<SetConfig>\n  <Error _=\"", tixml::kInvalidConfiguration,
                                      "\"/>\n</SetConfig>\n<SetConfig/>]"));
  EXPECT_TRUE(result.failed);
  EXPECT_EQ(config_.databases_.count("USER"), 1u);
  EXPECT_EQ(process_.mode(), "Run");
}

TEST_F(InterpreterTest, ModeIsRestoredWhenTheLastSetConfigIsMalformed) {
  Execute(R"([<SetConfig _="ISP"/><SetConfig/>])");
  EXPECT_EQ(process_.mode(), "Run");
}

TEST_F(InterpreterTest, EveryProblemOfASetConfigIsACause) {
  const auto result =
      Execute("[<SetConfig _=\"ISP\" ver=\"y\">\n<Bad/>\n<Bad/>\n<Good/>\n</SetConfig>]");
  EXPECT_THAT(result.problems, ElementsAre("line 2: /ISP/Bad: there is no Bad; write Good",
                                           "line 3: /ISP/Bad: there is no Bad; write Good"));
  EXPECT_THAT(result.text, HasSubstr("line 2: /ISP/Bad: there is no Bad; write Good"));
  EXPECT_THAT(result.text, HasSubstr("line 3: /ISP/Bad: there is no Bad; write Good"));
  EXPECT_THAT(result.text, Not(HasSubstr("more")));
}

TEST_F(InterpreterTest, AnswerIsBoundedAndTheProblemsAreComplete) {
  Node command = Named("SetConfig");
  command.Set("_", "ISP").Set("ver", "y");
  for (int i = 0; i < 250; ++i) command.Add(Named("Bad"));
  const auto result = interpreter_.Execute({command}, {"cmd CloudConn", "CloudConn"});
  EXPECT_EQ(result.problems.size(), 250u);
  const Node& error = *result.answers[0].Child("Error");
  EXPECT_EQ(error.children.size(), 2u + 101u);
  EXPECT_EQ(*error.children.back().Child("ErrText")->Find("_"), "and 150 more");
}

TEST_F(InterpreterTest, WarningsOfAnAcceptedSetConfigAreNoFailure) {
  config_.warnings_ = {MakeProblem(Problem::WARNING, 3, "no point is sent", "")};
  const auto result = Execute(R"([<SetConfig _="ISP"/>])");
  EXPECT_FALSE(result.failed);
  EXPECT_EQ(result.text, "[<SetConfig/>]");
  EXPECT_THAT(result.warnings, ElementsAre("line 3: /ISP/CloudConn: no point is sent"));
}

TEST_F(InterpreterTest, RefusalWithoutAReasonIsStillAFailure) {
  config_.refuse_silently_ = true;
  EXPECT_THAT(Execute(R"([<SetConfig _="ISP"/>])").problems,
              ElementsAre(HasSubstr("refused without a reason")));
}

TEST_F(InterpreterTest, SetConfigWithoutDatabaseTouchesNothing) {
  EXPECT_THAT(Execute("[<SetConfig><CloudConn/></SetConfig>]").problems,
              ElementsAre(HasSubstr("SetConfig names no database")));
  EXPECT_THAT(calls_, IsEmpty());
}

TEST_F(InterpreterTest, SetConfigOfTextIsInvalid) {
  EXPECT_THAT(Execute(R"([<SetConfig _="ISP">CloudConn</SetConfig>])").problems,
              ElementsAre(HasSubstr("holds text outside its elements: 'CloudConn'")));
  EXPECT_THAT(calls_, IsEmpty());
}

TEST_F(InterpreterTest, InvalidDatabasePathIsAnUnknownDatabase) {
  config_.failure_ = absl::InvalidArgumentError("'1' is no database");
  EXPECT_THAT(Execute(R"([<SetConfig _="1"/>])").text,
              HasSubstr(absl::StrCat(tixml::kUnknownDatabase)));
}

TEST_F(InterpreterTest, SetConfigFailsWhenConfigStoreIsDown) {
  config_.failure_ = absl::UnavailableError("config_store is down");
  EXPECT_THAT(Execute(R"([<SetConfig _="ISP"/>])").text,
              HasSubstr(absl::StrCat(tixml::kUnavailable)));
  EXPECT_EQ(process_.mode(), "Run");
}

// --- GetConfig ---

TEST_F(InterpreterTest, GetConfigReturnsTheDatabase) {
  Execute(R"([<SetConfig _="ISP"><CloudConn/></SetConfig>])");
  EXPECT_EQ(Execute(R"([<GetConfig _="ISP"/>])").text,
            "[<GetConfig>\n  <ISP>\n    <CloudConn/>\n  </ISP>\n</GetConfig>]");
}

TEST_F(InterpreterTest, GetConfigWithoutPathReturnsAllDatabases) {
  Execute(R"([<SetConfig _="ISP"/><SetConfig _="LOG"/>])");
  EXPECT_EQ(Execute("[<GetConfig/>]").text, "[<GetConfig>\n  <ISP/>\n  <LOG/>\n</GetConfig>]");
}

TEST_F(InterpreterTest, GetConfigOfAnUnknownDatabaseAndNodeHaveTheirNumbers) {
  EXPECT_THAT(Execute(R"([<GetConfig _="XYZ"/>])").text,
              HasSubstr(absl::StrCat(tixml::kUnknownDatabase)));
  EXPECT_THAT(Execute(R"([<GetConfig _="ISP/XYZ"/>])").text,
              HasSubstr(absl::StrCat(tixml::kPathNotFound)));
}

TEST_F(InterpreterTest, GetConfigFailsWhenConfigStoreIsDown) {
  config_.failure_ = absl::UnavailableError("config_store is down");
  EXPECT_THAT(Execute(R"([<GetConfig _="ISP"/>])").text,
              HasSubstr(absl::StrCat(tixml::kUnavailable)));
}

// --- Messages ---

TEST_F(InterpreterTest, UnknownCommandIsAnsweredUnderItsName) {
  const auto result = Execute("[<get/>]");
  EXPECT_EQ(result.text,
            absl::StrCat("[<get>\n  <Error _=\"", tixml::kInvalidCommand, "\"/>\n</get>]"));
  EXPECT_THAT(result.problems, ElementsAre("line 1: there is no command get; did you mean Get?"));
}

TEST_F(InterpreterTest, UnknownCommandFarFromAllListsTheKnownOnes) {
  EXPECT_THAT(Execute("[<Reboot/>]").problems,
              ElementsAre(HasSubstr("there are Get, Set, SetConfig, GetConfig, "
                                    "CloudSendRealtimeData, CloudSendLogData, RecordLog, ReadLog, "
                                    "Reset")));
}

TEST_F(InterpreterTest, CommandsAreAnsweredInOrderAfterAFailingOne) {
  EXPECT_EQ(Execute(R"([<Get _="/X"/><Set _="/Process/PV/Level" value="8"/>
                        <Get _="/Process/PV/Level"/>])")
                .text,
            "[<Get>\n  <Error _=\"-2196\"/>\n</Get>\n<Set/>\n<Get _=\"8\"/>]");
}

TEST_F(InterpreterTest, JsonIsAnsweredInJson) {
  EXPECT_EQ(Execute(R"({"Get": {"-_": "/Process/PV/Level"}})").text, R"({"Get":{"-_":"23.5"}})");
}

TEST_F(InterpreterTest, UnreadableTextIsAnsweredWithOneError) {
  const auto result = Execute("[<Get");
  EXPECT_TRUE(result.failed);
  EXPECT_THAT(result.text, testing::StartsWith("[<Error>"));
  EXPECT_THAT(result.text, HasSubstr(absl::StrCat(tixml::kInvalidSyntax)));
  EXPECT_EQ(result.problems.size(), 1u);
}

TEST_F(InterpreterTest, UnreadableJsonIsAnsweredInJson) {
  EXPECT_THAT(Execute(R"({"Get": )").text, testing::StartsWith(R"({"Error":)"));
}

TEST_F(InterpreterTest, TooLargeTextIsRefused) {
  const auto result = Execute(std::string(tixml::kMaxBytes + 1, ' '));
  EXPECT_TRUE(result.failed);
  EXPECT_THAT(result.text, HasSubstr(absl::StrCat(tixml::kTooLarge)));
}

TEST_F(InterpreterTest, TextWithoutCommandIsAnError) {
  EXPECT_THAT(Execute("[]").problems, ElementsAre(HasSubstr("there is no command")));
}

TEST_F(InterpreterTest, SendsRealtimeDataInEachFormOfTheCommand_7_3) {
  for (const char* command :
       {"[<CloudSendRealtimeData/>]", "[<CloudSendRealtimeData _=\"CloudConn2\"/>]",
        "[<CloudSendRealtimeData _=\"CloudConn,Realtime3\"/>]",
        "[<CloudSendRealtimeData _=\"CloudConn2, RealTime1\"/>]"}) {
    EXPECT_EQ(Execute(command).text, "[<CloudSendRealtimeData/>]");
  }
  EXPECT_THAT(gateway_.calls_,
              ElementsAre("SendRealtimeData CloudConn", "SendRealtimeData CloudConn2",
                          "SendRealtimeData CloudConn 3", "SendRealtimeData CloudConn2 1"));
}

TEST_F(InterpreterTest, AnUnknownSectionIsAnErrorWithTheReason) {
  EXPECT_THAT(Execute("[<CloudSendRealtimeData _=\"CloudConn,Third\"/>]").problems,
              ElementsAre(HasSubstr("'Third' is no section; write Realtime1")));
  EXPECT_THAT(gateway_.calls_, IsEmpty());
  gateway_.failure_ = absl::NotFoundError("CloudConn has no Realtime4");
  const Interpreter::TextResult result =
      Execute("[<CloudSendRealtimeData _=\"CloudConn,Realtime4\"/>]");
  EXPECT_EQ(result.text,
            "[<CloudSendRealtimeData>\n  <Error _=\"-2196\"/>\n</CloudSendRealtimeData>]");
  EXPECT_THAT(result.problems, ElementsAre(HasSubstr("CloudConn has no Realtime4")));
}

TEST_F(InterpreterTest, ResetsWhatIsNamedAndNothingElse) {
  EXPECT_EQ(Execute("[<Reset _=\"Secretfile\"/>]").text, "[<Reset/>]");
  EXPECT_EQ(Execute("[<Reset _=\"Factory\"/>]").text, "[<Reset/>]");
  EXPECT_EQ(Execute("[<Reset _=\"Restart\"/>]").text, "[<Reset/>]");
  EXPECT_EQ(Execute("[<Reset/>]").text, "[<Reset/>]");
  EXPECT_TRUE(Execute("[<Reset _=\"Everything\"/>]").failed);
  EXPECT_THAT(gateway_.calls_, ElementsAre("ResetSecrets", "Factory", "Restart", "Restart"));
}

TEST_F(InterpreterTest, TellsWhichAnswersAreOnProbation) {
  config_.on_probation_ = true;
  const std::vector<Node> commands =
      tixml::Parse(R"([<Get/><SetConfig _="ISP" ver="y"/><SetConfig _="ISP"><Bad/></SetConfig>
                       <SetConfig _="ISP"/>])")
          ->nodes;
  const Interpreter::Result result = interpreter_.Execute(commands, {"portal", "CloudConn"});
  ASSERT_EQ(result.on_probation.size(), 2u);
  EXPECT_EQ(result.on_probation[0].answer, 1u);
  EXPECT_EQ(result.on_probation[0].revision, 1);
  EXPECT_EQ(result.on_probation[0].verbosity, tixml::Verbosity::kShort);
  EXPECT_EQ(result.on_probation[1].answer, 3u);
  EXPECT_EQ(result.on_probation[1].revision, 2);
  EXPECT_EQ(result.on_probation[1].verbosity, tixml::Verbosity::kNumber);
}

TEST_F(InterpreterTest, TellsThatTheProgramWouldNotStop) {
  process_.failures_[kSetStop] = absl::AbortedError("a poll hangs");
  Node set_config = Named("SetConfig");
  set_config.Set("_", "ISP");
  EXPECT_TRUE(interpreter_.Execute({set_config}, {"test", ""}).program_not_stopped);
  EXPECT_FALSE(interpreter_.Execute({Named("Gett")}, {"test", ""}).program_not_stopped);
}

}  // namespace
}  // namespace fieldgate::cloud_link
