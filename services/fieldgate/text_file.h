#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace fieldgate::commands {

// The text of a file with commands, or of stdin for "-".
// kNotFound, kPermissionDenied, kUnavailable: can't be read; names the file.
// kResourceExhausted: larger than a message may be (256 KiB).
absl::StatusOr<std::string> ReadCommands(const std::string& path);

}  // namespace fieldgate::commands
