#include "common/tixml/commands.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/cli/options.h"

namespace fieldgate::tixml {

bool IsCommand(absl::string_view name) {
  return std::find(std::begin(kCommands), std::end(kCommands), name) != std::end(kCommands);
}

std::string CommandRemedy(absl::string_view name) {
  std::vector<std::string> lower;
  for (const absl::string_view known : kCommands) lower.push_back(absl::AsciiStrToLower(known));
  const std::string nearest = cli::Nearest(absl::AsciiStrToLower(name), lower);
  for (const absl::string_view known : kCommands) {
    if (!nearest.empty() && absl::EqualsIgnoreCase(known, nearest)) {
      return absl::StrCat("did you mean ", known, "?");
    }
  }
  return absl::StrCat("there are ", absl::StrJoin(kCommands, ", "));
}

}  // namespace fieldgate::tixml
