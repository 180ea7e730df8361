#include "tests/fuzz/trees.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "tests/fuzz/fuzz.h"

namespace fieldgate::fuzz {

using tixml::Node;

namespace {

void CheckNodes(const std::vector<Node>& nodes) {
  for (const Node& node : nodes) {
    Check(node.attributes.size() <= size_t{tixml::kMaxAttributes}, "too many attributes");
    Check(IsUtf8(node.name) && IsUtf8(node.text), "not UTF-8");
    for (const tixml::Attribute& attribute : node.attributes) {
      Check(!attribute.name.empty(), "an attribute without a name");
      Check(IsUtf8(attribute.name) && IsUtf8(attribute.value), "not UTF-8");
    }
    CheckNodes(node.children);
  }
}

}  // namespace

void CheckRefusal(const absl::Status& status) {
  Check(absl::IsInvalidArgument(status) || absl::IsResourceExhausted(status), "another error");
  Check(!status.message().empty(), "an error without a text");
  Check(status.message().size() < 1000, "the error's text has no bound");
  Check(IsUtf8(status.message()), "the error's text is not UTF-8");
}

void CheckLimits(const std::vector<Node>& nodes) {
  Check(CountOf(nodes) <= tixml::kMaxNodes, "too many nodes");
  Check(DepthOf(nodes) <= tixml::kMaxDepth, "too deep");
  CheckNodes(nodes);
}

int CountOf(const std::vector<Node>& nodes) {
  int count = static_cast<int>(nodes.size());
  for (const Node& node : nodes) count += CountOf(node.children);
  return count;
}

int DepthOf(const std::vector<Node>& nodes) {
  int depth = 0;
  for (const Node& node : nodes) depth = std::max(depth, 1 + DepthOf(node.children));
  return depth;
}

bool HasXmlNames(const std::vector<Node>& nodes) {
  return std::all_of(nodes.begin(), nodes.end(), [](const Node& node) {
    return tixml::ToXmlName(node.name) == node.name &&
           std::all_of(node.attributes.begin(), node.attributes.end(),
                       [](const tixml::Attribute& attribute) {
                         return tixml::ToXmlName(attribute.name) == attribute.name;
                       }) &&
           HasXmlNames(node.children);
  });
}

std::vector<Node> GroupedByName(const std::vector<Node>& nodes) {
  std::map<std::string, size_t> group_of;
  std::vector<std::vector<Node>> groups;
  for (Node node : nodes) {
    node.children = GroupedByName(node.children);
    const auto [found, added] = group_of.try_emplace(node.name, groups.size());
    if (added) groups.emplace_back();
    groups[found->second].push_back(std::move(node));
  }
  std::vector<Node> all;
  for (std::vector<Node>& group : groups) {
    for (Node& node : group) all.push_back(std::move(node));
  }
  return all;
}

std::vector<Node> SortedByName(std::vector<Node> nodes) {
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](const Node& a, const Node& b) { return a.name < b.name; });
  for (Node& node : nodes) node.children = SortedByName(std::move(node.children));
  return nodes;
}

}  // namespace fieldgate::fuzz
