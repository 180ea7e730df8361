#include "services/cloud_link/command/interpreter.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/cli/options.h"
#include "common/tixml/codec.h"
#include "common/tixml/error.h"
#include "services/cloud_link/command/execution.h"
#include "services/cloud_link/payload/guess_format.h"

namespace fieldgate::cloud_link {
namespace {

using tixml::Node;

constexpr CommandKind kCommands[] = {
    {"Get", ExecuteGet, true},
    {"Set", ExecuteSet, false},
    {"SetConfig", ExecuteSetConfig, false},
    {"GetConfig", ExecuteGetConfig, true},
    {"CloudSendRealtimeData", ExecuteSendRealtimeData, false},
    {"CloudSendLogData", ExecuteSendLogData, false},
    {"RecordLog", ExecuteRecordLog, false},
    {"ReadLog", ExecuteReadLog, true},
    {"Reset", ExecuteReset, false},
};

// An answer is a message on a metered line: what a person still reads. The
// problems of the result are complete.
constexpr size_t kMaxCauses = 100;

absl::string_view BaseName(absl::string_view path) {
  return path.substr(path.find_last_of('/') + 1);  // npos + 1 is 0
}

Node ErrorAnswer(const Failure& failure, absl::string_view class_name, tixml::Verbosity verbosity) {
  tixml::Error error = {
      .number = failure.number,
      .detail = failure.lines.front(),
      .class_name = class_name,
      .line = static_cast<int>(failure.where.line()),
      .module = BaseName(failure.where.file_name()),
  };
  Node answer = ErrorNode(error, verbosity);
  if (verbosity == tixml::Verbosity::kNumber) return answer;
  const size_t shown = std::min(failure.lines.size(), kMaxCauses);
  const std::string rest = absl::StrCat("and ", failure.lines.size() - shown, " more");
  for (size_t i = 1; i <= shown; ++i) {
    if (i == failure.lines.size()) break;
    error.detail = i < shown ? failure.lines[i] : rest;
    Node one = ErrorNode(error, verbosity);
    answer.Add(std::move(*one.Child("ErrorCause")));
  }
  return answer;
}

std::string UnknownCommand(absl::string_view name) {
  std::vector<std::string> lower;
  for (const CommandKind& known : kCommands) lower.push_back(absl::AsciiStrToLower(known.name));
  const std::string nearest = cli::Nearest(absl::AsciiStrToLower(name), lower);
  for (const CommandKind& known : kCommands) {
    if (!nearest.empty() && absl::EqualsIgnoreCase(known.name, nearest)) {
      return absl::StrCat("there is no command ", name, "; did you mean ", known.name, "?");
    }
  }
  const auto append_name = [](std::string* out, const CommandKind& kind) {
    absl::StrAppend(out, kind.name);
  };
  return absl::StrCat("there is no command ", name, "; there are ",
                      absl::StrJoin(kCommands, ", ", append_name));
}

const CommandKind* FindCommand(absl::string_view name) {
  const auto* kind = std::find_if(std::begin(kCommands), std::end(kCommands),
                                  [&](const CommandKind& known) { return known.name == name; });
  return kind == std::end(kCommands) ? nullptr : kind;
}

// `last_set_config`: the program's mode is restored after it.
void Do(Execution& execution, const Node& command, bool last_set_config) {
  Failure failure;
  Node answer;
  if (const CommandKind* kind = FindCommand(command.name)) {
    kind->execute(execution, command, answer, failure);
    if (last_set_config) RestoreProgram(execution, command, failure);
  } else {
    Fail(command, failure, tixml::kInvalidCommand, UnknownCommand(command.name));
  }
  if (!failure.none()) {
    const std::string* ver = command.Find("ver");
    answer = Node();
    answer.Add(
        ErrorAnswer(failure, command.name, tixml::ParseVerbosity(ver == nullptr ? "" : *ver)));
    Interpreter::Result& result = execution.result;
    result.failed = true;
    std::move(failure.lines.begin(), failure.lines.end(), std::back_inserter(result.problems));
  }
  answer.name = command.name;
  execution.result.answers.push_back(std::move(answer));
}

Interpreter::TextResult NotExecuted(tixml::Format format, int number, std::string why) {
  Failure failure;
  failure.Add(number, why);
  // Its `ver` is unknown; whoever sent this can use the text.
  return {.text = WriteFramed(format, {ErrorAnswer(failure, "Parser", tixml::Verbosity::kShort)}),
          .failed = true,
          .problems = {std::move(why)},
          .warnings = {}};
}

}  // namespace

absl::Span<const CommandKind> CommandKinds() { return kCommands; }

void Failure::Add(int error_number, std::string line, std::source_location here) {
  if (none()) {
    number = error_number;
    where = here;
  }
  lines.push_back(std::move(line));
}

std::string AtLine(int line, absl::string_view text) {
  return line > 0 ? absl::StrCat("line ", line, ": ", text) : std::string(text);
}

void Fail(const Node& command, Failure& failure, int number, absl::string_view text,
          std::source_location here) {
  failure.Add(number, AtLine(command.line, text), here);
}

absl::string_view Trimmed(absl::string_view path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  return path;
}

bool Interpreter::ReadsOnly(const std::vector<Node>& commands) {
  return std::all_of(commands.begin(), commands.end(), [](const Node& command) {
    const CommandKind* kind = FindCommand(command.name);
    return kind == nullptr || kind->reads_only;
  });
}

Interpreter::Result Interpreter::Execute(const std::vector<Node>& commands, const Origin& origin) {
  const auto is_set_config = [](const Node& command) { return command.name == "SetConfig"; };
  const auto last = std::find_if(commands.rbegin(), commands.rend(), is_set_config);
  Execution execution{ports_, origin};
  for (const Node& command : commands) {
    Do(execution, command, last != commands.rend() && &command == &*last);
  }
  return std::move(execution.result);
}

Interpreter::TextResult Interpreter::ExecuteText(absl::string_view text, const Origin& origin) {
  const absl::StatusOr<tixml::Document> document = tixml::Parse(text);
  if (!document.ok()) {
    return NotExecuted(
        GuessFormat(text),
        absl::IsResourceExhausted(document.status()) ? tixml::kTooLarge : tixml::kInvalidSyntax,
        std::string(document.status().message()));
  }
  if (document->nodes.empty()) {
    return NotExecuted(document->format, tixml::kInvalidCommand,
                       "there is no command; write [<Get _=\"/Process/\"/>]");
  }
  Result result = Execute(document->nodes, origin);
  return {.text = WriteFramed(document->format, result.answers),
          .failed = result.failed,
          .problems = std::move(result.problems),
          .warnings = std::move(result.warnings)};
}

}  // namespace fieldgate::cloud_link
