#include "services/fieldgate/terminal_text.h"

#include <gtest/gtest.h>

namespace fieldgate::commands {
namespace {

TEST(TerminalTextTest, TimeIsIsoInUtcWithMilliseconds) {
  EXPECT_EQ(IsoTime(absl::FromUnixMillis(1'700'000'000'250)), "2023-11-14T22:13:20.250Z");
}

TEST(TerminalTextTest, AgeIsInTheUnitThatReadsWell) {
  EXPECT_EQ(ShortAge(absl::Milliseconds(340)), "0.3 s");
  EXPECT_EQ(ShortAge(absl::Seconds(119)), "119 s");
  EXPECT_EQ(ShortAge(absl::Seconds(121)), "2 min");
  EXPECT_EQ(ShortAge(absl::Hours(5)), "5 h");
  EXPECT_EQ(ShortAge(absl::Hours(72)), "3 d");
}

TEST(TerminalTextTest, ClockSetBackGivesNoNegativeAge) {
  EXPECT_EQ(ShortAge(-absl::Hours(1)), "0.0 s");
}

TEST(TerminalTextTest, ControlCharactersAreEscaped) {
  EXPECT_EQ(Printable("a\n\x1b[2J\x7f"), "a\\n\\x1b[2J\\x7f");
  EXPECT_EQ(Printable("21 °C"), "21 °C");
}

TEST(TerminalTextTest, WordsAreQuotedOnlyWhenNeeded) {
  EXPECT_EQ(OneWord("23.5"), "23.5");
  EXPECT_EQ(OneWord("21°C"), "21°C");
  EXPECT_EQ(OneWord(""), "\"\"");
  EXPECT_EQ(OneWord("a b"), "\"a b\"");
  EXPECT_EQ(OneWord("a\"b"), "\"a\\\"b\"");
  EXPECT_EQ(OneWord("a\nb"), "\"a\\nb\"");
}

TEST(TerminalTextTest, ColumnsAlignByCharacters) {
  EXPECT_EQ(Columns({{"°", "x", ""}, {"abc", "y"}}), "°    x\nabc  y\n");
}

TEST(TerminalTextTest, NoRowsAreNoText) { EXPECT_EQ(Columns({}), ""); }

}  // namespace
}  // namespace fieldgate::commands
