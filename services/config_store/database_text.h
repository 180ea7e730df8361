#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tixml/node.h"

namespace fieldgate::config_store {

// Sibling elements as TiXML, short enough for the parser's limit.
struct TextPart {
  std::string parent;  // path of the element that they belong to; "": the top
  std::string text;

  friend bool operator==(const TextPart&, const TextPart&) = default;
};

// A database as text: one part for most; one that outgrew the parser's limit
// (by several SetConfig) is split at its elements.
std::vector<TextPart> WriteParts(const tixml::Node& database);

// The other way round.
// kInvalidArgument, kResourceExhausted: not what WriteParts writes.
absl::StatusOr<tixml::Node> ReadParts(const std::vector<TextPart>& parts);

}  // namespace fieldgate::config_store
