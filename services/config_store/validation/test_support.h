#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/tixml/node.h"
#include "services/config_store/validation/problems.h"

namespace fieldgate::config_store {

// The database NAME with these elements, lines counted from 1.
tixml::Node Database(const std::string& name, absl::string_view elements);

// All problems as lines: "error 2 /ISP/CloudConn/QoS: '7' is out of range; write
// a number from 0 to 2".
std::vector<std::string> Lines(const Problems& problems);

}  // namespace fieldgate::config_store
