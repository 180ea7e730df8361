#include "services/cloud_link/command/interpreter.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "common/tixml/commands.h"
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
    {"DoOn", ExecuteDoOn, false},
};
// config_store checks the commands of handlers by the list of common/tixml.
static_assert(std::equal(std::begin(kCommands), std::end(kCommands), std::begin(tixml::kCommands),
                         std::end(tixml::kCommands),
                         [](const CommandKind& kind, absl::string_view name) {
                           return kind.name == name;
                         }));

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

const CommandKind* FindCommand(absl::string_view name) {
  const auto* kind = std::find_if(std::begin(kCommands), std::end(kCommands),
                                  [&](const CommandKind& known) { return known.name == name; });
  return kind == std::end(kCommands) ? nullptr : kind;
}

// `seen`: handlers looked into already, which hold none.
bool HoldsSetConfig(Execution& execution, const Node& command,
                    absl::flat_hash_set<std::string>& seen) {
  if (command.name == "SetConfig") return true;
  const std::string* handler = command.name == "DoOn" ? command.Find("_") : nullptr;
  if (handler == nullptr || !seen.insert(*handler).second) return false;
  const auto commands = execution.ports.events.Handler(*handler, 0);
  return commands.ok() &&
         std::any_of((*commands)->begin(), (*commands)->end(),
                     [&](const Node& inner) { return HoldsSetConfig(execution, inner, seen); });
}

void AddAnswer(const Node& command, Node answer, const Failure& failure,
               Interpreter::Result& result) {
  if (!failure.none()) {
    const std::string* ver = command.Find("ver");
    answer = Node();
    answer.Add(
        ErrorAnswer(failure, command.name, tixml::ParseVerbosity(ver == nullptr ? "" : *ver)));
    result.failed = true;
    result.problems.insert(result.problems.end(), failure.lines.begin(), failure.lines.end());
  }
  answer.name = command.name;
  result.answers.push_back(std::move(answer));
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

bool ReadsOnly(const std::vector<Node>& commands) {
  return std::all_of(commands.begin(), commands.end(), [](const Node& command) {
    const CommandKind* kind = FindCommand(command.name);
    return kind == nullptr || kind->reads_only;
  });
}

void ExecuteEach(Execution& execution, absl::Span<const Node> commands,
                 absl::FunctionRef<void(const Node&, Node, const Failure&)> done) {
  const bool follows_outside = execution.set_config_follows;
  absl::flat_hash_set<std::string> seen;
  const auto last = std::find_if(commands.rbegin(), commands.rend(), [&](const Node& command) {
    return HoldsSetConfig(execution, command, seen);
  });
  for (const Node& command : commands) {
    execution.set_config_follows =
        follows_outside || (last != commands.rend() && &command < &*last);
    Failure failure;
    Node answer;
    if (const CommandKind* kind = FindCommand(command.name)) {
      kind->execute(execution, command, answer, failure);
    } else {
      Fail(command, failure, tixml::kInvalidCommand,
           absl::StrCat("there is no command ", command.name, "; ",
                        tixml::CommandRemedy(command.name)));
    }
    if (!execution.set_config_follows) RestoreProgram(execution, command, failure);
    done(command, std::move(answer), failure);
  }
  execution.set_config_follows = follows_outside;
}

Interpreter::Result Interpreter::Execute(const std::vector<Node>& commands, const Origin& origin) {
  Execution execution{ports_, origin};
  ExecuteEach(execution, commands,
              [&execution](const Node& command, Node answer, const Failure& failure) {
                AddAnswer(command, std::move(answer), failure, execution.result);
              });
  return std::move(execution.result);
}

CommandText::CommandText(absl::string_view text)
    : document_(tixml::Parse(text)),
      format_(document_.ok() ? document_->format : GuessFormat(text)) {}

Interpreter::TextResult Interpreter::ExecuteText(const CommandText& text, const Origin& origin) {
  const absl::StatusOr<tixml::Document>& document = text.document();
  if (!document.ok()) {
    return NotExecuted(
        text.format(),
        absl::IsResourceExhausted(document.status()) ? tixml::kTooLarge : tixml::kInvalidSyntax,
        std::string(document.status().message()));
  }
  if (document->nodes.empty()) {
    return NotExecuted(text.format(), tixml::kInvalidCommand,
                       "there is no command; write [<Get _=\"/Process/\"/>]");
  }
  Result result = Execute(document->nodes, origin);
  return {.text = WriteFramed(text.format(), result.answers),
          .failed = result.failed,
          .problems = std::move(result.problems),
          .warnings = std::move(result.warnings)};
}

}  // namespace fieldgate::cloud_link
