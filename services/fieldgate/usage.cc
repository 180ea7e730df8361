#include "services/fieldgate/usage.h"

#include <cstdio>

#include "absl/strings/str_cat.h"

namespace fieldgate::commands {
namespace {

void PrintError(const std::string& text) { std::fputs(text.c_str(), stderr); }

}  // namespace

std::optional<int> ParseOrExit(const cli::Command& command, int argc, char** argv) {
  const absl::Status parsed = cli::Parse(command, argc, argv);
  if (absl::IsCancelled(parsed)) {
    std::fputs(cli::Help(command).c_str(), stdout);
    return kDone;
  }
  if (!parsed.ok()) return Misuse(command, parsed.message());
  return std::nullopt;
}

int Misuse(const cli::Command& command, absl::string_view problem) {
  PrintError(absl::StrCat(command.name, ": ", problem, "\nUsage: ", command.name, " ",
                          command.usage, "\nSee ", command.name, " --help.\n"));
  return kMisuse;
}

int Fail(const cli::Command& command, absl::string_view problem) {
  PrintError(absl::StrCat(command.name, ": ", problem, "\n"));
  return kFailed;
}

cli::Option StateDirOption(std::string* value) {
  return {.name = "state-dir",
          .placeholder = "DIR",
          .help = "The gateway's state directory, as given to fieldgate run.",
          .text = value};
}

}  // namespace fieldgate::commands
