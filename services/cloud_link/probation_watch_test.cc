#include "services/cloud_link/probation_watch.h"

#include <gmock/gmock.h>

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::Configuration;
using config_store::v1::Probation;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ProbationWatchTest : public testing::Test {
 protected:
  // The connectors CloudConn and CloudConn2 at this revision.
  static Configuration At(int64_t revision) {
    Configuration configuration;
    configuration.set_revision(revision);
    configuration.add_connectors()->set_name("CloudConn");
    configuration.add_connectors()->set_name("CloudConn2");
    return configuration;
  }
  static Configuration& Add(Configuration& configuration, const std::string& connector,
                            int64_t former, int64_t revision, Probation::State state) {
    Probation& probation = *configuration.add_probations();
    probation.set_connector(connector);
    probation.set_former_revision(former);
    probation.set_revision(revision);
    probation.set_state(state);
    probation.set_confirm_time_s(300);
    return configuration;
  }
  // With revision 7 of CloudConn, 5 before, in this state.
  static Configuration With(Probation::State state, int64_t at = 7) {
    Configuration configuration = At(at);
    return Add(configuration, "CloudConn", 5, 7, state);
  }
  // What is due now, "CloudConn 7".
  std::vector<std::string> Confirmations() {
    std::vector<std::string> lines;
    for (const ProbationWatch::Confirmation& c : watch_.TakeConfirmations(now_)) {
      lines.push_back(c.connector + " " + std::to_string(c.revision));
    }
    return lines;
  }

  MonotonicTime now_{absl::Seconds(100)};
  ProbationWatch watch_;
};

TEST_F(ProbationWatchTest, WhatRunsOnProbationIsConfirmedOnce) {
  watch_.OnConfiguration(With(Probation::PENDING));
  EXPECT_THAT(Confirmations(), IsEmpty()) << "it does not run yet";
  watch_.Note("CloudConn2", true, "running");
  EXPECT_THAT(Confirmations(), IsEmpty()) << "another";
  watch_.Note("CloudConn", true, "running");
  EXPECT_THAT(Confirmations(), ElementsAre("CloudConn 7"));
  EXPECT_THAT(Confirmations(), IsEmpty());
}

TEST_F(ProbationWatchTest, ACallThatLedToNothingIsMadeAgainAfterASecond) {
  watch_.OnConfiguration(With(Probation::PENDING));
  watch_.Note("CloudConn", true, "running");
  Confirmations();
  EXPECT_EQ(watch_.NextDeadline(), MonotonicTime::Never()) << "it is under way";
  watch_.OnConfirmed("CloudConn", now_);
  EXPECT_THAT(Confirmations(), IsEmpty());
  EXPECT_EQ(watch_.NextDeadline(), now_ + absl::Seconds(1));
  now_ = now_ + absl::Seconds(1);
  EXPECT_THAT(Confirmations(), ElementsAre("CloudConn 7"));
  watch_.OnConfiguration(With(Probation::CONFIRMED));
  watch_.OnConfirmed("CloudConn", now_);
  EXPECT_EQ(watch_.NextDeadline(), MonotonicTime::Never());
}

TEST_F(ProbationWatchTest, ALaterConfigurationConfirmsWithItsOwnRevision) {
  watch_.OnConfiguration(With(Probation::PENDING, /*at=*/9));
  watch_.Note("CloudConn", true, "running");
  EXPECT_THAT(Confirmations(), ElementsAre("CloudConn 9"));
}

TEST_F(ProbationWatchTest, AFurtherChangeMustRunAnew) {
  watch_.OnConfiguration(With(Probation::PENDING));
  watch_.Note("CloudConn", true, "running");
  Confirmations();
  Configuration extended = At(8);
  watch_.OnConfiguration(Add(extended, "CloudConn", 5, 8, Probation::PENDING));
  EXPECT_THAT(Confirmations(), IsEmpty());
  watch_.Note("CloudConn", true, "running");
  EXPECT_THAT(Confirmations(), ElementsAre("CloudConn 8"));
}

TEST_F(ProbationWatchTest, AConfigurationOfSomethingElseDisturbsNoCallUnderWay) {
  watch_.OnConfiguration(With(Probation::PENDING));
  watch_.Note("CloudConn", true, "running");
  Confirmations();
  watch_.OnConfiguration(With(Probation::PENDING, /*at=*/8));
  EXPECT_THAT(Confirmations(), IsEmpty());
}

TEST_F(ProbationWatchTest, TheVerdictFollowsTheOutcome) {
  EXPECT_EQ(watch_.VerdictOn("CloudConn", 7).state, Verdict::State::kPending)
      << "its configuration is on the way";
  watch_.OnConfiguration(With(Probation::PENDING));
  EXPECT_EQ(watch_.VerdictOn("CloudConn", 7).state, Verdict::State::kPending);
  watch_.OnConfiguration(With(Probation::CONFIRMED));
  EXPECT_EQ(watch_.VerdictOn("CloudConn", 7).state, Verdict::State::kConfirmed);
  watch_.OnConfiguration(With(Probation::TAKEN_BACK, /*at=*/8));
  EXPECT_EQ(watch_.VerdictOn("CloudConn", 7).state, Verdict::State::kTakenBack);
}

TEST_F(ProbationWatchTest, ARevisionInTheMiddleOfAProbationSharesItsOutcome) {
  watch_.OnConfiguration(With(Probation::CONFIRMED));
  EXPECT_EQ(watch_.VerdictOn("CloudConn", 6).state, Verdict::State::kConfirmed);
  EXPECT_EQ(watch_.VerdictOn("CloudConn", 5).state, Verdict::State::kUnknown);
  EXPECT_EQ(watch_.VerdictOn("CloudConn2", 7).state, Verdict::State::kUnknown);
  EXPECT_THAT(watch_.VerdictOn("CloudConn", 5).text, HasSubstr("not known any more"));
}

TEST_F(ProbationWatchTest, WhatWasTakenBackSaysWhatIsInForceAndWhyItDidNotRun) {
  watch_.OnConfiguration(With(Probation::PENDING));
  watch_.Note("CloudConn", false, "connecting");
  watch_.Note("CloudConn", false, "broker refused user name");
  const auto taken_back = watch_.OnConfiguration(With(Probation::TAKEN_BACK, /*at=*/8));
  ASSERT_EQ(taken_back.size(), 1u);
  EXPECT_EQ(taken_back[0].connector, "CloudConn");
  EXPECT_EQ(taken_back[0].line, "CloudConn did not run with revision 7: broker refused user name");
  watch_.Note("CloudConn", true, "running");
  EXPECT_EQ(watch_.VerdictOn("CloudConn", 7).text,
            "the settings of revision 5 are in force again: CloudConn did not run with those of "
            "revision 7 within 300 s: broker refused user name");
  EXPECT_THAT(watch_.OnConfiguration(With(Probation::TAKEN_BACK, /*at=*/8)), IsEmpty()) << "once";
}

TEST_F(ProbationWatchTest, AProbationThatEndedUnseenIsToldFromTheNextOne) {
  watch_.OnConfiguration(With(Probation::PENDING));
  watch_.Note("CloudConn", false, "first reason");
  // The next one follows at once; configurations in between are skipped.
  Configuration configuration = With(Probation::TAKEN_BACK, /*at=*/9);
  Add(configuration, "CloudConn", 8, 9, Probation::PENDING);
  EXPECT_EQ(watch_.OnConfiguration(configuration).size(), 1u);
  EXPECT_THAT(watch_.VerdictOn("CloudConn", 7).text, HasSubstr("300 s: first reason"));
  EXPECT_EQ(watch_.VerdictOn("CloudConn", 9).state, Verdict::State::kPending);
  watch_.Note("CloudConn", false, "second reason");
  configuration = With(Probation::TAKEN_BACK, /*at=*/10);
  Add(configuration, "CloudConn", 8, 9, Probation::TAKEN_BACK);
  watch_.OnConfiguration(configuration);
  EXPECT_THAT(watch_.VerdictOn("CloudConn", 7).text, HasSubstr("300 s: first reason"));
  EXPECT_THAT(watch_.VerdictOn("CloudConn", 9).text, HasSubstr("300 s: second reason"));
}

TEST_F(ProbationWatchTest, AfterARestartTheReasonMayBeMissing) {
  EXPECT_THAT(watch_.OnConfiguration(With(Probation::TAKEN_BACK, /*at=*/8)), IsEmpty());
  EXPECT_EQ(watch_.VerdictOn("CloudConn", 7).text,
            "the settings of revision 5 are in force again: CloudConn did not run with those of "
            "revision 7 within 300 s");
}

TEST_F(ProbationWatchTest, TheStatusShowsWhatIsOnProbation) {
  watch_.OnConfiguration(With(Probation::PENDING));
  v1::GetStatusResponse status;
  status.add_connectors()->set_name("CloudConn");
  status.mutable_connectors(0)->set_detail("connecting");
  status.add_connectors()->set_name("CloudConn2");
  watch_.AddTo(status);
  EXPECT_TRUE(status.connectors(0).on_probation());
  EXPECT_EQ(status.connectors(0).detail(),
            "connecting; on probation: the settings of revision 5 come back unless it runs within "
            "300 s");
  EXPECT_FALSE(status.connectors(1).on_probation());
}

TEST_F(ProbationWatchTest, AConnectorThatWasRemovedOnProbationIsShown) {
  Configuration configuration = With(Probation::PENDING);
  configuration.mutable_connectors()->DeleteSubrange(0, 1);
  watch_.OnConfiguration(configuration);
  EXPECT_THAT(Confirmations(), IsEmpty());
  v1::GetStatusResponse status;
  watch_.AddTo(status);
  ASSERT_EQ(status.connectors_size(), 1);
  EXPECT_EQ(status.connectors(0).state(), v1::DISABLED);
  EXPECT_THAT(status.connectors(0).detail(), HasSubstr("CloudConn was removed; on probation"));
  watch_.OnConfiguration(With(Probation::TAKEN_BACK, /*at=*/8));
  EXPECT_THAT(watch_.VerdictOn("CloudConn", 7).text, HasSubstr("CloudConn was removed"));
}

}  // namespace
}  // namespace fieldgate::cloud_link
