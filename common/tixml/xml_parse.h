#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "common/tixml/node.h"
#include "common/tixml/prescan.h"

namespace fieldgate::tixml {

// The elements of `prescanned` in order, through Xerces. Thread-safe.
// kInvalidArgument: not well-formed, text outside an element, an undefined
//                   entity, an attribute's name that ToXmlName would change.
absl::StatusOr<std::vector<Node>> ParseXml(const Prescanned& prescanned);

}  // namespace fieldgate::tixml
