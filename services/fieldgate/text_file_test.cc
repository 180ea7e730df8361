#include "services/fieldgate/text_file.h"

#include <gmock/gmock.h>

#include <fstream>

#include "common/testing/process.h"
#include "common/tixml/limits.h"

namespace fieldgate::commands {
namespace {

using ::testing::HasSubstr;

class TextFileTest : public testing::Test {
 protected:
  void Write(const std::string& text) { std::ofstream(file_) << text; }

  const std::string file_ = NewTempDir() + "/a.tixml";
};

TEST_F(TextFileTest, TextIsReadWhole) {
  Write(std::string(100'000, 'x') + "\n");
  EXPECT_EQ(*ReadCommands(file_), std::string(100'000, 'x') + "\n");
}

TEST_F(TextFileTest, LargestMessageIsRead) {
  Write(std::string(tixml::kMaxBytes, 'x'));
  EXPECT_TRUE(ReadCommands(file_).ok());
}

TEST_F(TextFileTest, LargerTextIsRefused) {
  Write(std::string(tixml::kMaxBytes + 1, 'x'));
  EXPECT_EQ(ReadCommands(file_).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(TextFileTest, MissingFileIsNamed) {
  const auto text = ReadCommands(file_);
  EXPECT_EQ(text.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(text.status().message()), HasSubstr(file_));
}

TEST_F(TextFileTest, DirectoryCannotBeRead) {
  EXPECT_EQ(ReadCommands("/tmp").status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace fieldgate::commands
