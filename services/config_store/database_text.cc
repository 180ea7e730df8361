#include "services/config_store/database_text.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/tixml/codec.h"
#include "common/tixml/limits.h"

namespace fieldgate::config_store {
namespace {

using tixml::Node;

void AddText(const std::string& parent, const std::string& text, std::vector<TextPart>& parts) {
  if (!parts.empty() && parts.back().parent == parent &&
      parts.back().text.size() + text.size() <= tixml::kMaxBytes) {
    parts.back().text += text;
  } else {
    parts.push_back({parent, text});
  }
}

void Add(const Node& node, const std::string& parent, std::vector<TextPart>& parts) {
  const std::string text = tixml::WriteElement(node);
  if (text.size() <= tixml::kMaxBytes || node.children.empty()) {
    AddText(parent, text, parts);
    return;
  }
  AddText(parent, tixml::WriteElement({node.name, node.attributes, {}, node.text, 0}), parts);
  const std::string path = parent.empty() ? node.name : absl::StrCat(parent, "/", node.name);
  for (const Node& child : node.children) Add(child, path, parts);
}

// The element that was read last with this path, or nullptr.
Node* FindLast(absl::string_view path, Node& top) {
  Node* node = &top;
  for (const absl::string_view level : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    const auto found = std::find_if(node->children.rbegin(), node->children.rend(),
                                    [&](const Node& child) { return child.name == level; });
    if (found == node->children.rend()) return nullptr;
    node = &*found;
  }
  return node;
}

}  // namespace

std::vector<TextPart> WriteParts(const Node& database) {
  std::vector<TextPart> parts;
  Add(database, "", parts);
  return parts;
}

absl::StatusOr<Node> ReadParts(const std::vector<TextPart>& parts) {
  Node top;
  for (const TextPart& part : parts) {
    absl::StatusOr<tixml::Document> document = tixml::Parse(part.text);
    if (!document.ok()) return document.status();
    Node* const parent = FindLast(part.parent, top);
    if (parent == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("there is no element ", part.parent));
    }
    for (Node& node : document->nodes) parent->Add(std::move(node));
  }
  if (top.children.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("it has ", top.children.size(), " top-level elements"));
  }
  return std::move(top.children[0]);
}

}  // namespace fieldgate::config_store
