#include "common/cli/options.h"

#include <gmock/gmock.h>

namespace fieldgate::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class OptionsTest : public testing::Test {
 protected:
  absl::Status Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "fieldgate run");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    return Parse(command_, static_cast<int>(arguments.size()), argv.data());
  }

  std::string state_dir_;
  std::vector<std::string> imports_;
  bool json_ = false;
  std::vector<std::string> rest_;
  Command command_ = {
      .name = "fieldgate run",
      .summary = "Runs it.",
      .usage = "--state-dir=DIR [--import=FILE ...]",
      .options = {{.name = "state-dir",
                   .placeholder = "DIR",
                   .help = "Where everything is kept.",
                   .text = &state_dir_},
                  {.name = "import",
                   .placeholder = "FILE",
                   .help = "A file to be executed before anything else is done, in the order in "
                           "which the files are given here.",
                   .list = &imports_},
                  {.name = "json", .placeholder = "", .help = "Prints JSON.", .flag = &json_}},
      .positional = nullptr,
      .details = "Exit status: 0.\n",
  };
};

TEST_F(OptionsTest, ValueIsTakenAfterEqualsSign) {
  ASSERT_TRUE(Run({"--state-dir=/a=b"}).ok());
  EXPECT_EQ(state_dir_, "/a=b");
}

TEST_F(OptionsTest, ValueIsTakenFromNextArgument) {
  ASSERT_TRUE(Run({"--state-dir", "/a"}).ok());
  EXPECT_EQ(state_dir_, "/a");
}

TEST_F(OptionsTest, ListKeepsAllValuesInOrder) {
  ASSERT_TRUE(Run({"--import=b", "--import", "a"}).ok());
  EXPECT_THAT(imports_, ElementsAre("b", "a"));
}

TEST_F(OptionsTest, FlagIsSetOnlyWhenGiven) {
  ASSERT_TRUE(Run({}).ok());
  EXPECT_FALSE(json_);
  ASSERT_TRUE(Run({"--json"}).ok());
  EXPECT_TRUE(json_);
}

TEST_F(OptionsTest, PositionalsMayStandBetweenOptions) {
  command_.positional = &rest_;
  ASSERT_TRUE(Run({"-", "--json", "x", "--", "--json=1"}).ok());
  EXPECT_THAT(rest_, ElementsAre("-", "x", "--json=1"));
}

TEST_F(OptionsTest, PositionalsAreEmptyWhenNoneIsGiven) {
  command_.positional = &rest_;
  ASSERT_TRUE(Run({"--json"}).ok());
  EXPECT_THAT(rest_, IsEmpty());
}

TEST_F(OptionsTest, UnknownOptionNamesTheNearest) {
  const absl::Status status = Run({"--state-dri=/a"});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--state-dri; did you mean --state-dir?"));
}

TEST_F(OptionsTest, UnknownOptionFarFromAllNamesNone) {
  const absl::Status status = Run({"--verbosity=high"});
  EXPECT_EQ(status.message(), "unknown or ambiguous option --verbosity");
}

TEST_F(OptionsTest, UnknownShortOptionIsNamed) {
  EXPECT_EQ(Run({"-x"}).message(), "unknown or ambiguous option -x");
}

TEST_F(OptionsTest, MissingValueIsAnError) {
  const absl::Status status = Run({"--state-dir"});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "option --state-dir needs a value: --state-dir=DIR");
}

TEST_F(OptionsTest, FlagWithValueIsAnError) {
  EXPECT_EQ(Run({"--json=yes"}).message(), "option --json takes no value");
}

TEST_F(OptionsTest, ArgumentThatNothingTakesIsAnError) {
  EXPECT_EQ(Run({"up"}).message(), "unexpected argument 'up'");
}

TEST_F(OptionsTest, HelpIsCancelled) {
  EXPECT_EQ(Run({"--help"}).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(Run({"-h"}).code(), absl::StatusCode::kCancelled);
}

TEST_F(OptionsTest, HelpAlignsAndWrapsOptions) {
  EXPECT_EQ(Help(command_),
            "Usage: fieldgate run --state-dir=DIR [--import=FILE ...]\n"
            "\n"
            "Runs it.\n"
            "\n"
            "Options:\n"
            "  --state-dir=DIR  Where everything is kept.\n"
            "  --import=FILE    A file to be executed before anything else is done, in the\n"
            "                   order in which the files are given here.\n"
            "  --json           Prints JSON.\n"
            "  --help           Shows this text.\n"
            "\n"
            "Exit status: 0.\n");
}

TEST(NearestTest, FindsTheNearestWithinAThird) {
  EXPECT_EQ(Nearest("RTSendTme1", {"UpdateRate1", "RTSendTime2", "RTSendTime1"}), "RTSendTime1");
}

TEST(NearestTest, FindsNothingBeyondAThird) { EXPECT_EQ(Nearest("abc", {"axy", ""}), ""); }

TEST(NearestTest, ShortWordsMustBeExact) {
  EXPECT_EQ(Nearest("up", {"us"}), "");
  EXPECT_EQ(Nearest("up", {"up"}), "up");
}

TEST(NearestTest, CandidatesOfAnotherLengthCostNothing) {
  std::vector<std::string> candidates(1'000'000, std::string(100, 'a'));
  candidates.push_back("Realtime1");
  EXPECT_EQ(Nearest("Realtme1", candidates), "Realtime1");
}

TEST(NearestTest, GivesUpOnVeryLongWords) {
  EXPECT_EQ(Nearest(std::string(100'000, 'a'), {std::string(100'000, 'a') + "b"}), "");
}

TEST(NearestTest, NoCandidatesGiveNothing) { EXPECT_EQ(Nearest("word", {}), ""); }

}  // namespace
}  // namespace fieldgate::cli
