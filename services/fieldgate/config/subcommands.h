#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace fieldgate::commands {

// Those of `fieldgate config`, one file each. Each returns the exit status.
int ConfigRevisions(int argc, char** argv);
int ConfigShow(int argc, char** argv);
int ConfigDiff(int argc, char** argv);
int ConfigRollback(int argc, char** argv);

// A revision as it is written on the command line: a whole number above 0.
std::optional<int64_t> ParseRevision(absl::string_view word);

}  // namespace fieldgate::commands
