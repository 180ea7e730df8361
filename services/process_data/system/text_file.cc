#include "services/process_data/system/text_file.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "common/tixml/utf8.h"

namespace fieldgate::process_data {
namespace {

// /proc/stat of a machine with many processors and interrupts.
constexpr size_t kMaxBytes = 64 * 1024;

// What isn't UTF-8 can't be sent, what XML can't hold not be answered.
std::string Cleaned(absl::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) {
    const tixml::Utf8Char character = tixml::DecodeUtf8(text, pos);
    const size_t length = std::max<size_t>(character.length, 1);
    if (character.length == 0 || !tixml::IsXmlChar(character.code)) {
      clean += '?';
    } else {
      clean.append(text.data() + pos, length);
    }
    pos += length;
  }
  return clean;
}

}  // namespace

std::string ReadTextFile(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string text(kMaxBytes, '\0');
  stream.read(text.data(), kMaxBytes);
  text.resize(static_cast<size_t>(stream.gcount()));
  absl::StripTrailingAsciiWhitespace(&text);
  return Cleaned(text);
}

}  // namespace fieldgate::process_data
