#include "common/log/log.h"

#include "gtest/gtest.h"

namespace fieldgate::log {
namespace {

TEST(LogTest, TextLineNamesTimeLevelServiceMessageAndFields) {
  EXPECT_EQ(FormatLine(Format::kText, "T", Level::kInfo, "cloud_link", "connected",
                       {{"broker", "tcp://b:1883"}, {"why", "a b"}}),
            "T info    cloud_link: connected broker=tcp://b:1883 why=\"a b\"");
}

TEST(LogTest, AValueCannotForgeALine) {
  EXPECT_EQ(FormatLine(Format::kText, "T", Level::kError, "s", "m", {{"k", "a\nb\x1b"}}),
            "T error   s: m k=\"a\\nb\\u001b\"");
}

TEST(LogTest, JsonLineIsOneObject) {
  EXPECT_EQ(FormatLine(Format::kJson, "T", Level::kWarning, "s", "m \"x\"", {{"k", "v"}}),
            R"({"time":"T","level":"warning","service":"s","message":"m \"x\"","k":"v"})");
}

TEST(LogTest, AnOverlongJsonLineStaysAnObject) {
  const std::string line = FormatLine(Format::kJson, "T", Level::kInfo, "s", std::string(9000, 'm'),
                                      {{"k", std::string(9000, 'v')}});
  EXPECT_LE(line.size(), 8192u);
  EXPECT_EQ(line.back(), '}');
}

TEST(LogTest, KnowsLevelsAndFormats) {
  Level level;
  Format format;
  EXPECT_TRUE(ParseLevel("warning", level));
  EXPECT_EQ(level, Level::kWarning);
  EXPECT_FALSE(ParseLevel("loud", level));
  EXPECT_TRUE(ParseFormat("json", format));
  EXPECT_FALSE(ParseFormat("xml", format));
}

}  // namespace
}  // namespace fieldgate::log
