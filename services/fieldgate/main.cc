// fieldgate: all processes of the gateway and its command line in one binary
// file, so that on a small device they share its pages. A service is started
// by its name (argv[0], a symbolic link), a subcommand by the first argument.
#include "services/cloud_link/main.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/cli/options.h"
#include "common/version/version.h"
#include "services/config_store/main.h"
#include "services/fieldgate/config/config.h"
#include "services/fieldgate/import.h"
#include "services/fieldgate/losses.h"
#include "services/fieldgate/run.h"
#include "services/fieldgate/status.h"
#include "services/fieldgate/tixml.h"
#include "services/fieldgate/usage.h"
#include "services/fieldgate/watch.h"
#include "services/process_data/main.h"

namespace fieldgate::commands {
namespace {

constexpr char kHelp[] = R"(Usage: fieldgate SUBCOMMAND ...

An industrial gateway: reads field buses and puts their values on an MQTT
platform, which can configure and command it.

  run      runs the gateway in the foreground
  import   executes files with TiXML commands on the running gateway
  tixml    executes TiXML commands and prints the answers
  status   shows services, connectors and bus devices
  losses   shows what of the data for the portal was lost
  watch    shows live values
  config   shows former configurations and puts them back

  --help, --version

fieldgate SUBCOMMAND --help tells more. Started under the names config_store,
process_data or cloud_link it is that service.

Example:
  fieldgate run --state-dir=/tmp/gw --device=device.json --import=gateway.tixml
)";

struct Program {
  const char* name;
  int (*main)(int argc, char** argv);
};

constexpr Program kServices[] = {
    {"config_store", config_store::Main},
    {"process_data", process_data::Main},
    {"cloud_link", cloud_link::Main},
};

constexpr Program kSubcommands[] = {
    {"run", Run},       {"import", Import}, {"tixml", Tixml},   {"status", Status},
    {"losses", Losses}, {"watch", Watch},   {"config", Config},
};

int Dispatch(int argc, char** argv) {
  if (argc > 0) {
    const absl::string_view path = argv[0];
    const absl::string_view name = path.substr(path.find_last_of('/') + 1);  // npos + 1 is 0
    for (const Program& service : kServices) {
      if (name == service.name) return service.main(argc, argv);
    }
  }
  if (argc < 2) {
    std::fputs(kHelp, stderr);
    return kMisuse;
  }
  const absl::string_view word = argv[1];
  std::vector<std::string> known;
  for (const Program& subcommand : kSubcommands) {
    if (word == subcommand.name) return subcommand.main(argc - 1, argv + 1);
    known.push_back(subcommand.name);
  }
  if (word == "--help" || word == "-h" || word == "--version") {
    std::fputs(word == "--version" ? absl::StrCat("fieldgate ", kVersion, "\n").c_str() : kHelp,
               stdout);
    return kDone;
  }
  const std::string nearest = cli::Nearest(word, known);
  std::fputs(absl::StrCat("fieldgate: there is no subcommand '", argv[1], "'",
                          nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?"),
                          "\nSee fieldgate --help.\n")
                 .c_str(),
             stderr);
  return kMisuse;
}

}  // namespace
}  // namespace fieldgate::commands

int main(int argc, char** argv) { return fieldgate::commands::Dispatch(argc, argv); }
