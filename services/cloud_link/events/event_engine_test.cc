#include "services/cloud_link/events/event_engine.h"

#include <gmock/gmock.h>

#include "absl/strings/str_join.h"
#include "services/cloud_link/events/engine_fixture.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using EventEngineTest = EngineTest;

// --- What a condition makes of a series of values ---

struct Series {
  const char* name;
  EventState::Condition condition;
  const char* value;
  // Each value, and how often the handler and the end handler are due by then.
  std::vector<std::pair<Value, std::string>> steps;
};

Value I(int64_t i) { return i; }

class SeriesTest : public EngineTest, public testing::WithParamInterface<Series> {};

TEST_P(SeriesTest, GivesItsExecutions) {
  EventState state = MakeState(GetParam().condition, GetParam().value);
  if (Condition(state).lasts()) state.set_end_handler("E");
  Configure({state});
  int step = 0;
  for (const auto& [value, expected] : GetParam().steps) {
    // "-" stands for an invalid value, the last one.
    const auto* text = std::get_if<std::string>(&value);
    const bool invalid = text != nullptr && *text == "-";
    const std::vector<std::string> due = invalid ? DueWith(I(999), kInvalid) : DueWith(value);
    EXPECT_EQ(absl::StrJoin(due, ","), expected) << "step " << ++step;
    clock_.Advance(absl::Seconds(1));
  }
}

std::string Invalid() { return "-"; }

INSTANTIATE_TEST_SUITE_P(
    Conditions, SeriesTest,
    testing::Values(
        Series{"Equal",
               EventState::EQUAL,
               "5",
               {{I(4), ""}, {I(5), "H"}, {I(5), ""}, {I(6), "E end"}, {5.0, "H"}}},
        Series{"NotEqual",
               EventState::NOT_EQUAL,
               "0",
               {{I(0), ""}, {I(1), "H"}, {I(2), ""}, {I(0), "E end"}}},
        Series{
            "EqualToAText",
            EventState::EQUAL,
            "fault",
            {{std::string("ok"), ""}, {std::string("fault"), "H"}, {std::string("ok"), "E end"}}},
        Series{"Above",
               EventState::ABOVE,
               "80",
               {{I(80), ""}, {I(81), "H"}, {I(99), ""}, {I(80), "E end"}, {I(81), "H"}}},
        Series{
            "AboveFromTheFirstValueOn", EventState::ABOVE, "80", {{I(81), "H"}, {I(80), "E end"}}},
        Series{"Below", EventState::BELOW, "10", {{I(10), ""}, {I(9), "H"}, {I(10), "E end"}}},
        Series{
            "AtLeast", EventState::AT_LEAST, "80", {{I(79), ""}, {I(80), "H"}, {I(79), "E end"}}},
        Series{"AtMost", EventState::AT_MOST, "10", {{I(11), ""}, {I(10), "H"}, {I(11), "E end"}}},
        Series{"InvalidValuesDontEndAComparison",
               EventState::ABOVE,
               "80",
               {{I(81), "H"}, {Invalid(), ""}, {I(82), ""}, {I(1), "E end"}}},
        Series{"InvalidValuesDontSatisfyAComparison",
               EventState::ABOVE,
               "80",
               {{I(1), ""}, {Invalid(), ""}, {I(2), ""}}},
        Series{"Rising",
               EventState::RISING,
               "",
               {{I(0), ""}, {I(1), "H"}, {I(2), ""}, {I(0), ""}, {I(3), "H"}}},
        Series{
            "RisingNeedsABaseline", EventState::RISING, "", {{I(1), ""}, {I(0), ""}, {I(1), "H"}}},
        Series{"RisingOverAnInvalidValue",
               EventState::RISING,
               "",
               {{I(0), ""}, {Invalid(), ""}, {I(1), "H"}}},
        Series{"Falling",
               EventState::FALLING,
               "",
               {{I(0), ""}, {I(1), ""}, {I(0), "H"}, {false, ""}, {true, ""}, {false, "H"}}},
        Series{
            "Change", EventState::CHANGE, "", {{I(1), ""}, {I(2), "H"}, {I(2), ""}, {I(1), "H"}}},
        Series{"ChangeByAtLeast",
               EventState::CHANGE,
               "2",
               {{I(1), ""}, {I(2), ""}, {I(3), "H"}, {I(4), ""}, {I(1), "H"}}},
        Series{"ChangeOfTheState",
               EventState::CHANGE,
               "1000",
               {{I(999), ""}, {Invalid(), "H"}, {Invalid(), ""}, {I(999), "H"}}},
        Series{"Invalid",
               EventState::INVALID,
               "",
               {{I(1), ""}, {Invalid(), "H"}, {Invalid(), ""}, {I(1), "E end"}}},
        Series{"InvalidFromTheFirstValueOn", EventState::INVALID, "", {{Invalid(), "H"}}},
        Series{
            "Valid", EventState::VALID, "", {{Invalid(), ""}, {I(1), "H"}, {Invalid(), "E end"}}}),
    [](const auto& info) { return std::string(info.param.name); });

// --- Hysteresis, delay, limit ---

TEST_F(EventEngineTest, AHysteresisKeepsAConditionThatHasComeTrue) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_hysteresis(2);
  state.set_end_handler("E");
  Configure({state});
  EXPECT_THAT(DueWith(I(79)), IsEmpty());
  EXPECT_THAT(DueWith(I(81)), ElementsAre("H"));
  EXPECT_THAT(DueWith(I(79)), IsEmpty());
  EXPECT_THAT(DueWith(I(81)), IsEmpty());
  EXPECT_THAT(DueWith(I(78)), ElementsAre("E end"));
  EXPECT_THAT(DueWith(I(79)), IsEmpty());
}

TEST_F(EventEngineTest, AConditionCountsOnceItHasHeldForTheDelay) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_delay_ms(5'000);
  state.set_end_handler("E");
  Configure({state});
  EXPECT_THAT(DueWith(I(81)), IsEmpty());
  EXPECT_EQ(engine_.NextDeadline(), clock_.Now() + absl::Seconds(5));
  EXPECT_THAT(DueAfter(absl::Milliseconds(4'999)), IsEmpty());
  EXPECT_THAT(DueAfter(absl::Milliseconds(1)), ElementsAre("H"));
  EXPECT_THAT(DueAfter(absl::Hours(1)), IsEmpty());
  EXPECT_THAT(DueWith(I(1)), ElementsAre("E end")) << "the end has no delay";
}

TEST_F(EventEngineTest, AConditionThatEndsWithinTheDelayIsNone) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_delay_ms(5'000);
  state.set_end_handler("E");
  Configure({state});
  Give(I(81));
  EXPECT_THAT(DueAfter(absl::Seconds(4)), IsEmpty());
  EXPECT_THAT(DueWith(I(80)), IsEmpty());
  EXPECT_THAT(DueWith(I(81)), IsEmpty());
  EXPECT_THAT(DueAfter(absl::Seconds(4)), IsEmpty());
  EXPECT_THAT(DueAfter(absl::Seconds(1)), ElementsAre("H")) << "counted anew";
}

TEST_F(EventEngineTest, ADelayThatIsOverCountsAlsoWhenNobodyLookedInBetween) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_delay_ms(5'000);
  state.set_end_handler("E");
  Configure({state});
  Give(I(81));
  clock_.Advance(absl::Seconds(6));  // the loop stood still
  EXPECT_THAT(DueWith(I(1)), ElementsAre("H", "E end"));
}

TEST_F(EventEngineTest, AnEdgeMustStayForItsDelay) {
  EventState state = MakeState(EventState::RISING);
  state.set_delay_ms(1'000);
  Configure({state});
  Give(I(0));
  Give(I(1));
  Give(I(0));
  EXPECT_THAT(DueAfter(absl::Seconds(2)), IsEmpty());
  Give(I(1));
  EXPECT_THAT(DueAfter(absl::Seconds(1)), ElementsAre("H"));
}

TEST_F(EventEngineTest, AChangeMustStayForItsDelayAndTheValueAtItsEndCounts) {
  EventState state = MakeState(EventState::CHANGE);
  state.set_delay_ms(1'000);
  Configure({state});
  Give(I(5));
  Give(I(6));
  Give(I(5));
  EXPECT_THAT(DueAfter(absl::Seconds(2)), IsEmpty()) << "back again";
  Give(I(6));
  Give(I(7));
  EXPECT_THAT(DueAfter(absl::Seconds(1)), ElementsAre("H"));
  EXPECT_THAT(DueAfter(absl::Seconds(5)), IsEmpty());
  EXPECT_THAT(DueWith(I(7)), IsEmpty());
}

TEST_F(EventEngineTest, WithinTheLimitAComparisonWaitsAndIsDueOnceIfItStillHolds) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_limit_ms(600'000);
  state.set_end_handler("E");
  Configure({state});
  EXPECT_THAT(DueWith(I(81)), ElementsAre("H"));
  EXPECT_THAT(DueWith(I(1)), ElementsAre("E end"));
  for (int i = 0; i < 5; ++i) {
    clock_.Advance(absl::Seconds(60));
    EXPECT_THAT(DueWith(I(81)), IsEmpty());
    if (i < 4) {
      EXPECT_THAT(DueWith(I(1)), IsEmpty()) << "what was not raised has no end";
    }
  }
  EXPECT_EQ(engine_.NextDeadline(), clock_.Now() + absl::Seconds(300));
  EXPECT_THAT(DueAfter(absl::Seconds(299)), IsEmpty());
  EXPECT_THAT(DueAfter(absl::Seconds(1)), ElementsAre("H"));
  EXPECT_THAT(DueWith(I(1)), ElementsAre("E end"));
}

TEST_F(EventEngineTest, WithinTheLimitAComparisonThatHasEndedIsForgotten) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_limit_ms(600'000);
  Configure({state});
  EXPECT_THAT(DueWith(I(81)), ElementsAre("H"));
  Give(I(1));
  Give(I(81));
  Give(I(1));
  EXPECT_THAT(DueAfter(absl::Seconds(601)), IsEmpty());
  EXPECT_THAT(DueWith(I(81)), ElementsAre("H")) << "at once, since the limit is over";
}

TEST_F(EventEngineTest, WithinTheLimitEdgesAndChangesAreDueOnceAtItsEnd) {
  for (const auto condition : {EventState::RISING, EventState::CHANGE}) {
    engine_ = EventEngine();
    EventState state = MakeState(condition);
    state.set_limit_ms(10'000);
    Configure({state});
    Give(I(0));
    EXPECT_THAT(DueWith(I(1)), ElementsAre("H"));
    for (int i = 0; i < 3; ++i) {
      EXPECT_THAT(DueWith(I(0)), IsEmpty());
      EXPECT_THAT(DueWith(I(1)), IsEmpty());
    }
    Give(I(0));
    EXPECT_THAT(DueAfter(absl::Seconds(10)), ElementsAre("H"));
    EXPECT_THAT(DueAfter(absl::Seconds(100)), IsEmpty());
  }
}

TEST_F(EventEngineTest, DelayAndLimitGoTogether) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_delay_ms(5'000);
  state.set_limit_ms(20'000);
  Configure({state});
  Give(I(81));
  EXPECT_THAT(DueAfter(absl::Seconds(5)), ElementsAre("H"));
  Give(I(1));
  Give(I(81));
  EXPECT_THAT(DueAfter(absl::Seconds(19)), IsEmpty()) << "the delay is over, the limit is not";
  EXPECT_THAT(DueAfter(absl::Seconds(1)), ElementsAre("H"));
}

// --- Acquisition ---

TEST_F(EventEngineTest, WithoutAcquisitionBusPointsAreInvalidAndOthersKeepTheirState) {
  Configure({MakeState(EventState::INVALID, "", "Bus", "/Process/Bus1/D/P"),
             MakeState(EventState::INVALID, "", "Variable", "/Process/PV/X"),
             MakeState(EventState::ABOVE, "80", "High", "/Process/Bus1/D/P")});
  Give(I(81), kValid, 0);
  Give(I(1), kNoState, 1);
  EXPECT_THAT(Due(), ElementsAre("H")) << "High";
  engine_.OnAcquisitionLost(now());
  const std::vector<DueHandler> due = engine_.TakeDue(now());
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].event, "Bus");
  engine_.OnAcquisitionLost(now());
  EXPECT_THAT(Due(), IsEmpty()) << "it was lost already";
}

TEST_F(EventEngineTest, APointThatWasNeverSampledSaysNothingForAWhileThenItIsInvalid) {
  Configure({MakeState(EventState::INVALID)});
  GiveNothing();
  EXPECT_FALSE(engine_.sampled());
  EXPECT_EQ(engine_.NextDeadline(), clock_.Now() + EventEngine::kGrace);
  EXPECT_THAT(DueAfter(EventEngine::kGrace - absl::Seconds(1)), IsEmpty());
  EXPECT_THAT(DueAfter(absl::Seconds(1)), ElementsAre("H"));
  EXPECT_FALSE(engine_.sampled());
}

TEST_F(EventEngineTest, APointThatComesWithinThatWhileWasNeverInvalid) {
  EventState state = MakeState(EventState::INVALID);
  state.set_end_handler("E");
  Configure({state});
  GiveNothing();
  clock_.Advance(absl::Seconds(2));
  EXPECT_THAT(DueWith(I(1)), IsEmpty());
  EXPECT_TRUE(engine_.sampled());
  EXPECT_THAT(DueAfter(absl::Minutes(1)), IsEmpty());
}

TEST_F(EventEngineTest, ARestartOfAcquisitionIsInvalidThenValid) {
  EventState state = MakeState(EventState::INVALID);
  state.set_end_handler("E");
  Configure({state});
  Give(I(1));
  engine_.OnAcquisitionLost(now());
  EXPECT_THAT(Due(), ElementsAre("H"));
  GiveNothing();
  EXPECT_THAT(Due(), IsEmpty());
  EXPECT_THAT(DueWith(I(1)), ElementsAre("E end"));
}

TEST_F(EventEngineTest, ABatchThatDoesNotFitIsLeftOut) {
  Configure({MakeState(EventState::ABOVE, "0")});
  EXPECT_FALSE(engine_.OnBatch(MakeBatch({I(1), I(1)}, kValid), now()));
  EXPECT_THAT(Due(), IsEmpty());
}

TEST_F(EventEngineTest, EachValueOfABatchCounts) {
  Configure({MakeState(EventState::RISING)});
  Give(I(0));
  Give(I(1));
  Give(I(0));
  Give(I(1));
  EXPECT_THAT(Due(), ElementsAre("H", "H")) << "before anybody asked what is due";
}

// --- Configuration ---

TEST_F(EventEngineTest, StatesOfOnePathShareItsSubscription) {
  Configure({MakeState(EventState::ABOVE, "1", "A", "/a"),
             MakeState(EventState::ABOVE, "1", "B", "/b"),
             MakeState(EventState::ABOVE, "2", "C", "/a")});
  EXPECT_THAT(engine_.paths(), ElementsAre("/a", "/b"));
  Give(I(3));
  EXPECT_THAT(Due(), ElementsAre("H", "H"));
  Configure({});
  EXPECT_THAT(engine_.paths(), IsEmpty());
  EXPECT_EQ(engine_.NextDeadline(), MonotonicTime::Never());
}

TEST_F(EventEngineTest, AnUnchangedStateGoesOnWhenOthersChange) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_delay_ms(5'000);
  Configure({state});
  Give(I(81));
  clock_.Advance(absl::Seconds(3));
  Configure({MakeState(EventState::ABOVE, "1", "Other", "/other"), state});
  EXPECT_THAT(DueAfter(absl::Seconds(2)), ElementsAre("H")) << "its delay went on";
  // The new stream brings the same value: no second time.
  Give(I(81), kValid, 1);
  EXPECT_THAT(Due(), IsEmpty());
}

TEST_F(EventEngineTest, ANewLimitValueHasEffectAtOnceAndEndsWhatDoesNotHoldAnyMore) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_end_handler("E");
  Configure({state});
  EXPECT_THAT(DueWith(I(85)), ElementsAre("H"));
  state.set_value("90");
  Configure({state});
  EXPECT_THAT(Due(), ElementsAre("E end"));
  state.set_value("70");
  Configure({state});
  EXPECT_THAT(Due(), ElementsAre("H"));
}

TEST_F(EventEngineTest, AnotherPathOrConditionStartsAnew) {
  EventState state = MakeState(EventState::ABOVE, "80");
  state.set_end_handler("E");
  Configure({state});
  EXPECT_THAT(DueWith(I(85)), ElementsAre("H"));
  state.set_condition(EventState::AT_LEAST);
  Configure({state});
  EXPECT_THAT(Due(), ElementsAre("H"));
  state.set_condition(EventState::CHANGE);
  state.set_value("");
  state.clear_end_handler();
  Configure({state});
  EXPECT_THAT(Due(), IsEmpty()) << "the value is its baseline";
  EXPECT_THAT(DueWith(I(86)), ElementsAre("H"));
}

TEST_F(EventEngineTest, ANewHandlerIsTheOneThatIsDue) {
  EventState state = MakeState(EventState::RISING);
  Configure({state});
  Give(I(0));
  state.set_handler("H2");
  Configure({state});
  EXPECT_THAT(DueWith(I(1)), ElementsAre("H2"));
}

TEST_F(EventEngineTest, TellsWhichStatesAreActiveInTheOrderOfTheConfiguration) {
  Configure({MakeState(EventState::ABOVE, "80", "B"), MakeState(EventState::ABOVE, "90", "A")});
  Give(I(85));
  const std::vector<EventEngine::Activity> activities = engine_.Activities();
  ASSERT_EQ(activities.size(), 2u);
  EXPECT_EQ(activities[0].name, "B");
  EXPECT_TRUE(activities[0].active);
  EXPECT_EQ(activities[0].last_at, clock_.WallNow());
  EXPECT_FALSE(activities[1].active);
  EXPECT_EQ(activities[1].last_at, absl::InfinitePast());
}

TEST_F(EventEngineTest, WhatIsDueSaysWhoseItIsWhenAndWithWhichValue) {
  Configure({MakeState(EventState::EQUAL, std::string(200, 'x'), "Text")});
  Give(std::string(200, 'x'));
  const std::vector<DueHandler> due = engine_.TakeDue(now());
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].event, "Text");
  EXPECT_EQ(due[0].handler, "H");
  EXPECT_EQ(due[0].value, std::string(100, 'x'));
  EXPECT_EQ(due[0].at, clock_.WallNow());
}

}  // namespace
}  // namespace fieldgate::cloud_link
