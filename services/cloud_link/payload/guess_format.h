#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/tixml/codec.h"

namespace fieldgate::cloud_link {

// The format of a text that can't be parsed, for its answer: JSON has a string
// or a bracket after its first bracket, TiXML an element; XML begins with its
// declaration, which in TiXML stands behind the brace.
tixml::Format GuessFormat(absl::string_view text);

// The request_id of a request that can't be parsed, or of its beginning, so
// that its sender knows what was refused; "" if there is none, or one with
// other characters than A-Z a-z 0-9 _ . : -.
std::string GuessRequestId(absl::string_view text);

}  // namespace fieldgate::cloud_link
