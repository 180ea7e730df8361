#include "services/config_store/probation/tree_change.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace fieldgate::config_store {
namespace {

using tixml::Node;

using Siblings = absl::flat_hash_map<std::string, std::vector<const Node*>>;

Siblings ByName(const Node& parent) {
  Siblings siblings;
  for (const Node& child : parent.children) siblings[child.name].push_back(&child);
  return siblings;
}

const std::vector<const Node*>& Of(const Siblings& siblings, const std::string& name) {
  static const auto& none = *new std::vector<const Node*>();
  const auto found = siblings.find(name);
  return found != siblings.end() ? found->second : none;
}

bool Same(const std::vector<const Node*>& a, const std::vector<const Node*>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Node* x, const Node* y) { return *x == *y; });
}

// All of this name by `nodes`, in place of the first, else at the end.
void Replace(const std::string& name, const std::vector<const Node*>& nodes, Node& parent) {
  std::vector<Node> children;
  bool placed = false;
  const auto place = [&] {
    if (std::exchange(placed, true)) return;
    for (const Node* node : nodes) children.push_back(*node);
  };
  for (Node& child : parent.children) {
    if (child.name == name) {
      place();
    } else {
      children.push_back(std::move(child));
    }
  }
  place();
  parent.children = std::move(children);
}

}  // namespace

void ApplyChange(const Node& before, const Node& after, Node& target) {
  if (before.attributes != after.attributes) target.attributes = after.attributes;
  if (before.text != after.text) target.text = after.text;
  const Siblings old = ByName(before);
  const Siblings fresh = ByName(after);
  absl::flat_hash_set<std::string> done;
  const auto change = [&](const std::string& name) {
    if (!done.insert(name).second) return;
    const std::vector<const Node*>& from = Of(old, name);
    const std::vector<const Node*>& to = Of(fresh, name);
    if (Same(from, to)) return;
    const auto count = std::count_if(target.children.begin(), target.children.end(),
                                     [&](const Node& child) { return child.name == name; });
    if (from.size() == 1 && to.size() == 1 && count == 1) {
      ApplyChange(*from[0], *to[0], *target.Child(name));
    } else {
      Replace(name, to, target);
    }
  };
  for (const Node& child : before.children) change(child.name);
  for (const Node& child : after.children) change(child.name);
}

}  // namespace fieldgate::config_store
