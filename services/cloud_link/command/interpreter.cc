#include "services/cloud_link/command/interpreter.h"

#include <algorithm>
#include <optional>
#include <source_location>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/cli/options.h"
#include "common/status/status.h"
#include "common/tixml/codec.h"
#include "common/tixml/error.h"
#include "services/cloud_link/payload/guess_format.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::Problem;
using config_store::v1::SetConfigResponse;
using tixml::Node;

constexpr absl::string_view kModePath = "/Process/Program/Mode";
constexpr absl::string_view kStop = "Stop";
constexpr absl::string_view kSendData = "CloudSendRealtimeData";
constexpr absl::string_view kReset = "Reset";
constexpr absl::string_view kCommands[] = {"Get",       "Set",     "SetConfig",
                                           "GetConfig", kSendData, kReset};
constexpr absl::string_view kDefaultConnector = "CloudConn";
constexpr absl::string_view kSectionName = "Realtime";

// An answer is a message on a metered line: what a person still reads. The
// problems of the result are complete.
constexpr size_t kMaxCauses = 100;

// What went wrong with one command.
struct Failure {
  int number = 0;                  // of the first
  std::vector<std::string> lines;  // all, for people
  std::source_location where;      // of the first

  bool none() const { return lines.empty(); }
  void Add(int error_number, std::string line,
           std::source_location here = std::source_location::current()) {
    if (none()) {
      number = error_number;
      where = here;
    }
    lines.push_back(std::move(line));
  }
};

std::string AtLine(int line, absl::string_view text) {
  return line > 0 ? absl::StrCat("line ", line, ": ", text) : std::string(text);
}

std::string FormatProblem(const Problem& problem) {
  return AtLine(problem.line(),
                absl::StrCat(problem.path(), problem.path().empty() ? "" : ": ", problem.message(),
                             problem.remedy().empty() ? "" : "; ", problem.remedy()));
}

absl::string_view BaseName(absl::string_view path) {
  return path.substr(path.find_last_of('/') + 1);  // npos + 1 is 0
}

// Without the slashes around it: "Process/PV".
absl::string_view Trimmed(absl::string_view path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  return path;
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
  for (const absl::string_view known : kCommands) lower.push_back(absl::AsciiStrToLower(known));
  const std::string nearest = cli::Nearest(absl::AsciiStrToLower(name), lower);
  for (const absl::string_view known : kCommands) {
    if (!nearest.empty() && absl::EqualsIgnoreCase(known, nearest)) {
      return absl::StrCat("there is no command ", name, "; did you mean ", known, "?");
    }
  }
  return absl::StrCat("there is no command ", name, "; there are ", absl::StrJoin(kCommands, ", "));
}

// One call of Execute.
class Execution {
 public:
  Execution(ProcessPort& process, ConfigPort& config, GatewayPort& gateway,
            absl::string_view origin)
      : process_(process), config_(config), gateway_(gateway), origin_(origin) {}

  void Do(const Node& command, bool last_set_config) {
    Failure failure;
    Node answer;
    if (command.name == "Get") {
      answer = Get(command, failure);
    } else if (command.name == "Set") {
      Set(command, failure);
    } else if (command.name == "SetConfig") {
      SetConfig(command, failure);
      if (last_set_config) RestoreProgram(command, failure);
    } else if (command.name == "GetConfig") {
      answer = GetConfig(command, failure);
    } else if (command.name == kSendData) {
      SendRealtimeData(command, failure);
    } else if (command.name == kReset) {
      Reset(command, failure);
    } else {
      Fail(command, failure, tixml::kInvalidCommand, UnknownCommand(command.name));
    }
    if (!failure.none()) {
      const std::string* ver = command.Find("ver");
      answer = Node();
      answer.Add(
          ErrorAnswer(failure, command.name, tixml::ParseVerbosity(ver == nullptr ? "" : *ver)));
      result_.failed = true;
      std::move(failure.lines.begin(), failure.lines.end(), std::back_inserter(result_.problems));
    }
    answer.name = command.name;
    result_.answers.push_back(std::move(answer));
  }

  Interpreter::Result Take() { return std::move(result_); }

 private:
  static void Fail(const Node& command, Failure& failure, int number, absl::string_view text,
                   std::source_location here = std::source_location::current()) {
    failure.Add(number, AtLine(command.line, text), here);
  }

  Node Get(const Node& command, Failure& failure) {
    const std::string* attribute = command.Find("_");
    const absl::string_view path = attribute == nullptr ? "" : absl::string_view(*attribute);
    absl::StatusOr<Node> node = process_.Get(path);
    Node answer;
    if (!node.ok()) {
      Fail(command, failure, tixml::NumberFor(node.status()),
           Annotate(node.status(), absl::StrCat("Get ", path)).message());
    } else if (const std::string* value = node->Find("_");
               value != nullptr && node->children.empty()) {
      answer.Set("_", *value);
    } else {
      answer.Add(*std::move(node));
    }
    return answer;
  }

  void Set(const Node& command, Failure& failure) {
    const std::string* path = command.Find("_");
    const std::string* value = command.Find("value");
    if (path == nullptr || Trimmed(*path).empty()) {
      return Fail(command, failure, tixml::kInvalidCommand,
                  "Set has no path; write <Set _=\"/Process/PV/Level\" value=\"1\"/>");
    }
    if (value == nullptr) {
      return Fail(
          command, failure, tixml::kInvalidCommand,
          absl::StrCat("Set ", *path, " has no value; write <Set _=\"", *path, "\" value=\"1\"/>"));
    }
    const absl::Status set = process_.Set(*path, *value);
    if (!set.ok()) {
      return Fail(command, failure, tixml::NumberFor(set),
                  Annotate(set, absl::StrCat("Set ", *path)).message());
    }
    if (Trimmed(*path) == Trimmed(kModePath)) {
      // The user's word counts from here on.
      stopped_ = false;
      former_mode_.reset();
    }
  }

  void SetConfig(const Node& command, Failure& failure) {
    const std::string* database = command.Find("_");
    if (database == nullptr || Trimmed(*database).empty()) {
      return Fail(command, failure, tixml::kInvalidCommand,
                  "SetConfig names no database; write <SetConfig _=\"ISP\">...</SetConfig>");
    }
    if (!command.text.empty()) {
      return Fail(command, failure, tixml::kInvalidCommand,
                  absl::StrCat("SetConfig ", *database, " holds text outside its elements: '",
                               command.text.substr(0, 40), "'"));
    }
    if (const absl::Status stopped = StopProgram(); !stopped.ok()) {
      result_.program_not_stopped = true;
      return Fail(
          command, failure, tixml::kBusy,
          Annotate(stopped, absl::StrCat("SetConfig ", *database, " was not executed")).message());
    }
    const absl::StatusOr<SetConfigResponse> response =
        config_.SetConfig(*database, command.children, origin_);
    if (!response.ok()) {
      const int number = absl::IsInvalidArgument(response.status())
                             ? tixml::kUnknownDatabase
                             : tixml::NumberFor(response.status());
      return Fail(command, failure, number,
                  Annotate(response.status(), absl::StrCat("SetConfig ", *database)).message());
    }
    for (const Problem& problem : response->problems()) {
      if (problem.severity() == Problem::WARNING) {
        result_.warnings.push_back(FormatProblem(problem));
      } else if (!response->applied()) {
        failure.Add(tixml::kInvalidConfiguration, FormatProblem(problem));
      }
    }
    if (!response->applied() && failure.none()) {
      Fail(command, failure, tixml::kInternal,
           absl::StrCat("SetConfig ", *database, " was refused without a reason"));
    }
  }

  Node GetConfig(const Node& command, Failure& failure) {
    const std::string* attribute = command.Find("_");
    const absl::string_view database = attribute == nullptr ? "" : Trimmed(*attribute);
    absl::StatusOr<std::vector<Node>> nodes = config_.GetConfig(database);
    Node answer;
    if (!nodes.ok()) {
      const bool unknown = absl::IsNotFound(nodes.status()) && !absl::StrContains(database, '/');
      Fail(command, failure, unknown ? tixml::kUnknownDatabase : tixml::NumberFor(nodes.status()),
           Annotate(nodes.status(), absl::StrCat("GetConfig ", database)).message());
    } else {
      answer.children = *std::move(nodes);
    }
    return answer;
  }

  // "", "CloudConn2", "CloudConn,Realtime3" (7.3)
  void SendRealtimeData(const Node& command, Failure& failure) {
    const std::string* what = command.Find("_");
    absl::string_view rest = what == nullptr ? "" : absl::string_view(*what);
    const size_t comma = rest.find(',');
    absl::string_view connector = absl::StripAsciiWhitespace(rest.substr(0, comma));
    if (connector.empty()) connector = kDefaultConnector;
    std::optional<int> section;
    if (comma != absl::string_view::npos) {
      const absl::string_view name = absl::StripAsciiWhitespace(rest.substr(comma + 1));
      int number = 0;
      // Without regard to case: RealTime1 occurs, too.
      if (!absl::StartsWithIgnoreCase(name, kSectionName) ||
          !absl::SimpleAtoi(name.substr(kSectionName.size()), &number)) {
        return Fail(command, failure, tixml::kInvalidValue,
                    absl::StrCat(kSendData, ": '", name, "' is no section; write Realtime1"));
      }
      section = number;
    }
    const absl::Status sent = gateway_.SendRealtimeData(connector, section);
    if (sent.ok()) return;
    Fail(command, failure, tixml::NumberFor(sent), Annotate(sent, kSendData).message());
  }

  void Reset(const Node& command, Failure& failure) {
    const std::string* what = command.Find("_");
    if (what == nullptr || *what != "Secretfile") {
      return Fail(command, failure, tixml::kInvalidCommand,
                  "there is only <Reset _=\"Secretfile\"/>");
    }
    const absl::Status reset = gateway_.ResetSecrets();
    if (reset.ok()) return;
    Fail(command, failure, tixml::NumberFor(reset), Annotate(reset, kReset).message());
  }

  // Before a SetConfig (manual 3, 4); once for a run of them.
  absl::Status StopProgram() {
    if (stopped_) return absl::OkStatus();
    const absl::StatusOr<Node> node = process_.Get(kModePath);
    if (!node.ok()) return Annotate(node.status(), "can't read the program's mode");
    const std::string* mode = node->Find("_");
    if (mode == nullptr) return absl::InternalError("the program has no mode");
    // A stop that failed before may have come through late: the first mode read counts.
    if (!former_mode_.has_value()) former_mode_ = *mode;
    if (*mode != kStop) {
      const absl::Status stop = process_.Set(kModePath, kStop);
      if (!stop.ok()) return Annotate(stop, "the program can't be stopped");
    }
    stopped_ = true;
    return absl::OkStatus();
  }

  // After the last SetConfig, whether it or any other was executed.
  void RestoreProgram(const Node& command, Failure& failure) {
    if (!former_mode_.has_value() || *former_mode_ == kStop) return;
    const absl::Status restored = process_.Set(kModePath, *former_mode_);
    if (restored.ok()) return;
    Fail(command, failure, tixml::kUnavailable,
         absl::StrCat(failure.none() ? "the configuration is in force, but " : "",
                      "the program's mode ", *former_mode_,
                      " can't be restored: ", restored.message()));
  }

  ProcessPort& process_;
  ConfigPort& config_;
  GatewayPort& gateway_;
  const absl::string_view origin_;
  Interpreter::Result result_;
  bool stopped_ = false;
  std::optional<std::string> former_mode_;
};

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

Interpreter::Result Interpreter::Execute(const std::vector<Node>& commands,
                                         absl::string_view origin) {
  const auto is_set_config = [](const Node& command) { return command.name == "SetConfig"; };
  const auto last = std::find_if(commands.rbegin(), commands.rend(), is_set_config);
  Execution execution(process_, config_, gateway_, origin);
  for (const Node& command : commands) {
    execution.Do(command, last != commands.rend() && &command == &*last);
  }
  return execution.Take();
}

Interpreter::TextResult Interpreter::ExecuteText(absl::string_view text, absl::string_view origin) {
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
