#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace fieldgate::tixml {

struct Attribute {
  std::string name;
  std::string value;

  friend bool operator==(const Attribute&, const Attribute&) = default;
};

// One element of a TiXML tree. A plain value: copy, move and change freely.
struct Node {
  std::string name;
  std::vector<Attribute> attributes;
  std::vector<Node> children;
  // Character data, surrounding white space removed.
  std::string text;
  // Line of the start tag, from 1; 0 if it was not parsed from text.
  int line = 0;

  // The attribute's value, or nullptr.
  const std::string* Find(absl::string_view attribute) const;
  // The first child of that name, or nullptr.
  const Node* Child(absl::string_view child_name) const;
  Node* Child(absl::string_view child_name);

  // Sets or replaces an attribute; returns *this, so that calls chain.
  Node& Set(absl::string_view attribute, absl::string_view value);
  Node& Add(Node child);  // returns the added child

  // Equal names, attributes, text and children in order; lines don't count.
  friend bool operator==(const Node& a, const Node& b) {
    return a.name == b.name && a.attributes == b.attributes && a.children == b.children &&
           a.text == b.text;
  }
};

// <name _="value"/>
Node ValueNode(absl::string_view name, absl::string_view value);

}  // namespace fieldgate::tixml
