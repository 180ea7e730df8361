#include "common/value/value.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace fieldgate {
namespace {

std::string Text(double number) { return ToText(Value(number)); }

TEST(AppendNumberTest, IsTheShortestFormThatReadsBackTheSame) {
  EXPECT_EQ(Text(0.1), "0.1");
  EXPECT_EQ(Text(23.0), "23");
  EXPECT_EQ(Text(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(Text(-0.0), "0");
}

TEST(AppendNumberTest, HasNoExponentBetweenOneMillionthAndTenToTheFifteen) {
  EXPECT_EQ(Text(0.000001), "0.000001");
  EXPECT_EQ(Text(123456789012345.0), "123456789012345");
  EXPECT_EQ(Text(9.5e-7), "9.5e-07");
  EXPECT_EQ(Text(1e15), "1e+15");
}

TEST(AppendNumberTest, RefusesWhatJsonCannotHold) {
  std::string out;
  EXPECT_FALSE(AppendNumber(std::numeric_limits<double>::infinity(), out));
  EXPECT_FALSE(AppendNumber(std::nan(""), out));
  EXPECT_EQ(out, "");
}

TEST(InferValueTest, TakesTheNarrowestType) {
  EXPECT_EQ(InferValue("true"), Value(true));
  EXPECT_EQ(InferValue("-5"), Value(int64_t{-5}));
  EXPECT_EQ(InferValue("18446744073709551615"), Value(~uint64_t{0}));
  EXPECT_EQ(InferValue("23.5"), Value(23.5));
}

TEST(InferValueTest, KeepsIdentifiersAsText) {
  for (const char* text : {"", "04600912", "-01", "+5", "0x10", "inf", "nan", " 1", "1 ", "abc"}) {
    EXPECT_EQ(InferValue(text), Value(std::string(text))) << text;
  }
}

TEST(ToTextTest, WritesEveryKind) {
  EXPECT_EQ(ToText(Value()), "");
  EXPECT_EQ(ToText(Value(true)), "1");
  EXPECT_EQ(ToText(Value(std::numeric_limits<int64_t>::min())), "-9223372036854775808");
  EXPECT_EQ(ToText(Value(~uint64_t{0})), "18446744073709551615");
  EXPECT_EQ(ToText(Value(std::string("a"))), "a");
}

TEST(ToNumberTest, TextIsNoNumber) {
  EXPECT_EQ(ToNumber(Value(std::string("5"))), std::nullopt);
  EXPECT_EQ(ToNumber(Value(true)), 1);
}

}  // namespace
}  // namespace fieldgate
