#include "services/cloud_link/events/condition.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::EventState;

Condition Make(EventState::Condition kind, const std::string& value = "", double hysteresis = 0) {
  EventState state;
  state.set_condition(kind);
  state.set_value(value);
  state.set_hysteresis(hysteresis);
  return Condition(state);
}

std::optional<bool> Holds(const Condition& condition, const Value& value, bool held = false,
                          uint8_t state = 1) {
  return condition.Holds({value, state, 1}, held, {Value(), 0});
}

Value Int(int64_t i) { return i; }

TEST(ConditionTest, EqualComparesNumbersAsNumbersAndTextsAsTexts) {
  struct {
    const char* text;
    Value value;
    bool equal;
  } cases[] = {
      {"5", Int(5), true},
      {"5.0", Int(5), true},
      {"5", 5.0, true},
      {"5", 5.5, false},
      {"0.3", 0.3, true},
      {"1", true, true},
      {"true", true, true},
      {"true", Int(1), true},
      {"false", Int(1), false},
      {"18446744073709551615", uint64_t{18446744073709551615u}, true},
      {"9007199254740993", Int(9007199254740992), false},  // 2^53 + 1
      {"running", std::string("running"), true},
      {"running", std::string("Running"), false},
      {"007", std::string("007"), true},
      {"7", std::string("007"), false},
      {"5", std::string("5"), true},
      {"running", Int(5), false},
      {"0", std::numeric_limits<double>::quiet_NaN(), false},
  };
  for (const auto& c : cases) {
    const std::string what = absl::StrCat(c.text, " and ", ToText(c.value));
    EXPECT_EQ(Holds(Make(EventState::EQUAL, c.text), c.value), c.equal) << what;
    EXPECT_EQ(Holds(Make(EventState::NOT_EQUAL, c.text), c.value), !c.equal) << what;
  }
}

TEST(ConditionTest, AnOrderHasItsBoundary) {
  const auto holds = [](EventState::Condition kind, double value) {
    return *Holds(Make(kind, "80"), value);
  };
  EXPECT_FALSE(holds(EventState::ABOVE, 80));
  EXPECT_TRUE(holds(EventState::ABOVE, 80.001));
  EXPECT_TRUE(holds(EventState::AT_LEAST, 80));
  EXPECT_FALSE(holds(EventState::AT_LEAST, 79.999));
  EXPECT_FALSE(holds(EventState::BELOW, 80));
  EXPECT_TRUE(holds(EventState::BELOW, 79.999));
  EXPECT_TRUE(holds(EventState::AT_MOST, 80));
  EXPECT_FALSE(holds(EventState::AT_MOST, 80.001));
}

TEST(ConditionTest, WhatHeldEndsWhenTheValueHasGoneBackByTheHysteresis) {
  struct {
    EventState::Condition kind;
    double value;
    bool holds;
  } cases[] = {
      {EventState::ABOVE, 78.001, true}, {EventState::ABOVE, 78, false},
      {EventState::AT_LEAST, 78, true},  {EventState::AT_LEAST, 77.999, false},
      {EventState::BELOW, 81.999, true}, {EventState::BELOW, 82, false},
      {EventState::AT_MOST, 82, true},   {EventState::AT_MOST, 82.001, false},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(Holds(Make(c.kind, "80", 2), c.value, true), c.holds) << c.kind << " " << c.value;
  }
  EXPECT_EQ(Holds(Make(EventState::ABOVE, "80", 2), 79.0, false), false) << "it has not held yet";
}

TEST(ConditionTest, AHysteresisIsTakenAsDecimal) {
  // In doubles 0.3 - 0.1 is a little less than 0.2, 0.7 + 0.1 a little less than 0.8.
  EXPECT_EQ(Holds(Make(EventState::ABOVE, "0.3", 0.1), 0.2, true), false);
  EXPECT_EQ(Holds(Make(EventState::AT_LEAST, "0.3", 0.1), 0.2, true), true);
  EXPECT_EQ(Holds(Make(EventState::BELOW, "0.7", 0.1), 0.8, true), false);
  EXPECT_EQ(Holds(Make(EventState::AT_MOST, "0.7", 0.1), 0.8, true), true);
}

TEST(ConditionTest, BoolsAndIntegersAreNumbersToAnOrder) {
  EXPECT_EQ(Holds(Make(EventState::ABOVE, "0"), true), true);
  EXPECT_EQ(Holds(Make(EventState::BELOW, "-5"), Int(-6)), true);
}

TEST(ConditionTest, WhatSaysNothingLeavesWhatHeldBefore) {
  for (const auto kind :
       {EventState::EQUAL, EventState::NOT_EQUAL, EventState::ABOVE, EventState::BELOW,
        EventState::AT_LEAST, EventState::AT_MOST, EventState::RISING, EventState::FALLING}) {
    EXPECT_EQ(Holds(Make(kind, "1"), Int(1), false, 0), std::nullopt) << "an invalid bus value";
    EXPECT_EQ(Holds(Make(kind, "1"), Value()), std::nullopt) << "no value yet";
  }
  EXPECT_EQ(Holds(Make(EventState::ABOVE, "1"), std::string("hot")), std::nullopt);
  EXPECT_EQ(Holds(Make(EventState::RISING), std::string("on")), std::nullopt);
  EXPECT_EQ(Holds(Make(EventState::ABOVE, "1"), std::numeric_limits<double>::quiet_NaN()),
            std::nullopt);
}

TEST(ConditionTest, RisingAndFallingLookAtZero) {
  EXPECT_EQ(Holds(Make(EventState::RISING), Int(7)), true);
  EXPECT_EQ(Holds(Make(EventState::RISING), false), false);
  EXPECT_EQ(Holds(Make(EventState::FALLING), 0.0), true);
  EXPECT_EQ(Holds(Make(EventState::FALLING), -0.5), false);
}

TEST(ConditionTest, InvalidAndValidLookAtTheState) {
  for (uint8_t state = 0; state <= 2; ++state) {
    EXPECT_EQ(Holds(Make(EventState::INVALID), Int(1), false, state), state == 0);
    EXPECT_EQ(Holds(Make(EventState::VALID), Int(1), false, state), state != 0);
  }
}

TEST(ConditionTest, AChangeIsOfTheValueByTheLeastChangeOrOfTheState) {
  const auto changed = [](const std::string& least, const Value& value, uint8_t state,
                          const Value& before) {
    return *Make(EventState::CHANGE, least).Holds({value, state, 1}, false, {before, 1});
  };
  EXPECT_FALSE(changed("", Int(5), 1, Int(5)));
  EXPECT_TRUE(changed("", Int(6), 1, Int(5)));
  EXPECT_TRUE(changed("", Int(5), 0, Int(5))) << "became invalid";
  EXPECT_FALSE(changed("0.5", 5.4, 1, 5.0));
  EXPECT_TRUE(changed("0.1", 0.3, 1, 0.2));
  EXPECT_TRUE(changed("100", std::string("b"), 1, std::string("a"))) << "texts at each change";
  EXPECT_TRUE(changed("100", Int(5), 1, Value()));
}

TEST(ConditionTest, MomentsDontLast) {
  for (const auto kind : {EventState::RISING, EventState::FALLING, EventState::CHANGE}) {
    EXPECT_FALSE(Make(kind).lasts());
  }
  for (const auto kind : {EventState::EQUAL, EventState::ABOVE, EventState::INVALID}) {
    EXPECT_TRUE(Make(kind).lasts());
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
