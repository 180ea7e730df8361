#include "tests/bench/measure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "tests/bench/table.h"

namespace fieldgate::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;

TEST(PercentileTest, IsAValueThatWasMeasured) {
  EXPECT_EQ(Median({5, 1, 3}), 3);
  EXPECT_EQ(Median({4, 1, 3, 2}), 2);
  EXPECT_EQ(Percentile({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.99), 10);
  EXPECT_EQ(Percentile({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 0.1), 1);
  EXPECT_EQ(Percentile({7}, 0), 7);
}

TEST(PercentileTest, OfNothingIsNoNumber) { EXPECT_TRUE(std::isnan(Percentile({}, 0.5))); }

TEST(AlternateTest, TakesTheMedianOfEachSide) {
  double ours = 0, baseline = 10;
  const absl::StatusOr<Sides> sides = Alternate(
      3, [&] { return ours += 1; }, [&] { return baseline += 10; });
  ASSERT_TRUE(sides.ok());
  EXPECT_EQ(sides->ours, 2);
  EXPECT_EQ(sides->baseline, 30);
}

TEST(AlternateTest, StopsAtAFailureAndSaysOfWhichSide) {
  int measured = 0;
  const absl::StatusOr<Sides> sides = Alternate(
      3, [&] { return ++measured, 1.0; },
      []() -> absl::StatusOr<double> { return absl::UnavailableError("no broker"); });
  EXPECT_EQ(sides.status().message(), "baseline: no broker");
  EXPECT_EQ(measured, 0);
}

TEST(ParseStatTest, TakesNamesWithBlanksAndParentheses) {
  const std::optional<ProcessInfo> info = ParseStat("12 (a (b) c) S 7 12 12 0 -1");
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->pid, 12);
  EXPECT_EQ(info->name, "a (b) c");
  EXPECT_EQ(info->parent, 7);
}

TEST(ParseStatTest, RefusesWhatIsNoStatLine) {
  for (const char* line : {"", "12", "12 (a", "12 (a) S", "x (a) S 1 2", ") 12 ("}) {
    EXPECT_FALSE(ParseStat(line).has_value()) << line;
  }
}

TEST(TreeOfTest, HoldsDescendantsOfAllGenerationsAndNobodyElse) {
  const std::vector<ProcessInfo> all = {
      {1, 0, "init"}, {20, 10, "child"}, {10, 1, "root"}, {30, 20, "grandchild"}, {40, 1, "other"}};
  EXPECT_THAT(TreeOf(all, 10),
              ElementsAre(Field(&ProcessInfo::pid, 10), Field(&ProcessInfo::pid, 20),
                          Field(&ProcessInfo::pid, 30)));
  EXPECT_TRUE(TreeOf(all, 99).empty());
}

TEST(ParseWrittenTest, FindsWhatWentToDisks) {
  EXPECT_EQ(ParseWritten("rchar: 5\nwrite_bytes: 8192\ncancelled_write_bytes: 4096\n"), 8192);
  EXPECT_FALSE(ParseWritten("cancelled_write_bytes: 4096\n").has_value());
  EXPECT_FALSE(ParseWritten("").has_value());
}

TEST(ParsePssTest, FindsTheTotalAmongItsParts) {
  EXPECT_EQ(ParsePss("55d0-7fff ---p 0 00:00 0 [rollup]\nRss:     900 kB\nPss:     123 kB\n"
                     "Pss_Anon:     23 kB\n"),
            123 * 1024);
  EXPECT_FALSE(ParsePss("Rss: 900 kB\n").has_value());
  EXPECT_FALSE(ParsePss("").has_value());
}

TEST(ProcessTest, ThisOneUsesCpuAndMemory) {
  EXPECT_GT(ProcessCpu(getpid()).value(), absl::ZeroDuration());
  EXPECT_GT(PssOf(getpid()).value(), 0);
  ASSERT_FALSE(ProcessTree(getpid()).empty());
  EXPECT_EQ(ProcessTree(getpid()).front().pid, getpid());
}

TEST(ProcessTest, OneThatDoesNotExistIsAnError) {
  constexpr pid_t kAboveLinuxLimit = (1 << 22) + 1;
  EXPECT_TRUE(absl::IsNotFound(ProcessCpu(kAboveLinuxLimit).status()));
  EXPECT_TRUE(absl::IsNotFound(PssOf(kAboveLinuxLimit).status()));
}

TEST(FormatNumberTest, HasThreeDigitsAndNoExponent) {
  EXPECT_EQ(FormatNumber(0), "0");
  EXPECT_EQ(FormatNumber(0.012345), "0.0123");
  EXPECT_EQ(FormatNumber(1.5), "1.50");
  EXPECT_EQ(FormatNumber(12345.6), "12346");
  EXPECT_EQ(FormatNumber(NAN), "?");
}

TEST(RowTest, TargetsBoundTheRatioOrOurValue) {
  Row row{"f", "ns", 30, 10, Target::RatioAtMost(3)};
  EXPECT_EQ(row.Met(), true);
  row.ours = 30.1;
  EXPECT_EQ(row.Met(), false);
  row.target = Target::OursAtLeast(30);
  EXPECT_EQ(row.Met(), true);
  row.target = {};
  EXPECT_EQ(row.Met(), std::nullopt);
}

TEST(RowTest, WithoutABaselineARatioIsMissed) {
  EXPECT_EQ((Row{"f", "ns", 30, std::nullopt, Target::RatioAtMost(3)}.Met()), false);
  EXPECT_EQ((Row{"f", "ns", 30, 0.0, Target::RatioAtMost(3)}.Met()), false);
}

TEST(RowTest, NoNumberNeverMeetsATarget) {
  EXPECT_EQ((Row{"f", "ns", NAN, 10, Target::RatioAtMost(3)}.Met()), false);
  EXPECT_EQ((Row{"f", "ns", NAN, 10, Target::OursAtLeast(3)}.Met()), false);
}

TEST(FormatTableTest, ShowsVerdictsAndAlignsColumns) {
  const std::string table = FormatTable({{"fast", "ns", 20, 10, Target::RatioAtMost(3)},
                                         {"slow", "MB", 99, std::nullopt, Target::OursAtMost(24)},
                                         {"plain", "s", 1}});
  EXPECT_EQ(table,
            "figure |    ours | raw baseline | ratio |     target | result\n"
            "-------|---------|--------------|-------|------------|-------\n"
            "fast   | 20.0 ns |      10.0 ns | 2.00x |   <= 3.00x | ok\n"
            "slow   | 99.0 MB |            - |     - | <= 24.0 MB | MISSED\n"
            "plain  |  1.00 s |            - |     - |            |\n");
}

}  // namespace
}  // namespace fieldgate::bench
