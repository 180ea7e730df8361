// fieldgate run, status and tixml as a user meets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "absl/strings/str_cat.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// The requirement on the end of a run.
constexpr absl::Duration kEnd = absl::Seconds(5);

class CommandLineTest : public testing::Test {
 protected:
  void Start() {
    harness_.StartGateway();
    ASSERT_TRUE(harness_.BecomesWell());
  }
  Outcome Tixml(const std::string& command) { return harness_.Run("tixml", {command}); }

  GatewayHarness harness_;
};

TEST_F(CommandLineTest, ASecondRunOnTheSameStateIsRefused) {
  Start();
  const Outcome second = harness_.Run("run", {"--device=" + harness_.file("device.json")});
  EXPECT_EQ(second.exit_status, 1);
  EXPECT_THAT(second.output, HasSubstr(absl::StrCat(harness_.gateway_pid())));
  EXPECT_TRUE(harness_.Status().AllIsWell());
}

TEST_F(CommandLineTest, SigtermEndsTheRunInTimeWithoutAChildLeft) {
  Start();
  // The import is done.
  ASSERT_TRUE(Eventually(kPatience, [&] { return harness_.Children().size() == 3; }));
  const std::vector<pid_t> children = harness_.Children();
  const absl::Time start = absl::Now();
  EXPECT_EQ(harness_.StopGateway(), 0);
  EXPECT_LT(absl::Now() - start, Scaled(kEnd));
  for (const pid_t child : children) EXPECT_NE(kill(child, 0), 0) << child;
}

TEST_F(CommandLineTest, AfterAKilledRunTheNextOneStarts) {
  Start();
  const std::vector<pid_t> children = harness_.Children();
  harness_.KillGateway();
  harness_.StartGatewayAgain();
  EXPECT_TRUE(harness_.BecomesWell());
  // The services of the killed run are gone: they would share its files.
  for (const pid_t child : children) EXPECT_NE(kill(child, 0), 0) << child;
}

TEST_F(CommandLineTest, StatusWithoutARunFails) {
  const Outcome status = harness_.Run("status");
  EXPECT_EQ(status.exit_status, 1);
  EXPECT_THAT(status.output, HasSubstr("down"));
}

TEST_F(CommandLineTest, StatusAsJsonNamesServicesAndConnectors) {
  Start();
  EXPECT_THAT(
      harness_.Run("status", {"--json"}).output,
      AllOf(HasSubstr("\"CloudConn\""), HasSubstr("\"running\""), HasSubstr("config_store")));
}

TEST_F(CommandLineTest, GetReadsAValueAndASubtree) {
  Start();
  const Outcome value = Tixml("[<Get _=\"/Process/PV/Text\"/>]");
  EXPECT_EQ(value.exit_status, 0);
  EXPECT_THAT(value.output, HasSubstr("<Get _=\"hello\"/>"));
  const Outcome tree = Tixml("[<Get _=\"/Process/CloudConn/\"/>]");
  EXPECT_EQ(tree.exit_status, 0);
  EXPECT_THAT(tree.output, HasSubstr("<ConnectionStateMsg _=\"connected\"/>"));
}

TEST_F(CommandLineTest, GetOfAnUnknownPathIsError2196) {
  Start();
  const Outcome get = Tixml("[<Get _=\"/Processs/\" ver=\"y\"/>]");
  EXPECT_EQ(get.exit_status, 1);
  EXPECT_THAT(get.output, AllOf(HasSubstr("-2196"), HasSubstr("path to key not found")));
}

TEST_F(CommandLineTest, AnswersInTheFormatOfTheCommand) {
  Start();
  const Outcome get = Tixml(R"({"Get": {"-_": "/Process/PV/Text"}})");
  EXPECT_EQ(get.exit_status, 0) << get.output;
  EXPECT_THAT(get.output, AllOf(HasSubstr("\"Get\""), HasSubstr("\"hello\"")));
}

TEST_F(CommandLineTest, AProcessVariableSurvivesARestart) {
  Start();
  ASSERT_EQ(Tixml("[<Set _=\"/Process/PV/Level\" value=\"99.5\"/>]").exit_status, 0);
  ASSERT_EQ(harness_.StopGateway(), 0);
  harness_.StartGatewayAgain();
  EXPECT_TRUE(harness_.BecomesWell());
  EXPECT_THAT(Tixml("[<Get _=\"/Process/PV/Level\"/>]").output, HasSubstr("\"99.5\""));
}

TEST_F(CommandLineTest, AProcessVariableArrivesAtThePortalWhenItChanges) {
  Start();
  ASSERT_THAT(harness_.WaitUntilComplete(1), IsEmpty());
  ASSERT_EQ(Tixml("[<Set _=\"/Process/PV/Level\" value=\"30\"/>]").exit_status, 0);
  EXPECT_TRUE(
      Eventually(kPatience, [&] { return harness_.Sensor("Process_PV", "Level").value == "30"; }));
}

TEST_F(CommandLineTest, SetConfigIsInForceAndGetConfigReturnsIt) {
  Start();
  const Outcome set = Tixml(
      "[<SetConfig _=\"PROCCFG\" ver=\"y\"><ProcessVars><Level value=\"1\"/><Text value=\"a\"/>"
      "<New value=\"7\"/></ProcessVars></SetConfig>]");
  ASSERT_EQ(set.exit_status, 0) << set.output;
  EXPECT_THAT(set.output, HasSubstr("<SetConfig/>"));
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return Tixml("[<Get _=\"/Process/PV/New\"/>]").output.find("\"7\"") != std::string::npos;
  }));
  EXPECT_THAT(Tixml("[<GetConfig _=\"PROCCFG\"/>]").output,
              AllOf(HasSubstr("<New value=\"7\"/>"), HasSubstr("ModbusTCP")));
}

TEST_F(CommandLineTest, ARefusedSetConfigChangesNothing) {
  Start();
  const Outcome before = Tixml("[<GetConfig _=\"ISP\"/>]");
  const Outcome set = Tixml(
      "[<SetConfig _=\"ISP\" ver=\"y\"><CloudConn><CloudBaseUrl _=\"nonsense\"/></CloudConn>"
      "</SetConfig>]");
  EXPECT_EQ(set.exit_status, 1);
  EXPECT_THAT(set.output, HasSubstr("CloudBaseUrl"));
  EXPECT_EQ(Tixml("[<GetConfig _=\"ISP\"/>]").output, before.output);
  EXPECT_TRUE(harness_.Status().AllIsWell());
}

TEST_F(CommandLineTest, AShownConfigurationIsImportedAgainAndARollbackPutsItBack) {
  Start();
  const Outcome shown = harness_.Run("config show");
  ASSERT_EQ(shown.exit_status, 0) << shown.output;
  const std::string file = harness_.WriteFile("shown.tixml", shown.output);
  const Outcome import = harness_.Run("import", {file});
  EXPECT_EQ(import.exit_status, 0) << import.output;
  EXPECT_EQ(harness_.Run("config show").output, shown.output);

  ASSERT_EQ(Tixml("[<SetConfig _=\"ISP/CloudConn\"><CloudBaseUrl _=\"tcp://nowhere.invalid\"/>"
                  "</SetConfig>]")
                .exit_status,
            0);
  ASSERT_TRUE(Eventually(kPatience, [&] { return !harness_.Status().AllIsWell(); }));
  // Two of the start, two of the import, and this one.
  const Outcome diff = harness_.Run("config diff", {"4"});
  EXPECT_EQ(diff.exit_status, 0);
  EXPECT_THAT(diff.output, AllOf(HasSubstr("+    <CloudBaseUrl _=\"tcp://nowhere.invalid\"/>"),
                                 HasSubstr("-    <CloudBaseUrl _=\"tcp://127.0.0.1:")));
  EXPECT_EQ(harness_.Run("config rollback", {"4"}).output,
            "revision 6 is in force, as revision 4 was\n");
  EXPECT_TRUE(harness_.BecomesWell());
  EXPECT_THAT(harness_.Run("config revisions").output,
              HasSubstr("command line: rollback to revision 4"));
  EXPECT_EQ(harness_.Run("config rollback", {"99"}).output,
            "fieldgate config rollback: revision 99 is not kept; kept are 1 to 6\n");
}

TEST_F(CommandLineTest, MisuseIsExitStatus2) {
  EXPECT_EQ(harness_.Run("tixml").exit_status, 2);
  EXPECT_EQ(harness_.Run("status", {"--jsn"}).exit_status, 2);
  EXPECT_THAT(harness_.Run("status", {"--jsn"}).output, HasSubstr("--json"));
}

}  // namespace
}  // namespace fieldgate::system_test
