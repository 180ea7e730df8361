#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tixml/node.h"
#include "services/config_store/validation/problems.h"

// What SetConfig and GetConfig do to a database's tree.
namespace fieldgate::config_store {

// "ISP/CloudConn" -> {"ISP", "CloudConn"}.
// kInvalidArgument: no database's name, or a level that no element can have.
absl::StatusOr<std::vector<std::string>> ParseDatabasePath(absl::string_view path);

// Replaces, in the node that `path` (from the second level on) leads to from
// `database`, the children named like `children` by these: all of a name by
// all given of that name, in place of the first. Nodes of the path that are
// missing are made. Names inside a CloudConn and in ISP/ISP are matched without
// regard to case, as they are read.
void Merge(const std::vector<std::string>& path, std::vector<tixml::Node> children,
           tixml::Node& database);

// The nodes of that path: several if the last level is repeated, none if there
// is none. The path's first level is the database itself.
std::vector<const tixml::Node*> FindNodes(const std::vector<std::string>& path,
                                          const tixml::Node& database);

// What a masked secret looks like.
inline constexpr absl::string_view kMask = "***";

// Replaces each secret by kMask: attributes such as Plain, password and PIN in
// every database, and elements such as ISP/CloudConn/password, also in the
// commands of an EventHandler.
void MaskSecrets(tixml::Node& database);

// Puts the secrets of `before` where `after` has kMask in the same place; it is
// an error when there is none.
void RestoreSecrets(const tixml::Node* before, tixml::Node& after, Problems& problems);

// Errors about names and sizes with which the database could not be stored and
// read back the same.
void CheckStorable(const tixml::Node& database, Problems& problems);

// Forgets the lines of the text that the tree came from.
void ClearLines(tixml::Node& node);

// One of CloudConn, CloudConn2, CloudConn3.
bool IsConnectorName(absl::string_view name);

}  // namespace fieldgate::config_store
