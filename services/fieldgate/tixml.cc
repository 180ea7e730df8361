#include "services/fieldgate/tixml.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "services/fieldgate/command_client.h"
#include "services/fieldgate/problem_lines.h"
#include "services/fieldgate/text_file.h"
#include "services/fieldgate/usage.h"

namespace fieldgate::commands {
namespace {

constexpr char kDetails[] =
    R"(The answer goes to stdout in the format of the commands; every problem and
warning goes to stderr, one a line, whatever the ver of a command.

Examples:
  fieldgate tixml --state-dir=/tmp/gw '[<Get _="/Process/PV/Level"/>]'
  fieldgate tixml --state-dir=/tmp/gw '[<Set _="/Process/PV/Level" value="7"/>]'
  fieldgate tixml --state-dir=/tmp/gw '{"Get": {"-_": "/Process/"}}'
  fieldgate tixml --state-dir=/tmp/gw --file=gateway.tixml
  echo '[<GetConfig _="ISP"/>]' | fieldgate tixml --state-dir=/tmp/gw -

Exit status: 0 all commands succeeded; 1 one failed, or no gateway runs on DIR;
2 misuse.)";

void PrintLine(std::FILE* file, const std::string& line) {
  std::fputs(absl::StrCat(line, "\n").c_str(), file);
}

}  // namespace

int Tixml(int argc, char** argv) {
  service::StateDir dir;
  std::string file;
  std::vector<std::string> rest;
  const cli::Command command = {
      .name = "fieldgate tixml",
      .summary =
          "Executes TiXML commands (Get, Set, SetConfig, GetConfig; as TiXML, XML or JSON)\n"
          "on the running gateway and prints the answers.",
      .usage = "--state-dir=DIR 'COMMAND' | - | --file=FILE",
      .options = {StateDirOption(&dir.path),
                  {.name = "file",
                   .placeholder = "FILE",
                   .help = "Takes the commands from FILE; problems are shown as FILE:LINE.",
                   .text = &file}},
      .positional = &rest,
      .details = kDetails,
  };
  if (const auto status = ParseOrExit(command, argc, argv)) return *status;
  if (dir.path.empty()) return Misuse(command, "--state-dir=DIR is missing");
  if (rest.size() + (file.empty() ? 0 : 1) != 1) {
    return Misuse(command, "give one COMMAND (in quotes), or - for stdin, or --file=FILE");
  }
  const bool is_text = !rest.empty() && rest[0] != "-";
  if (!is_text && !rest.empty()) file = rest[0];

  absl::StatusOr<std::string> text = is_text ? rest[0] : ReadCommands(file);
  if (!text.ok()) return Fail(command, text.status().message());
  CommandClient client(dir);
  const auto response = client.Execute(*text, "command line");
  if (!response.ok()) return Fail(command, response.status().message());

  PrintLine(stdout, response->text());
  const std::string source = is_text ? "COMMAND" : file == "-" ? "stdin" : file;
  for (const std::string& warning : response->warnings()) {
    PrintLine(stderr, WarningAtSource(source, warning));
  }
  for (const std::string& problem : response->problems()) {
    PrintLine(stderr, AtSource(source, problem));
  }
  return response->failed() ? kFailed : kDone;
}

}  // namespace fieldgate::commands
