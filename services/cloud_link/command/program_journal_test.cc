// A program that was stopped for a SetConfig gets its mode back, whatever dies.
#include "services/cloud_link/command/program_journal.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <functional>
#include <memory>

#include "absl/strings/str_cat.h"
#include "services/cloud_link/command/fake_ports.h"
#include "services/cloud_link/command/fake_program_journal.h"
#include "services/cloud_link/command/interpreter.h"
#include "services/cloud_link/command/sqlite_program_journal.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kSetConfig[] = "[<SetConfig _=\"ISP\"/>]";
constexpr char kSetStop[] = "Set /Process/Program/Mode=Stop";
constexpr char kSetRun[] = "Set /Process/Program/Mode=Run";

// Notes what the journal held at each SetConfig.
class WatchingConfigPort : public FakeConfigPort {
 public:
  explicit WatchingConfigPort(FakeProgramJournal& journal) : journal_(journal) {}
  absl::StatusOr<config_store::v1::SetConfigResponse> SetConfig(
      absl::string_view database, const std::vector<tixml::Node>& children,
      const Origin& origin) override {
    noted_.push_back(journal_.mode_.value_or("nothing"));
    return FakeConfigPort::SetConfig(database, children, origin);
  }

  std::vector<std::string> noted_;

 private:
  FakeProgramJournal& journal_;
};

class StoppedProgramTest : public testing::Test {
 protected:
  StoppedProgramTest() { process_.calls_ = &calls_; }

  Interpreter::TextResult Execute(absl::string_view text) {
    return interpreter_.ExecuteText(CommandText(text), {"test", ""});
  }
  void SetMode(const std::string& mode) { process_.values_["/Process/Program/Mode"] = mode; }

  std::vector<std::string> calls_;
  FakeProgramJournal journal_;
  FakeProcessPort process_;
  WatchingConfigPort config_{journal_};
  FakeGatewayPort gateway_;
  FakeEventPort events_;
  Interpreter interpreter_{{process_, config_, gateway_, events_, &journal_}};
};

TEST_F(StoppedProgramTest, TheModeIsNotedBeforeTheStopAndForgottenAfterItsRestoring) {
  EXPECT_FALSE(Execute(kSetConfig).failed);
  EXPECT_THAT(config_.noted_, ElementsAre("Run"));
  EXPECT_EQ(journal_.mode_, std::nullopt);
  EXPECT_EQ(process_.mode(), "Run");
}

TEST_F(StoppedProgramTest, AProgramThatStandsStillAnywayIsNotNoted) {
  SetMode("Stop");
  Execute(kSetConfig);
  EXPECT_THAT(config_.noted_, ElementsAre("nothing"));
  EXPECT_EQ(process_.mode(), "Stop");
}

TEST_F(StoppedProgramTest, WithoutANoteTheProgramIsNotStopped) {
  journal_.failure_ = absl::UnavailableError("disk full");
  const Interpreter::TextResult result = Execute(kSetConfig);
  EXPECT_THAT(result.problems, ElementsAre("line 1: SetConfig ISP was not executed: the program "
                                           "is not stopped: disk full"));
  EXPECT_THAT(calls_, testing::Not(testing::Contains(kSetStop)));
  EXPECT_THAT(config_.databases_, IsEmpty());
}

TEST_F(StoppedProgramTest, WhatAKilledProcessLeftStoppedIsRestored) {
  SetMode("Stop");
  journal_.mode_ = "Run";
  EXPECT_EQ(interpreter_.RestoreProgram(), absl::OkStatus());
  EXPECT_EQ(process_.mode(), "Run");
  EXPECT_EQ(journal_.mode_, std::nullopt);
  calls_.clear();
  EXPECT_EQ(interpreter_.RestoreProgram(), absl::OkStatus());
  EXPECT_THAT(calls_, IsEmpty()) << "once";
}

TEST_F(StoppedProgramTest, TheNoteStaysUntilProcessDataAnswers) {
  SetMode("Stop");
  journal_.mode_ = "Run";
  process_.failures_["Get /Process/Program/Mode"] = absl::UnavailableError("down");
  EXPECT_TRUE(absl::IsUnavailable(interpreter_.RestoreProgram()));
  process_.failures_.clear();
  process_.failures_[kSetRun] = absl::UnavailableError("down");
  EXPECT_TRUE(absl::IsUnavailable(interpreter_.RestoreProgram()));
  EXPECT_EQ(journal_.mode_, "Run");
  process_.failures_.clear();
  EXPECT_EQ(interpreter_.RestoreProgram(), absl::OkStatus());
  EXPECT_EQ(process_.mode(), "Run");
}

TEST_F(StoppedProgramTest, AProgramThatRunsAgainIsLeftAlone) {
  journal_.mode_ = "Run";  // and process_data was started again, for instance
  EXPECT_EQ(interpreter_.RestoreProgram(), absl::OkStatus());
  EXPECT_THAT(calls_, ElementsAre("Get /Process/Program/Mode"));
  EXPECT_EQ(journal_.mode_, std::nullopt);
}

TEST_F(StoppedProgramTest, AModeThatTheUserHasSetMeanwhileStays) {
  SetMode("Stop");
  journal_.mode_ = "Run";
  EXPECT_FALSE(Execute(R"([<Set _="/Process/Program/Mode" value="Stop"/>])").failed);
  EXPECT_EQ(journal_.mode_, std::nullopt);
  EXPECT_EQ(interpreter_.RestoreProgram(), absl::OkStatus());
  EXPECT_EQ(process_.mode(), "Stop");
}

TEST_F(StoppedProgramTest, ASetConfigBeforeTheRestoringRestoresTheModeOfBefore) {
  SetMode("Stop");
  journal_.mode_ = "Run";
  EXPECT_FALSE(Execute(kSetConfig).failed);
  EXPECT_EQ(process_.mode(), "Run");
  EXPECT_EQ(journal_.mode_, std::nullopt);
}

TEST_F(StoppedProgramTest, AModeThatCouldNotBeRestoredStaysNoted) {
  process_.failures_[kSetRun] = absl::UnavailableError("down");
  EXPECT_TRUE(Execute(kSetConfig).failed);
  EXPECT_EQ(journal_.mode_, "Run");
  process_.failures_.clear();
  EXPECT_EQ(interpreter_.RestoreProgram(), absl::OkStatus());
  EXPECT_EQ(process_.mode(), "Run");
}

TEST_F(StoppedProgramTest, AnotherSetMeansNothing) {
  process_.values_["/Process/PV/Level"] = "1";
  journal_.mode_ = "Run";
  Execute(R"([<Set _="/Process/PV/Level" value="2"/>])");
  EXPECT_EQ(journal_.mode_, "Run");
}

TEST(SqliteProgramJournalTest, ANoteSurvivesTheProcess) {
  const std::string path = absl::StrCat(getenv("TEST_TMPDIR"), "/journal.db");
  {
    const auto file = OutboxFile::Open(path).value();
    const auto journal = OpenSqliteProgramJournal(*file).value();
    EXPECT_FALSE(journal->open());
    EXPECT_EQ(journal->Mode().value(), std::nullopt);
    EXPECT_TRUE(journal->Clear().ok());
    ASSERT_TRUE(journal->Note("Stop").ok());
    ASSERT_TRUE(journal->Note("Run").ok());
  }
  const auto file = OutboxFile::Open(path).value();
  {
    const auto journal = OpenSqliteProgramJournal(*file).value();
    EXPECT_TRUE(journal->open());
    EXPECT_EQ(journal->Mode().value(), "Run");
    ASSERT_TRUE(journal->Clear().ok());
    EXPECT_FALSE(journal->open());
  }
  EXPECT_FALSE(OpenSqliteProgramJournal(*file).value()->open());
}

TEST(SqliteProgramJournalTest, AFileThatStaysLockedIsUnavailable) {
  const auto file = OutboxFile::Open(absl::StrCat(getenv("TEST_TMPDIR"), "/locked.db")).value();
  const auto journal = OpenSqliteProgramJournal(*file).value();
  const auto outbox = file->Connector("CloudConn", {}).value();
  ASSERT_TRUE(outbox->Begin().ok());
  EXPECT_TRUE(absl::IsUnavailable(journal->Note("Run")));
  EXPECT_FALSE(journal->open());
  outbox->Rollback();
  EXPECT_TRUE(journal->Note("Run").ok());
}

}  // namespace
}  // namespace fieldgate::cloud_link
