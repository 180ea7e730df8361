#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/fieldgate/config/config_client.h"
#include "services/fieldgate/config/subcommands.h"
#include "services/fieldgate/terminal_text.h"
#include "services/fieldgate/usage.h"

namespace fieldgate::commands {
namespace {

constexpr char kDetails[] =
    R"(The newest comes first: the one in force. Each change of a database is a
revision, also one that was taken back or rolled back to. Time is UTC.

Example:
  fieldgate config revisions --state-dir=/tmp/gw

Exit status: 0 listed; 1 no gateway runs on DIR; 2 misuse.)";

}  // namespace

std::optional<int64_t> ParseRevision(absl::string_view word) {
  int64_t revision = 0;
  if (!absl::SimpleAtoi(word, &revision) || revision < 1) return std::nullopt;
  return revision;
}

int ConfigRevisions(int argc, char** argv) {
  service::StateDir dir;
  const cli::Command command = {
      .name = "fieldgate config revisions",
      .summary = "Lists the revisions of the configuration that are kept: the last 20.",
      .usage = "--state-dir=DIR",
      .options = {StateDirOption(&dir.path)},
      .positional = nullptr,
      .details = kDetails,
  };
  if (const auto status = ParseOrExit(command, argc, argv)) return *status;
  if (dir.path.empty()) return Misuse(command, "--state-dir=DIR is missing");

  const auto response = ConfigClient(dir).ListRevisions();
  if (!response.ok()) return Fail(command, response.status().message());
  if (response->revisions().empty()) {
    std::fputs("There is no configuration yet.\n", stderr);
    return kDone;
  }
  std::vector<std::vector<std::string>> rows = {{"Revision", "Time", "Changed", "By"}};
  for (const auto& revision : response->revisions()) {
    const absl::Time at = absl::FromUnixSeconds(revision.created_at().seconds()) +
                          absl::Nanoseconds(revision.created_at().nanos());
    rows.push_back({absl::StrCat(revision.revision()), IsoTime(at), Printable(revision.database()),
                    Printable(revision.origin())});
  }
  std::fputs(Columns(rows).c_str(), stdout);
  return kDone;
}

}  // namespace fieldgate::commands
