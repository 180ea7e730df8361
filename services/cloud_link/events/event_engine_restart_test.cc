// A restart of the process in the middle: what was raised is not raised again,
// and what came meanwhile is not missed.
#include <gmock/gmock.h>

#include "services/cloud_link/events/engine_fixture.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Value I(int64_t i) { return i; }

class EventEngineRestartTest : public EngineTest {
 protected:
  void Start(const EventState& state) {
    state_ = state;
    Configure({state_});
  }
  void RestartAfter(absl::Duration away) {
    Restart();
    clock_.Advance(away);
    Configure({state_});
  }

  EventState state_;
};

TEST_F(EventEngineRestartTest, AnAlarmThatWasRaisedIsNotRaisedAgain) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_end_handler("E");
  Start(state);
  EXPECT_THAT(DueWith(I(81)), ElementsAre("H"));
  RestartAfter(absl::Hours(1));
  EXPECT_THAT(DueWith(I(82)), IsEmpty());
  EXPECT_TRUE(engine_.Activities()[0].active);
  EXPECT_THAT(DueWith(I(1)), ElementsAre("E end"));
}

TEST_F(EventEngineRestartTest, AnAlarmThatEndedMeanwhileEnds) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_end_handler("E");
  Start(state);
  Give(I(81));
  RestartAfter(absl::Seconds(1));
  EXPECT_THAT(DueWith(I(1)), ElementsAre("E end"));
}

TEST_F(EventEngineRestartTest, AnAlarmThatCameMeanwhileIsRaised) {
  Start(MakeState(EventState::ABOVE, "80"));
  Give(I(1));
  RestartAfter(absl::Seconds(1));
  EXPECT_THAT(DueWith(I(81)), ElementsAre("H"));
}

TEST_F(EventEngineRestartTest, AHysteresisHoldsOverARestart) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_hysteresis(2);
  state.set_end_handler("E");
  Start(state);
  Give(I(81));
  Due();
  RestartAfter(absl::Seconds(1));
  EXPECT_THAT(DueWith(I(79)), IsEmpty());
  EXPECT_THAT(DueWith(I(78)), ElementsAre("E end"));
}

TEST_F(EventEngineRestartTest, AnEdgeOfTheTimeInBetweenIsSeen) {
  Start(MakeState(EventState::RISING));
  Give(I(0));
  RestartAfter(absl::Seconds(1));
  EXPECT_THAT(DueWith(I(1)), ElementsAre("H"));
  RestartAfter(absl::Seconds(1));
  EXPECT_THAT(DueWith(I(1)), IsEmpty());
}

TEST_F(EventEngineRestartTest, AChangeOfTheTimeInBetweenIsSeen) {
  Start(MakeState(EventState::CHANGE));
  Give(I(5));
  RestartAfter(absl::Seconds(1));
  EXPECT_THAT(DueWith(I(5)), IsEmpty());
  RestartAfter(absl::Seconds(1));
  EXPECT_THAT(DueWith(I(6)), ElementsAre("H"));
}

TEST_F(EventEngineRestartTest, ADelayStartsAnew) {
  EventState state = MakeState(EventState::RISING);
  state.set_delay_ms(5'000);
  Start(state);
  Give(I(0));
  Give(I(1));
  clock_.Advance(absl::Seconds(4));
  RestartAfter(absl::Seconds(0));
  Give(I(1));
  EXPECT_THAT(DueAfter(absl::Seconds(4)), IsEmpty());
  EXPECT_THAT(DueAfter(absl::Seconds(1)), ElementsAre("H")) << "the edge is not lost";
}

TEST_F(EventEngineRestartTest, ALimitGoesOnOverARestart) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_limit_ms(600'000);
  Start(state);
  EXPECT_THAT(DueWith(I(81)), ElementsAre("H"));
  Give(I(1));
  RestartAfter(absl::Seconds(100));
  EXPECT_THAT(DueWith(I(81)), IsEmpty());
  EXPECT_THAT(DueAfter(absl::Seconds(499)), IsEmpty());
  EXPECT_THAT(DueAfter(absl::Seconds(1)), ElementsAre("H"));
}

TEST_F(EventEngineRestartTest, WhatWaitsForTheEndOfTheLimitIsExecutedAfterARestart) {
  EventState state = MakeState(EventState::RISING);
  state.set_limit_ms(10'000);
  Start(state);
  Give(I(0));
  EXPECT_THAT(DueWith(I(1)), ElementsAre("H"));
  Give(I(0));
  Give(I(1));
  Give(I(0));
  RestartAfter(absl::Seconds(3));
  EXPECT_THAT(DueWith(I(0)), IsEmpty());
  EXPECT_THAT(DueAfter(absl::Seconds(7)), ElementsAre("H"));
  EXPECT_THAT(DueAfter(absl::Minutes(1)), IsEmpty());
}

TEST_F(EventEngineRestartTest, ALimitThatEndedMeanwhileIsOverIfTheConditionStillHolds) {
  for (const bool still : {true, false}) {
    engine_ = EventEngine();
    EventState state = MakeState(EventState::ABOVE, "80");
    state.set_limit_ms(600'000);
    Start(state);
    Give(I(81));
    Give(I(1));
    Give(I(81));
    Due();
    RestartAfter(absl::Seconds(700));
    EXPECT_THAT(Due(), IsEmpty()) << "nobody knows yet";
    if (still) {
      EXPECT_THAT(DueWith(I(82)), ElementsAre("H"));
    } else {
      EXPECT_THAT(DueWith(I(1)), IsEmpty());
      EXPECT_THAT(DueAfter(absl::Minutes(1)), IsEmpty());
    }
  }
}

TEST_F(EventEngineRestartTest, WithoutAValueWhatHeldBeforeHoldsAfterAWhile) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_limit_ms(600'000);
  Start(state);
  Give(I(81));
  Give(I(1));
  Give(I(81));
  Due();
  RestartAfter(absl::Seconds(700));
  EXPECT_EQ(engine_.NextDeadline(), clock_.Now() + EventEngine::kGrace);
  EXPECT_THAT(DueAfter(EventEngine::kGrace), ElementsAre("H"));
}

TEST_F(EventEngineRestartTest, AfterAClockThatWentBackNoLimitIsLeft) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_limit_ms(600'000);
  Start(state);
  Give(I(81));
  Due();
  Give(I(1));
  clock_.SetWall(absl::UnixEpoch());
  RestartAfter(absl::Seconds(1));
  EXPECT_THAT(DueWith(I(81)), ElementsAre("H"));
}

TEST_F(EventEngineRestartTest, AnInvalidPointThatWasReportedIsNotReportedAgain) {
  EventState state = MakeState(EventState::INVALID);
  state.set_end_handler("E");
  Start(state);
  EXPECT_THAT(DueWith(I(1), kInvalid), ElementsAre("H"));
  RestartAfter(absl::Seconds(1));
  GiveNothing();
  EXPECT_THAT(DueAfter(absl::Minutes(1)), IsEmpty());
  EXPECT_THAT(DueWith(I(1)), ElementsAre("E end"));
}

TEST_F(EventEngineRestartTest, AStateOfAnotherPathOrConditionStartsAnew) {
  Start(MakeState(EventState::ABOVE, "80"));
  EXPECT_THAT(DueWith(I(81)), ElementsAre("H"));
  state_.set_path("/Process/Other");
  RestartAfter(absl::Seconds(1));
  EXPECT_THAT(DueWith(I(81)), ElementsAre("H"));
}

TEST_F(EventEngineRestartTest, TellsWhichMemoriesChanged) {
  Start(MakeState(EventState::RISING));
  EXPECT_THAT(engine_.TakeChanged(), ElementsAre("S")) << "a new one";
  Give(I(0));
  EXPECT_THAT(engine_.TakeChanged(), ElementsAre("S")) << "its baseline";
  Give(I(0));
  EXPECT_THAT(engine_.TakeChanged(), IsEmpty());
  Give(I(1));
  Give(I(2));
  EXPECT_THAT(engine_.TakeChanged(), ElementsAre("S"));
  RestartAfter(absl::Seconds(1));
  EXPECT_THAT(engine_.TakeChanged(), IsEmpty());
  Configure({MakeState(EventState::ABOVE, "80", "New")});
  EXPECT_THAT(engine_.TakeChanged(), UnorderedElementsAre("S", "New"));
  EXPECT_EQ(engine_.Memory("S"), nullptr);
  EXPECT_NE(engine_.Memory("New"), nullptr);
}

TEST_F(EventEngineRestartTest, MemoriesOfStatesThatAreGoneAreForgotten) {
  Start(MakeState(EventState::ABOVE, "80"));
  Restart();
  Configure({});
  EXPECT_THAT(engine_.TakeChanged(), ElementsAre("S"));
  EXPECT_EQ(engine_.Memory("S"), nullptr);
}

}  // namespace
}  // namespace fieldgate::cloud_link
