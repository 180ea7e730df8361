#include "services/process_data/system/text_file.h"

#include <fstream>

#include "absl/strings/ascii.h"

namespace fieldgate::process_data {
namespace {

// /proc/stat of a machine with many processors and interrupts.
constexpr size_t kMaxBytes = 64 * 1024;

}  // namespace

std::string ReadTextFile(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text(kMaxBytes, '\0');
  stream.read(text.data(), kMaxBytes);
  text.resize(static_cast<size_t>(stream.gcount()));
  absl::StripTrailingAsciiWhitespace(&text);
  return text;
}

}  // namespace fieldgate::process_data
