// Replays the corpus of a fuzz target, the folder CORPUS.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/fuzz/fuzz.h"

namespace fieldgate::fuzz {
namespace {

void Replay(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

TEST(CorpusTest, EveryInputKeepsTheTargetsPromises) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(CORPUS)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  ASSERT_FALSE(files.empty()) << CORPUS;
  for (const std::string& file : files) {
    std::ifstream stream(file, std::ios::binary);
    ASSERT_TRUE(stream) << file;
    const std::string input(std::istreambuf_iterator<char>(stream), {});
    std::printf("%s\n", file.c_str());  // an input that fails ends the process
    std::fflush(stdout);
    Replay(input);
    // A message that was cut is what a broken line gives.
    for (int eighth = 0; eighth < 8; ++eighth) {
      Replay(input.substr(0, input.size() * static_cast<size_t>(eighth) / 8));
    }
  }
}

}  // namespace
}  // namespace fieldgate::fuzz
