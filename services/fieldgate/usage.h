#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "common/cli/options.h"

namespace fieldgate::commands {

// Exit statuses of every subcommand.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kMisuse = 2;

// Parses; nothing when the command may go on, otherwise the exit status: help
// was printed to stdout, or a misuse explained on stderr.
std::optional<int> ParseOrExit(const cli::Command& command, int argc, char** argv);

// Explains a misuse on stderr. Returns kMisuse.
int Misuse(const cli::Command& command, absl::string_view problem);

// Says why `command` failed on stderr. Returns kFailed.
int Fail(const cli::Command& command, absl::string_view problem);

// The option that all subcommands have.
cli::Option StateDirOption(std::string* value);

}  // namespace fieldgate::commands
