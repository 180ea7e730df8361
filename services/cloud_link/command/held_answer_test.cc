#include "services/cloud_link/command/held_answer.h"

#include <gmock/gmock.h>

#include <map>

#include "common/tixml/codec.h"
#include "common/tixml/error.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::HasSubstr;

// Answers to a Get, and SetConfigs of revisions 7 and 8 on probation.
HeldAnswer ThreeAnswers(tixml::Verbosity verbosity = tixml::Verbosity::kShort) {
  HeldAnswer held;
  held.answers = tixml::Parse("[<Get _='42'/><SetConfig/><SetConfig/>]")->nodes;
  held.on_probation = {{1, 7, verbosity}, {2, 8, verbosity}};
  return held;
}

std::string Text(const HeldAnswer& held) {
  return tixml::WriteFramed(tixml::Format::kTiXml, held.answers);
}

class HeldAnswerTest : public testing::Test {
 protected:
  bool Conclude(HeldAnswer& held) {
    return cloud_link::Conclude([this](int64_t revision) { return verdicts_[revision]; }, held);
  }

  std::map<int64_t, Verdict> verdicts_ = {{7, {Verdict::State::kConfirmed, ""}},
                                          {8, {Verdict::State::kConfirmed, ""}}};
};

TEST_F(HeldAnswerTest, ConfirmedIsAnsweredAsItWas) {
  HeldAnswer held = ThreeAnswers();
  const std::string before = Text(held);
  EXPECT_TRUE(Conclude(held));
  EXPECT_EQ(held.code, AnswerCode::kDone);
  EXPECT_EQ(Text(held), before);
}

TEST_F(HeldAnswerTest, ItWaitsForTheLastVerdictAndChangesNothingBefore) {
  HeldAnswer held = ThreeAnswers();
  const std::string before = Text(held);
  verdicts_[7] = {Verdict::State::kTakenBack, "it is back"};
  verdicts_[8] = {};
  EXPECT_FALSE(Conclude(held));
  EXPECT_EQ(Text(held), before);
  EXPECT_EQ(held.code, AnswerCode::kDone);
}

TEST_F(HeldAnswerTest, OnlyTheAnswerOfWhatWasTakenBackChangesAndTheCode) {
  HeldAnswer held = ThreeAnswers();
  verdicts_[8] = {Verdict::State::kTakenBack, "revision 6 is in force again"};
  EXPECT_TRUE(Conclude(held));
  EXPECT_EQ(held.code, AnswerCode::kFailed);
  EXPECT_EQ(Text(held),
            "[<Get _=\"42\"/>\n<SetConfig/>\n<SetConfig>\n  <Error>\n    <ErrNo _=\"-2152\"/>\n"
            "    <ErrText _=\"configuration taken back\"/>\n    <ErrorCause>\n"
            "      <ErrNo _=\"-2152\"/>\n      <ErrText _=\"revision 6 is in force again\"/>\n"
            "      <Class _=\"SetConfig\"/>\n    </ErrorCause>\n  </Error>\n</SetConfig>]");
}

TEST_F(HeldAnswerTest, TheErrorSaysAsMuchAsItsCommandAskedFor) {
  verdicts_[7] = verdicts_[8] = {Verdict::State::kTakenBack, "why"};
  HeldAnswer number = ThreeAnswers(tixml::Verbosity::kNumber);
  EXPECT_TRUE(Conclude(number));
  EXPECT_THAT(Text(number), HasSubstr("<Error _=\"-2152\"/>"));
  HeldAnswer all = ThreeAnswers(tixml::Verbosity::kLong);
  EXPECT_TRUE(Conclude(all));
  EXPECT_THAT(Text(all), HasSubstr("<Module _=\"held_answer.cc\"/>"));
}

TEST_F(HeldAnswerTest, AnOutcomeThatIsNotKnownAnyMoreIsAnErrorToo) {
  HeldAnswer held = ThreeAnswers();
  verdicts_[7] = {Verdict::State::kUnknown, "nobody knows"};
  EXPECT_TRUE(Conclude(held));
  EXPECT_EQ(held.code, AnswerCode::kFailed);
  EXPECT_THAT(Text(held), HasSubstr("-2199"));
  EXPECT_THAT(Text(held), HasSubstr("nobody knows"));
}

TEST_F(HeldAnswerTest, OtherFailuresStayFailures) {
  HeldAnswer held = ThreeAnswers();
  held.code = AnswerCode::kFailed;
  EXPECT_TRUE(Conclude(held));
  EXPECT_EQ(held.code, AnswerCode::kFailed);
}

TEST_F(HeldAnswerTest, ComesBackFromTheDiskAsItWas) {
  HeldAnswer held = ThreeAnswers(tixml::Verbosity::kLong);
  held.code = AnswerCode::kNotNow;
  held.answers[0].text = std::string("\x01 \"°\" <&>", 11);
  held.answers[0].children = tixml::Parse("[<A a='1'><B/>x</A><A/>]")->nodes;
  const HeldAnswer back = ParseHeldAnswer(Serialize(held)).value();
  EXPECT_EQ(back.code, held.code);
  EXPECT_EQ(back.answers, held.answers);
  ASSERT_EQ(back.on_probation.size(), 2u);
  EXPECT_EQ(back.on_probation[1].answer, 2u);
  EXPECT_EQ(back.on_probation[1].revision, 8);
  EXPECT_EQ(back.on_probation[1].verbosity, tixml::Verbosity::kLong);
}

TEST_F(HeldAnswerTest, AnAnswerTooLargeForATreeIsReplacedAndTheOthersStay) {
  HeldAnswer held = ThreeAnswers();
  tixml::Node child;
  child.name = "A";
  held.answers[0].children.assign(20'001, child);
  HeldAnswer back = ParseHeldAnswer(Serialize(held)).value();
  EXPECT_THAT(Text(back), HasSubstr("too large to be kept"));
  EXPECT_EQ(back.answers[1], held.answers[1]);
}

TEST_F(HeldAnswerTest, DamagedBytesAreDataLoss) {
  const std::string bytes = Serialize(ThreeAnswers());
  EXPECT_TRUE(absl::IsDataLoss(ParseHeldAnswer("").status()));
  EXPECT_TRUE(absl::IsDataLoss(ParseHeldAnswer("garbage").status()));
  for (size_t size = 0; size < bytes.size(); ++size) {
    // Never a crash; a prefix may be a shorter valid one.
    ParseHeldAnswer(bytes.substr(0, size)).status().IgnoreError();
  }
  HeldAnswer nowhere = ThreeAnswers();
  nowhere.on_probation[0].answer = 3;
  EXPECT_TRUE(absl::IsDataLoss(ParseHeldAnswer(Serialize(nowhere)).status()));
}

}  // namespace
}  // namespace fieldgate::cloud_link
