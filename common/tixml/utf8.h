#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace fieldgate::tixml {

struct Utf8Char {
  char32_t code = 0;
  size_t length = 0;  // bytes, 1 to 4; 0: not UTF-8
};

// The character that starts at text[pos]; pos < text.size(). Overlong forms,
// surrogates and anything above U+10FFFF are not UTF-8.
Utf8Char DecodeUtf8(absl::string_view text, size_t pos);

void AppendUtf8(char32_t code, std::string& out);

// The offset of the first byte that is not UTF-8, or npos.
size_t FindInvalidUtf8(absl::string_view text);

// Whether XML 1.0 can hold the character at all, even as an entity.
bool IsXmlChar(char32_t code);

}  // namespace fieldgate::tixml
