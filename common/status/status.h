#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace fieldgate {

// Returns `status` with "context: " before its message; OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

}  // namespace fieldgate
