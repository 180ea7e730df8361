#include "common/tixml/node_proto.h"

#include "absl/strings/str_cat.h"
#include "common/tixml/limits.h"
#include "proto/tixml.pb.h"

namespace fieldgate::tixml {
namespace {

absl::Status Convert(const v1::Node& in, int depth, int& nodes, Node& out) {
  if (depth > kMaxDepth) {
    return absl::InvalidArgumentError(
        absl::StrCat("the tree is deeper than ", kMaxDepth, " elements at ", in.name()));
  }
  if (++nodes > kMaxNodes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the tree has more than ", kMaxNodes, " elements"));
  }
  out.name = in.name();
  out.text = in.text();
  out.line = in.line();
  out.attributes.reserve(static_cast<size_t>(in.attributes_size()));
  for (const v1::Node::Attribute& attribute : in.attributes()) {
    out.attributes.push_back({attribute.name(), attribute.value()});
  }
  out.children.reserve(static_cast<size_t>(in.children_size()));
  for (const v1::Node& child : in.children()) {
    if (absl::Status status = Convert(child, depth + 1, nodes, out.children.emplace_back());
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

void ToProto(const Node& node, v1::Node* out) {
  out->Clear();
  out->set_name(node.name);
  out->set_text(node.text);
  out->set_line(node.line);
  for (const Attribute& attribute : node.attributes) {
    v1::Node::Attribute* added = out->add_attributes();
    added->set_name(attribute.name);
    added->set_value(attribute.value);
  }
  for (const Node& child : node.children) ToProto(child, out->add_children());
}

absl::StatusOr<Node> FromProto(const v1::Node& node) {
  Node out;
  int nodes = 0;
  if (absl::Status status = Convert(node, 1, nodes, out); !status.ok()) return status;
  return out;
}

}  // namespace fieldgate::tixml
