#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/tixml/node.h"

namespace fieldgate::config_store {

// The commands of the factory's configuration (DIR/factory.tixml); none when
// there is no such file.
// kFailedPrecondition: it can't be read or parsed; says where.
absl::StatusOr<std::vector<tixml::Node>> ReadFactoryFile(const std::string& path);

}  // namespace fieldgate::config_store
