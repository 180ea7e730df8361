#pragma once

#include "absl/strings/string_view.h"
#include "common/tixml/codec.h"

namespace fieldgate::cloud_link {

// The format of a text that can't be parsed, for its answer: JSON has a string
// or a bracket after its first bracket, TiXML an element; XML begins with its
// declaration, which in TiXML stands behind the brace.
tixml::Format GuessFormat(absl::string_view text);

}  // namespace fieldgate::cloud_link
