#include "services/fieldgate/config/unified_diff.h"

#include <random>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace fieldgate::commands {
namespace {

// `text` changed as a unified diff says, by its line numbers; "?" when the diff
// does not fit the text.
std::string Patch(const std::string& text, const std::string& diff) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  std::string out;
  size_t at = 0;  // in `lines`
  for (const absl::string_view line : absl::StrSplit(diff, '\n')) {
    if (line.empty() || line.substr(0, 3) == "---" || line.substr(0, 3) == "+++") continue;
    if (line[0] == '@') {
      const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ');
      const std::vector<absl::string_view> range = absl::StrSplit(fields[1].substr(1), ',');
      size_t first = 0;
      if (!absl::SimpleAtoi(range[0], &first)) return "?";
      if (range.size() == 1 || range[1] != "0") --first;
      if (first < at || first > lines.size()) return "?";
      for (; at < first; ++at) absl::StrAppend(&out, lines[at], "\n");
      continue;
    }
    if (line[0] != '+') {
      if (at >= lines.size() || lines[at] != line.substr(1)) return "?";
      ++at;
    }
    if (line[0] != '-') absl::StrAppend(&out, line.substr(1), "\n");
  }
  for (; at < lines.size(); ++at) absl::StrAppend(&out, lines[at], "\n");
  return out;
}

int Edits(const std::string& diff) {
  int count = 0;
  for (const absl::string_view line : absl::StrSplit(diff, '\n')) {
    if (line.empty() || line.substr(0, 3) == "---" || line.substr(0, 3) == "+++") continue;
    count += line[0] == '+' || line[0] == '-' ? 1 : 0;
  }
  return count;
}

TEST(UnifiedDiffTest, EqualTextsHaveNone) {
  EXPECT_EQ(UnifiedDiff("a", "b", "", ""), "");
  EXPECT_EQ(UnifiedDiff("a", "b", "x\ny\n", "x\ny\n"), "");
}

TEST(UnifiedDiffTest, AChangedLineIsShownWithThreeLinesAround) {
  EXPECT_EQ(UnifiedDiff("old", "new", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n"),
            "--- old\n+++ new\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
}

TEST(UnifiedDiffTest, AnEmptySideBeginsAtLine0) {
  EXPECT_EQ(UnifiedDiff("old", "new", "", "1\n2\n"), "--- old\n+++ new\n@@ -0,0 +1,2 @@\n+1\n+2\n");
  EXPECT_EQ(UnifiedDiff("old", "new", "1\n", ""), "--- old\n+++ new\n@@ -1 +0,0 @@\n-1\n");
}

TEST(UnifiedDiffTest, FarChangesHaveAHunkEachAndNearOnesShareOne) {
  std::string old_text, far, near;
  for (int i = 0; i < 30; ++i) {
    absl::StrAppend(&old_text, i, "\n");
    absl::StrAppend(&far, i == 5 || i == 20 ? "x" : absl::StrCat(i), "\n");
    absl::StrAppend(&near, i == 5 || i == 11 ? "x" : absl::StrCat(i), "\n");
  }
  const auto hunks = [](const std::string& diff) {
    return std::vector<std::string>(absl::StrSplit(diff, "\n@@")).size() - 1;
  };
  EXPECT_EQ(hunks(UnifiedDiff("a", "b", old_text, far)), 2u);
  EXPECT_EQ(hunks(UnifiedDiff("a", "b", old_text, near)), 1u);
}

TEST(UnifiedDiffTest, AnInsertedBlockIsNothingButInserted) {
  const std::string diff = UnifiedDiff("a", "b", "a\nb\nc\n", "a\nx\ny\nb\nc\n");
  EXPECT_EQ(Edits(diff), 2);
}

TEST(UnifiedDiffTest, AppliedToTheOldTextItGivesTheNewOneAndIsTheShortest) {
  std::mt19937 random(7);
  for (int round = 0; round < 2'000; ++round) {
    const auto make = [&](const std::vector<std::string>& from, uint64_t chance) {
      std::vector<std::string> lines;
      for (const std::string& line : from) {
        if (random() % chance == 0) lines.push_back(absl::StrCat(random() % 4));
        if (random() % chance != 0) lines.push_back(line);
      }
      return lines;
    };
    std::vector<std::string> a(random() % 30);
    for (std::string& line : a) line = absl::StrCat(random() % 4);
    const std::vector<std::string> b = make(a, 1 + random() % 6);
    const auto join = [](const std::vector<std::string>& lines) {
      std::string text;
      for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
      return text;
    };
    const std::string diff = UnifiedDiff("a", "b", join(a), join(b));
    ASSERT_EQ(Patch(join(a), diff), join(b)) << diff;
    // As the textbook's table has it.
    std::vector<std::vector<int>> common(a.size() + 1, std::vector<int>(b.size() + 1));
    for (size_t i = 1; i <= a.size(); ++i) {
      for (size_t j = 1; j <= b.size(); ++j) {
        common[i][j] = a[i - 1] == b[j - 1] ? common[i - 1][j - 1] + 1
                                            : std::max(common[i - 1][j], common[i][j - 1]);
      }
    }
    ASSERT_EQ(Edits(diff), static_cast<int>(a.size() + b.size()) - 2 * common[a.size()][b.size()])
        << diff;
  }
}

TEST(UnifiedDiffTest, TextsWithHardlyAnythingInCommonAreReplacedWhole) {
  std::string a = "same\n";
  std::string b = "same\n";
  for (int i = 0; i < 5'000; ++i) {
    absl::StrAppend(&a, "a", i, "\n");
    absl::StrAppend(&b, "b", i, "\n");
  }
  const std::string diff = UnifiedDiff("a", "b", a + "end\n", b + "end\n");
  EXPECT_EQ(Patch(a + "end\n", diff), b + "end\n");
  EXPECT_EQ(Edits(diff), 10'000);
}

}  // namespace
}  // namespace fieldgate::commands
