#pragma once

#include "absl/strings/string_view.h"

namespace fieldgate::tixml {

// The characters of names that ToXmlName (codec.h) leaves as they are.
bool IsNameStart(char32_t code);
bool IsNameChar(char32_t code);

// Whether ToXmlName would leave `name` as it is.
bool IsXmlName(absl::string_view name);

}  // namespace fieldgate::tixml
