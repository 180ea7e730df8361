#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tixml/node.h"

namespace fieldgate::tixml {

// The members of a JSON object, or of the objects of an array, in order,
// through Boost.JSON. Codec.h has the mapping; besides: a member that is a
// number, string or boolean is an element with that as "_"; an array in an
// array is as if its items stood there.
// kInvalidArgument:   not RFC 8259, a member twice, a character that XML
//                     can't hold, an attribute that is no plain value.
// kResourceExhausted: over kMaxNodes, kMaxDepth or kMaxAttributes.
absl::StatusOr<std::vector<Node>> ParseJson(absl::string_view text);

}  // namespace fieldgate::tixml
