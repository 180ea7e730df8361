#include <cstdio>

#include "absl/strings/str_cat.h"
#include "services/fieldgate/config/config_client.h"
#include "services/fieldgate/config/subcommands.h"
#include "services/fieldgate/terminal_text.h"
#include "services/fieldgate/usage.h"

namespace fieldgate::commands {
namespace {

using config_store::v1::Problem;

constexpr char kDetails[] =
    R"(All databases become what they were in that revision, secrets included, as one
new revision: with another rollback you are back where you were. It is checked
like a SetConfig, by the rules of the program that runs; a problem changes
nothing. It takes effect at once; what did not change goes on undisturbed.

Examples:
  fieldgate config diff --state-dir=/tmp/gw 5
  fieldgate config rollback --state-dir=/tmp/gw 5

Exit status: 0 done; 1 the revision is not kept or not valid any more, or no
gateway runs on DIR; 2 misuse.)";

void Print(const Problem& problem) {
  const bool warning = problem.severity() == Problem::WARNING;
  std::fputs(absl::StrCat(warning ? "warning: " : "", Printable(problem.path()),
                          problem.path().empty() ? "" : ": ", Printable(problem.message()),
                          problem.remedy().empty() ? "" : "; ", Printable(problem.remedy()), "\n")
                 .c_str(),
             stderr);
}

}  // namespace

int ConfigRollback(int argc, char** argv) {
  service::StateDir dir;
  std::vector<std::string> rest;
  const cli::Command command = {
      .name = "fieldgate config rollback",
      .summary = "Puts the whole configuration back to what it was in a revision.",
      .usage = "--state-dir=DIR REVISION",
      .options = {StateDirOption(&dir.path)},
      .positional = &rest,
      .details = kDetails,
  };
  if (const auto status = ParseOrExit(command, argc, argv)) return *status;
  if (dir.path.empty()) return Misuse(command, "--state-dir=DIR is missing");
  const std::optional<int64_t> revision =
      rest.size() == 1 ? ParseRevision(rest.front()) : std::nullopt;
  if (!revision.has_value()) {
    return Misuse(command, "give one REVISION; fieldgate config revisions lists them");
  }

  const auto response = ConfigClient(dir).Rollback(*revision);
  if (!response.ok()) return Fail(command, response.status().message());
  for (const Problem& problem : response->problems()) Print(problem);
  if (!response->applied()) {
    return Fail(command, absl::StrCat("revision ", *revision, " is not valid any more; revision ",
                                      response->revision(), " stays in force"));
  }
  std::fputs(absl::StrCat("revision ", response->revision(), " is in force, as revision ",
                          *revision, " was\n")
                 .c_str(),
             stdout);
  return kDone;
}

}  // namespace fieldgate::commands
