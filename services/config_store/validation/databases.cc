#include "services/config_store/validation/databases.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/tixml/codec.h"
#include "common/tixml/limits.h"
#include "services/config_store/validation/formats.h"

namespace fieldgate::config_store {
namespace {

using tixml::Node;

// A connector's settings and the service routing are found in any case, so they
// are replaced so, too.
bool IgnoresCase(const std::vector<std::string>& path, size_t level) {
  if (level < 2 || path[0] != "ISP") return false;
  return path[1] == "ISP" || (level == 2 && IsConnectorName(path[1]));
}

bool SameName(absl::string_view a, absl::string_view b, bool ignore_case) {
  return ignore_case ? absl::EqualsIgnoreCase(a, b) : a == b;
}

bool IsSecretName(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"password", "passwd", "passphrase", "pin",
                                                 "plain"};
  return std::any_of(std::begin(kNames), std::end(kNames), [&](absl::string_view secret) {
    return absl::EqualsIgnoreCase(name, secret);
  });
}

// The places of `node` that hold a secret. Elements only where settings stand
// (ISP/<service>/<setting>, and below the commands of an EventHandler, which
// may be a SetConfig): a data point may well be named Pin.
std::vector<std::string*> SecretsOf(Node& node, int depth, absl::string_view database) {
  std::vector<std::string*> secrets;
  const bool settings = (database == "ISP" && depth == 2) || (database == "EVENTS" && depth >= 4);
  const bool setting = settings && IsSecretName(node.name);
  for (tixml::Attribute& a : node.attributes) {
    if (IsSecretName(a.name) || (setting && a.name == "_")) secrets.push_back(&a.value);
  }
  if (setting) secrets.push_back(&node.text);
  return secrets;
}

void Mask(Node& node, int depth, absl::string_view database) {
  for (std::string* secret : SecretsOf(node, depth, database)) {
    if (!secret->empty()) *secret = std::string(kMask);
  }
  for (Node& child : node.children) Mask(child, depth + 1, database);
}

// `before`: the node at the same place earlier, or nullptr.
void Restore(const Node* before, Node& after, int depth, absl::string_view database,
             const Place& place, Problems& problems) {
  Node earlier =
      before != nullptr ? Node{before->name, before->attributes, {}, before->text, 0} : Node{};
  for (std::string* secret : SecretsOf(after, depth, database)) {
    if (*secret != kMask) continue;
    const std::string* old = nullptr;
    if (secret == &after.text) {
      old = &earlier.text;
    } else {
      for (const tixml::Attribute& a : after.attributes) {
        if (&a.value == secret) old = earlier.Find(a.name);
      }
    }
    if (old != nullptr && !old->empty()) {
      *secret = *old;
    } else {
      problems.Error(place, "'***' stands for a stored secret, but none is stored here",
                     "write the secret itself");
    }
  }
  // The n-th child of a name belongs to the n-th of that name before.
  absl::flat_hash_map<std::string, std::vector<const Node*>> old_children;
  if (before != nullptr) {
    for (const Node& child : before->children) {
      old_children[absl::AsciiStrToLower(child.name)].push_back(&child);
    }
  }
  absl::flat_hash_map<std::string, size_t> seen;
  for (Node& child : after.children) {
    const std::string name = absl::AsciiStrToLower(child.name);
    const std::vector<const Node*>& old = old_children[name];
    const size_t n = seen[name]++;
    Restore(n < old.size() ? old[n] : nullptr, child, depth + 1, database, place.Child(child),
            problems);
  }
}

int CheckNames(const Node& node, int depth, const Place& place, Problems& problems) {
  const auto check = [&](absl::string_view name, absl::string_view what) {
    const std::string valid = tixml::ToXmlName(name);
    if (name == valid) return;
    problems.Error(place, absl::StrCat(Quote(name), " can't be the name of an ", what),
                   absl::StrCat("write a name of letters, digits, '_', '-' and '.' that starts "
                                "with a letter or '_', such as ",
                                valid));
  };
  check(node.name, "element");
  for (const tixml::Attribute& a : node.attributes) check(a.name, "attribute");
  if (node.attributes.size() > static_cast<size_t>(tixml::kMaxAttributes)) {
    problems.Error(place, absl::StrCat("it has ", node.attributes.size(), " attributes"),
                   absl::StrCat("use at most ", tixml::kMaxAttributes));
  }
  if (depth == tixml::kMaxDepth + 1) {
    problems.Error(place, absl::StrCat("it is ", depth, " levels deep"),
                   absl::StrCat("use at most ", tixml::kMaxDepth, " levels"));
  }
  int nodes = 1;
  for (const Node& child : node.children) {
    nodes += CheckNames(child, depth + 1, place.Child(child), problems);
  }
  return nodes;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseDatabasePath(absl::string_view path) {
  std::vector<std::string> levels = absl::StrSplit(path, '/');
  if (!IsDatabaseName(levels[0])) {
    return absl::InvalidArgumentError(
        absl::StrCat(Quote(path),
                     " names no database: write ISP, PROCCFG, EVENTS, LOG, USER or "
                     "another name of letters, digits and '_'"));
  }
  for (const std::string& level : levels) {
    if (tixml::ToXmlName(level) != level) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the level ", Quote(level), " of ", Quote(path), " can't be the name of an element"));
    }
  }
  if (levels.size() >= static_cast<size_t>(tixml::kMaxDepth)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path has more than ", tixml::kMaxDepth, " levels"));
  }
  return levels;
}

void Merge(const std::vector<std::string>& path, std::vector<Node> children, Node& database) {
  Node* node = &database;
  for (size_t level = 1; level < path.size(); ++level) {
    Node* next = nullptr;
    for (Node& child : node->children) {
      if (next == nullptr && SameName(child.name, path[level], IgnoresCase(path, level))) {
        next = &child;
      }
    }
    if (next == nullptr) {
      Node made;
      made.name = path[level];
      next = &node->Add(std::move(made));
    }
    node = next;
  }

  const bool ignore_case = IgnoresCase(path, path.size());
  const auto key = [&](const Node& child) {
    return ignore_case ? absl::AsciiStrToLower(child.name) : child.name;
  };
  absl::flat_hash_map<std::string, std::vector<Node>> given;
  std::vector<std::string> order;
  for (Node& child : children) {
    std::vector<Node>& same = given[key(child)];
    if (same.empty()) order.push_back(key(child));
    same.push_back(std::move(child));
  }
  std::vector<Node> merged;
  absl::flat_hash_set<std::string> placed;
  const auto place = [&](const std::string& name) {
    if (!placed.insert(name).second) return;
    for (Node& child : given[name]) merged.push_back(std::move(child));
  };
  for (Node& child : node->children) {
    const std::string name = key(child);
    if (given.contains(name)) {
      place(name);
    } else {
      merged.push_back(std::move(child));
    }
  }
  for (const std::string& name : order) place(name);
  node->children = std::move(merged);
}

std::vector<const Node*> FindNodes(const std::vector<std::string>& path, const Node& database) {
  std::vector<const Node*> nodes = {&database};
  for (size_t level = 1; level < path.size(); ++level) {
    const bool ignore_case = IgnoresCase(path, level);
    std::vector<const Node*> next;
    for (const Node& child : nodes[0]->children) {
      if (SameName(child.name, path[level], ignore_case)) next.push_back(&child);
    }
    nodes = std::move(next);
    if (nodes.empty()) break;
  }
  return nodes;
}

void MaskSecrets(Node& database) { Mask(database, 0, database.name); }

void RestoreSecrets(const Node* before, Node& after, Problems& problems) {
  Restore(before, after, 0, after.name, {absl::StrCat("/", after.name), 0}, problems);
}

void CheckStorable(const Node& database, Problems& problems) {
  const Place place = {absl::StrCat("/", database.name), 0};
  const int nodes = CheckNames(database, 1, place, problems);
  if (nodes > tixml::kMaxNodes) {
    problems.Error(place, absl::StrCat("the database would have ", nodes, " elements"),
                   absl::StrCat("use at most ", tixml::kMaxNodes));
  }
}

void ClearLines(Node& node) {
  node.line = 0;
  for (Node& child : node.children) ClearLines(child);
}

bool IsConnectorName(absl::string_view name) {
  return name == "CloudConn" || name == "CloudConn2" || name == "CloudConn3";
}

}  // namespace fieldgate::config_store
