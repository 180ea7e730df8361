#include "services/fieldgate/config/config.h"

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/cli/options.h"
#include "services/fieldgate/config/subcommands.h"
#include "services/fieldgate/usage.h"

namespace fieldgate::commands {
namespace {

constexpr char kHelp[] =
    R"(Usage: fieldgate config SUBCOMMAND --state-dir=DIR ...

Looks at the configuration of a running gateway, as it is and as it was in the
last 20 revisions, and puts a former one back.

  revisions   lists the revisions that are kept
  show        prints a configuration as text that import takes again
  diff        shows what differs between two revisions
  rollback    puts all databases back to what they were in a revision

fieldgate config SUBCOMMAND --help tells more.

Example:
  fieldgate config diff --state-dir=/tmp/gw 5

Exit status: 0 done; 1 failed; 2 misuse.
)";

struct Subcommand {
  const char* name;
  int (*main)(int argc, char** argv);
};

constexpr Subcommand kSubcommands[] = {
    {"revisions", ConfigRevisions},
    {"show", ConfigShow},
    {"diff", ConfigDiff},
    {"rollback", ConfigRollback},
};

}  // namespace

int Config(int argc, char** argv) {
  const absl::string_view word = argc < 2 ? "" : argv[1];
  std::vector<std::string> known;
  for (const Subcommand& subcommand : kSubcommands) {
    if (word == subcommand.name) return subcommand.main(argc - 1, argv + 1);
    known.push_back(subcommand.name);
  }
  if (word == "--help" || word == "-h") {
    std::fputs(kHelp, stdout);
    return kDone;
  }
  if (word.empty()) {
    std::fputs(kHelp, stderr);
    return kMisuse;
  }
  const std::string nearest = cli::Nearest(word, known);
  std::fputs(absl::StrCat("fieldgate config: there is no subcommand '", argv[1], "'",
                          nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?"),
                          "\nSee fieldgate config --help.\n")
                 .c_str(),
             stderr);
  return kMisuse;
}

}  // namespace fieldgate::commands
