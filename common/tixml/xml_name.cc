#include "common/tixml/xml_name.h"

#include <utility>

#include "common/tixml/utf8.h"

namespace fieldgate::tixml {
namespace {

bool IsAsciiLetter(char32_t code) {
  return (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
}

}  // namespace

bool IsNameStart(char32_t code) {
  if (code < 0x80) return IsAsciiLetter(code) || code == '_' || code == ':';
  // Letters of XML 1.0 in all its editions: newer ones allow much more, which
  // the parsers of older ones (Xerces among them) refuse.
  static constexpr std::pair<char32_t, char32_t> kLetters[] = {
      {0xC0, 0xD6},   {0xD8, 0xF6},   {0xF8, 0x131},    {0x134, 0x13E}, {0x141, 0x148},
      {0x14A, 0x17E}, {0x388, 0x38A}, {0x38E, 0x3A1},   {0x3A3, 0x3CE}, {0x401, 0x40C},
      {0x40E, 0x44F}, {0x451, 0x45C}, {0x4E00, 0x9FA5},
  };
  for (const auto& [first, last] : kLetters) {
    if (code >= first && code <= last) return true;
  }
  return false;
}

bool IsNameChar(char32_t code) {
  return IsNameStart(code) || (code >= '0' && code <= '9') || code == '-' || code == '.';
}

bool IsXmlName(absl::string_view name) {
  if (name.empty()) return false;
  for (size_t pos = 0; pos < name.size();) {
    const Utf8Char character = DecodeUtf8(name, pos);
    const bool valid = pos == 0 ? IsNameStart(character.code) : IsNameChar(character.code);
    if (!valid) return false;  // not UTF-8 is code 0
    pos += character.length;
  }
  return true;
}

}  // namespace fieldgate::tixml
