#pragma once

#include "absl/status/statusor.h"
#include "common/tixml/node.h"

namespace fieldgate::tixml {

namespace v1 {
class Node;
}  // namespace v1

// Replaces `out` by `node` and its subtree, lines included.
void ToProto(const Node& node, v1::Node* out);

// The other way round, for trees that another process sent.
// kInvalidArgument: deeper than kMaxDepth or more than kMaxNodes nodes.
absl::StatusOr<Node> FromProto(const v1::Node& node);

}  // namespace fieldgate::tixml
