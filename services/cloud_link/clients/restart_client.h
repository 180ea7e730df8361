#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace fieldgate::cloud_link {

// Tells the services at `sockets` to restart, and then this process. One that
// does not answer is logged. Blocks for at most some seconds.
void RestartServices(const std::vector<std::string>& sockets, absl::string_view origin);

}  // namespace fieldgate::cloud_link
