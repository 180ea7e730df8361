#include "common/tixml/node.h"

#include <utility>

namespace fieldgate::tixml {

const std::string* Node::Find(absl::string_view attribute) const {
  for (const Attribute& candidate : attributes) {
    if (candidate.name == attribute) return &candidate.value;
  }
  return nullptr;
}

const Node* Node::Child(absl::string_view child_name) const {
  for (const Node& child : children) {
    if (child.name == child_name) return &child;
  }
  return nullptr;
}

Node* Node::Child(absl::string_view child_name) {
  return const_cast<Node*>(std::as_const(*this).Child(child_name));
}

Node& Node::Set(absl::string_view attribute, absl::string_view value) {
  for (Attribute& candidate : attributes) {
    if (candidate.name == attribute) {
      candidate.value = std::string(value);
      return *this;
    }
  }
  attributes.push_back({std::string(attribute), std::string(value)});
  return *this;
}

Node& Node::Add(Node child) {
  children.push_back(std::move(child));
  return children.back();
}

Node ValueNode(absl::string_view name, absl::string_view value) {
  Node node;
  node.name = std::string(name);
  node.Set("_", value);
  return node;
}

}  // namespace fieldgate::tixml
