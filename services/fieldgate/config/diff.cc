#include <cstdio>
#include <set>

#include "absl/strings/str_cat.h"
#include "services/fieldgate/config/config_client.h"
#include "services/fieldgate/config/config_text.h"
#include "services/fieldgate/config/subcommands.h"
#include "services/fieldgate/config/unified_diff.h"
#include "services/fieldgate/usage.h"

namespace fieldgate::commands {
namespace {

constexpr char kDetails[] =
    R"(Without the second REVISION the first one is compared with what is in force.
Each database that differs is shown as diff -u does. Secrets are compared as
***: that one of them was changed can't be seen.

Examples:
  fieldgate config diff --state-dir=/tmp/gw 5
  fieldgate config diff --state-dir=/tmp/gw 5 7

Exit status: 0 shown, also when nothing differs; 1 a revision is not kept, or no
gateway runs on DIR; 2 misuse.)";

}  // namespace

int ConfigDiff(int argc, char** argv) {
  service::StateDir dir;
  std::vector<std::string> rest;
  const cli::Command command = {
      .name = "fieldgate config diff",
      .summary = "Shows what differs between two revisions of the configuration.",
      .usage = "--state-dir=DIR REVISION [REVISION]",
      .options = {StateDirOption(&dir.path)},
      .positional = &rest,
      .details = kDetails,
  };
  if (const auto status = ParseOrExit(command, argc, argv)) return *status;
  if (dir.path.empty()) return Misuse(command, "--state-dir=DIR is missing");
  if (rest.empty() || rest.size() > 2) return Misuse(command, "give one REVISION, or two");
  int64_t revisions[2] = {0, 0};  // 0: in force
  for (size_t i = 0; i < rest.size(); ++i) {
    const std::optional<int64_t> revision = ParseRevision(rest[i]);
    if (!revision.has_value()) {
      return Misuse(command, absl::StrCat("'", rest[i],
                                          "' is no revision; fieldgate config "
                                          "revisions lists them"));
    }
    revisions[i] = *revision;
  }

  ConfigClient client(dir);
  std::map<std::string, std::string> texts[2];
  std::string names[2];
  std::set<std::string> databases;
  for (int side = 0; side < 2; ++side) {
    const auto config = client.Get(revisions[side], "");
    if (!config.ok()) return Fail(command, config.status().message());
    auto read = ConfigTexts(*config, "");
    if (!read.ok()) return Fail(command, read.status().message());
    texts[side] = *std::move(read);
    names[side] =
        absl::StrCat("revision ", config->revision(), revisions[side] == 0 ? " (in force)" : "");
    for (const auto& [name, text] : texts[side]) databases.insert(name);
  }
  for (const std::string& name : databases) {
    std::fputs(UnifiedDiff(absl::StrCat(name, ", ", names[0]), absl::StrCat(name, ", ", names[1]),
                           texts[0][name], texts[1][name])
                   .c_str(),
               stdout);
  }
  return kDone;
}

}  // namespace fieldgate::commands
