#include "common/tixml/error.h"

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace fieldgate::tixml {
namespace {

// The shapes of Table 1-4 themselves are checked in golden_test.

TEST(ErrorTableTest, HasEveryNumberOnceWithAText) {
  std::set<int> numbers;
  for (const ErrorEntry& entry : ErrorTable()) {
    EXPECT_TRUE(numbers.insert(entry.number).second) << entry.number;
    EXPECT_LT(entry.number, 0);
    EXPECT_STRNE(entry.text, "");
  }
  EXPECT_EQ(numbers.size(), 13u);
}

// The README is where people look a number up.
TEST(ErrorTableTest, IsTheReadmesTable) {
  std::ifstream file("README.md");
  ASSERT_TRUE(file.is_open());
  std::vector<std::string> rows;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("| -2", 0) == 0) rows.push_back(line);
  }
  ASSERT_EQ(rows.size(), ErrorTable().size());
  for (size_t i = 0; i < rows.size(); ++i) {
    const ErrorEntry& entry = ErrorTable()[i];
    EXPECT_EQ(rows[i].rfind(absl::StrCat("| ", entry.number, " | ", entry.text, " | "), 0), 0u)
        << rows[i] << " should be " << entry.number << " " << entry.text;
  }
}

TEST(ParseVerbosityTest, KnowsThreeAndTakesAnythingElseAsNumber) {
  EXPECT_EQ(ParseVerbosity("n"), Verbosity::kNumber);
  EXPECT_EQ(ParseVerbosity("y"), Verbosity::kShort);
  EXPECT_EQ(ParseVerbosity("v"), Verbosity::kLong);
  EXPECT_EQ(ParseVerbosity(""), Verbosity::kNumber);
  EXPECT_EQ(ParseVerbosity("Y"), Verbosity::kNumber);
  EXPECT_EQ(ParseVerbosity("vv"), Verbosity::kNumber);
}

TEST(ErrorNodeTest, DetailIsTheCausesText) {
  const Node node =
      ErrorNode({.number = kInvalidValue, .detail = "'x' is no number", .class_name = "Set"},
                Verbosity::kShort);
  EXPECT_EQ(*node.Child("ErrText")->Find("_"), "invalid value");
  EXPECT_EQ(*node.Child("ErrorCause")->Child("ErrText")->Find("_"), "'x' is no number");
}

TEST(ErrorNodeTest, OwnTextReplacesTheTables) {
  const Node node = ErrorNode({.number = kInternal, .text = "disk full"}, Verbosity::kShort);
  EXPECT_EQ(*node.Child("ErrText")->Find("_"), "disk full");
  EXPECT_EQ(*node.Child("ErrorCause")->Child("ErrText")->Find("_"), "disk full");
}

TEST(NumberForTest, TellsApartWhatACallerCanDo) {
  EXPECT_EQ(NumberFor(absl::NotFoundError("")), kPathNotFound);
  EXPECT_EQ(NumberFor(absl::InvalidArgumentError("")), kInvalidValue);
  EXPECT_EQ(NumberFor(absl::PermissionDeniedError("")), kReadOnly);
  EXPECT_EQ(NumberFor(absl::FailedPreconditionError("")), kDeviceRefused);
  EXPECT_EQ(NumberFor(absl::UnavailableError("")), kUnavailable);
  EXPECT_EQ(NumberFor(absl::DeadlineExceededError("")), kUnavailable);
  EXPECT_EQ(NumberFor(absl::AbortedError("")), kBusy);
  EXPECT_EQ(NumberFor(absl::ResourceExhaustedError("")), kTooLarge);
  EXPECT_EQ(NumberFor(absl::UnimplementedError("")), kInvalidCommand);
  EXPECT_EQ(NumberFor(absl::DataLossError("")), kInternal);
}

}  // namespace
}  // namespace fieldgate::tixml
