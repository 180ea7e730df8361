#pragma once

#include <vector>

#include "absl/status/status.h"
#include "common/tixml/codec.h"

// What holds of every tree that came from outside.
namespace fieldgate::fuzz {

// A refused text: one of the two codes, with a text that has a bound.
void CheckRefusal(const absl::Status& status);

// Within the limits of depth, nodes and attributes; all UTF-8.
void CheckLimits(const std::vector<tixml::Node>& nodes);

int CountOf(const std::vector<tixml::Node>& nodes);
int DepthOf(const std::vector<tixml::Node>& nodes);
bool HasXmlNames(const std::vector<tixml::Node>& nodes);

// What JSON makes of it: siblings of one name stand where the first of them
// stood.
std::vector<tixml::Node> GroupedByName(const std::vector<tixml::Node>& nodes);

// Siblings of one name together, names in order.
std::vector<tixml::Node> SortedByName(std::vector<tixml::Node> nodes);

}  // namespace fieldgate::fuzz
