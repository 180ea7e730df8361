#include <cstdio>

#include "absl/strings/str_cat.h"
#include "common/tixml/limits.h"
#include "services/fieldgate/config/config_client.h"
#include "services/fieldgate/config/config_text.h"
#include "services/fieldgate/config/subcommands.h"
#include "services/fieldgate/usage.h"

namespace fieldgate::commands {
namespace {

constexpr char kDetails[] =
    R"(Without REVISION it is what is in force, without DATABASE all databases.
DATABASE may be a node in one, such as ISP/CloudConn. Secrets are shown as ***,
which, imported again, leaves the stored ones as they are.

Examples:
  fieldgate config show --state-dir=/tmp/gw
  fieldgate config show --state-dir=/tmp/gw 5 ISP/CloudConn
  fieldgate config show --state-dir=/tmp/gw PROCCFG > proccfg.tixml
  fieldgate import --state-dir=/tmp/gw proccfg.tixml

Exit status: 0 shown; 1 there is no such revision or database, or no gateway
runs on DIR; 2 misuse.)";

}  // namespace

int ConfigShow(int argc, char** argv) {
  service::StateDir dir;
  std::vector<std::string> rest;
  const cli::Command command = {
      .name = "fieldgate config show",
      .summary = "Prints a configuration as SetConfig commands, which import takes again.",
      .usage = "--state-dir=DIR [REVISION] [DATABASE]",
      .options = {StateDirOption(&dir.path)},
      .positional = &rest,
      .details = kDetails,
  };
  if (const auto status = ParseOrExit(command, argc, argv)) return *status;
  if (dir.path.empty()) return Misuse(command, "--state-dir=DIR is missing");
  const std::optional<int64_t> revision = rest.empty() ? std::nullopt : ParseRevision(rest.front());
  if (revision.has_value()) rest.erase(rest.begin());
  if (rest.size() > 1) {
    return Misuse(command, absl::StrCat("'", revision.has_value() ? rest[1] : rest[0], "' is ",
                                        revision.has_value() ? "one too many" : "no revision"));
  }
  const std::string database = rest.empty() ? "" : rest.front();

  const auto config = ConfigClient(dir).Get(revision.value_or(0), database);
  if (!config.ok()) return Fail(command, config.status().message());
  const auto texts = ConfigTexts(*config, database);
  if (!texts.ok()) return Fail(command, texts.status().message());
  if (texts->empty()) std::fputs("There is no configuration yet.\n", stderr);
  for (const auto& [name, text] : *texts) {
    std::fputs(text.c_str(), stdout);
    if (text.size() <= tixml::kMaxBytes) continue;
    std::fputs(absl::StrCat(command.name, ": ", name, " is larger than the ",
                            tixml::kMaxBytes / 1024, " KiB that import takes at once\n")
                   .c_str(),
               stderr);
  }
  return kDone;
}

}  // namespace fieldgate::commands
