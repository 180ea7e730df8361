#include "services/fieldgate/import.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "services/fieldgate/command_client.h"
#include "services/fieldgate/problem_lines.h"
#include "services/fieldgate/text_file.h"
#include "services/fieldgate/usage.h"

namespace fieldgate::commands {
namespace {

// Services start in a second; a device on a slow flash card takes its time.
constexpr absl::Duration kPatience = absl::Seconds(30);

constexpr char kDetails[] =
    R"(Waits up to 30 s for the gateway. Every problem and warning goes to stderr as
FILE:LINE: PATH: what is wrong; what would be right. A command with a problem
changes nothing; the files after the first one with a problem are not sent.

Example:
  fieldgate import --state-dir=/tmp/gw gateway.tixml

Exit status: 0 all commands succeeded; 1 one failed, or the gateway isn't
ready; 2 misuse.)";

// False when a command failed or could not be sent.
bool ImportFile(CommandClient& client, const std::string& file) {
  const auto print = [](const std::string& line) {
    std::fputs(absl::StrCat(line, "\n").c_str(), stderr);
  };
  const absl::StatusOr<std::string> text = ReadCommands(file);
  if (!text.ok()) {
    print(AtSource(file, text.status().message()));
    return false;
  }
  const auto response = client.Execute(*text, absl::StrCat("import ", file));
  if (!response.ok()) {
    print(AtSource(file, response.status().message()));
    return false;
  }
  for (const std::string& warning : response->warnings()) print(WarningAtSource(file, warning));
  for (const std::string& problem : response->problems()) print(AtSource(file, problem));
  return !response->failed();
}

}  // namespace

int Import(int argc, char** argv) {
  service::StateDir dir;
  std::vector<std::string> files;
  const cli::Command command = {
      .name = "fieldgate import",
      .summary = "Executes files with TiXML commands, mostly SetConfigs, on the running gateway.",
      .usage = "--state-dir=DIR FILE.tixml ...",
      .options = {StateDirOption(&dir.path)},
      .positional = &files,
      .details = kDetails,
  };
  if (const auto status = ParseOrExit(command, argc, argv)) return *status;
  if (dir.path.empty()) return Misuse(command, "--state-dir=DIR is missing");
  if (files.empty()) return Misuse(command, "FILE is missing");

  CommandClient client(dir);
  if (const absl::Status ready = client.WaitUntilReady(kPatience); !ready.ok()) {
    return Fail(command, ready.message());
  }
  for (const std::string& file : files) {
    if (!ImportFile(client, file)) return kFailed;
  }
  return kDone;
}

}  // namespace fieldgate::commands
