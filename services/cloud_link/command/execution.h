#pragma once

#include <cstdint>
#include <optional>
#include <source_location>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "common/tixml/node.h"
#include "services/cloud_link/command/interpreter.h"
#include "services/cloud_link/command/ports.h"

// Of the interpreter and its commands alone.
namespace fieldgate::cloud_link {

inline constexpr absl::string_view kModePath = "/Process/Program/Mode";

// What went wrong with one command.
struct Failure {
  int number = 0;                  // of the first
  std::vector<std::string> lines;  // all, for people
  std::source_location where;      // of the first

  bool none() const { return lines.empty(); }
  void Add(int error_number, std::string line,
           std::source_location here = std::source_location::current());
};

// "line 12: TEXT"; the line is left out where it is unknown (0).
std::string AtLine(int line, absl::string_view text);
// Adds TEXT with the command's line.
void Fail(const tixml::Node& command, Failure& failure, int number, absl::string_view text,
          std::source_location here = std::source_location::current());
// Without the slashes around it: "Process/PV".
absl::string_view Trimmed(absl::string_view path);

// One call of Interpreter::Execute.
struct Execution {
  const CommandPorts& ports;
  const Origin& origin;
  Interpreter::Result result = {};
  // Of the program that is stopped for a SetConfig (manual 3, 4).
  bool stopped = false;
  std::optional<std::string> former_mode = std::nullopt;
  // Another SetConfig comes after the present command.
  bool set_config_follows = false;
  // That the last SetConfig made, until a DoOn has waited for it; else 0.
  int64_t revision = 0;
  // Of DoOn: handlers in each other at the moment, and commands of the
  // outermost one so far.
  int depth = 0;
  int handler_commands = 0;
  // What ReadLogs have answered, at least.
  size_t log_bytes = 0;
};

// A command: fills the content of its answer, or notes why it failed.
using CommandFunction = void(Execution& execution, const tixml::Node& command, tixml::Node& answer,
                             Failure& failure);

struct CommandKind {
  absl::string_view name;
  CommandFunction* execute;
  bool reads_only;  // it changes nothing
};
// All there are.
absl::Span<const CommandKind> CommandKinds();

CommandFunction ExecuteGet, ExecuteSet;                                // get_set.cc
CommandFunction ExecuteSetConfig, ExecuteGetConfig;                    // config_commands.cc
CommandFunction ExecuteSendRealtimeData, ExecuteReset;                 // gateway_commands.cc
CommandFunction ExecuteSendLogData, ExecuteRecordLog, ExecuteReadLog;  // log_commands.cc
CommandFunction ExecuteDoOn;                                           // do_on.cc

// A section of a connector, or all of them.
struct SectionAddress {
  std::string connector;
  std::optional<int> section;
};
// What `_` addresses (7.3): nothing is CloudConn, "CloudConn2", and with `kind`
// Realtime "CloudConn,Realtime3". None: it is wrong, which is noted.
std::optional<SectionAddress> SectionAddressOf(const tixml::Node& command, absl::string_view kind,
                                               Failure& failure);

// The program's mode needs no restoring any more.
void ForgetStop(ProgramJournal* journal);

// Executes `commands` in order, of a message or of a handler, and gives each to
// `done` with its answer and what went wrong with it. The one rule about the
// program (manual 3, 4): a SetConfig stops it; after a command that no SetConfig
// follows any more, in `commands` or outside of them, its mode is restored.
void ExecuteEach(
    Execution& execution, absl::Span<const tixml::Node> commands,
    absl::FunctionRef<void(const tixml::Node& command, tixml::Node answer, const Failure& failure)>
        done);

// Nothing, unless the program was stopped.
void RestoreProgram(Execution& execution, const tixml::Node& command, Failure& failure);

}  // namespace fieldgate::cloud_link
