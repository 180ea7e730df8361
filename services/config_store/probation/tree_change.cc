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

// All nodes of each of these names by those of `fresh`, in place of the first,
// else at the end. In one pass: there may be 20,000 names.
void Replace(const std::vector<std::string>& names, const Siblings& fresh, Node& parent) {
  if (names.empty()) return;
  absl::flat_hash_set<std::string> left(names.begin(), names.end());
  const absl::flat_hash_set<std::string> all = left;
  std::vector<Node> children;
  const auto place = [&](const std::string& name) {
    if (left.erase(name) == 0) return;
    for (const Node* node : Of(fresh, name)) children.push_back(*node);
  };
  for (Node& child : parent.children) {
    if (all.contains(child.name)) {
      place(child.name);
    } else {
      children.push_back(std::move(child));
    }
  }
  for (const std::string& name : names) place(name);
  parent.children = std::move(children);
}

}  // namespace

void ApplyChange(const Node& before, const Node& after, Node& target) {
  if (before.attributes != after.attributes) target.attributes = after.attributes;
  if (before.text != after.text) target.text = after.text;
  const Siblings old = ByName(before);
  const Siblings fresh = ByName(after);
  absl::flat_hash_map<std::string, std::vector<Node*>> targets;
  for (Node& child : target.children) targets[child.name].push_back(&child);

  std::vector<std::string> replaced;  // names, in order
  absl::flat_hash_set<std::string> done;
  const auto change = [&](const std::string& name) {
    if (!done.insert(name).second) return;
    const std::vector<const Node*>& from = Of(old, name);
    const std::vector<const Node*>& to = Of(fresh, name);
    if (Same(from, to)) return;
    const auto there = targets.find(name);
    if (from.size() == 1 && to.size() == 1 && there != targets.end() && there->second.size() == 1) {
      ApplyChange(*from[0], *to[0], *there->second[0]);
    } else {
      replaced.push_back(name);
    }
  };
  for (const Node& child : before.children) change(child.name);
  for (const Node& child : after.children) change(child.name);
  Replace(replaced, fresh, target);
}

}  // namespace fieldgate::config_store
