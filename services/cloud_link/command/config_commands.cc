#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/status.h"
#include "common/tixml/error.h"
#include "services/cloud_link/command/execution.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::Problem;
using config_store::v1::SetConfigResponse;
using tixml::Node;

constexpr absl::string_view kStop = "Stop";

std::string FormatProblem(const Problem& problem) {
  return AtLine(problem.line(),
                absl::StrCat(problem.path(), problem.path().empty() ? "" : ": ", problem.message(),
                             problem.remedy().empty() ? "" : "; ", problem.remedy()));
}

// Before a SetConfig (manual 3, 4); once for a run of them.
absl::Status StopProgram(Execution& execution) {
  if (execution.stopped) return absl::OkStatus();
  const absl::StatusOr<Node> node = execution.ports.process.Get(kModePath);
  if (!node.ok()) return Annotate(node.status(), "can't read the program's mode");
  const std::string* mode = node->Find("_");
  if (mode == nullptr) return absl::InternalError("the program has no mode");
  // A stop that failed before may have come through late: the first mode read counts,
  // and before that the one of a stop that was never undone.
  if (!execution.former_mode.has_value()) {
    execution.former_mode = *mode;
    if (ProgramJournal* journal = execution.ports.journal; journal != nullptr && *mode == kStop) {
      absl::StatusOr<std::optional<std::string>> noted = journal->Mode();
      if (!noted.ok()) return noted.status();
      if (noted->has_value()) execution.former_mode = **std::move(noted);
    }
  }
  if (*mode != kStop) {
    if (execution.ports.journal != nullptr) {
      const absl::Status noted = execution.ports.journal->Note(*execution.former_mode);
      if (!noted.ok()) return Annotate(noted, "the program is not stopped");
    }
    const absl::Status stop = execution.ports.process.Set(kModePath, kStop);
    if (!stop.ok()) return Annotate(stop, "the program can't be stopped");
  }
  execution.stopped = true;
  return absl::OkStatus();
}

}  // namespace

void ExecuteSetConfig(Execution& execution, const Node& command, Node&, Failure& failure) {
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
  if (const absl::Status stopped = StopProgram(execution); !stopped.ok()) {
    execution.result.program_not_stopped = true;
    return Fail(
        command, failure, tixml::kBusy,
        Annotate(stopped, absl::StrCat("SetConfig ", *database, " was not executed")).message());
  }
  const absl::StatusOr<SetConfigResponse> response =
      execution.ports.config.SetConfig(*database, command.children, execution.origin);
  if (!response.ok()) {
    const int number = absl::IsInvalidArgument(response.status())
                           ? tixml::kUnknownDatabase
                           : tixml::NumberFor(response.status());
    return Fail(command, failure, number,
                Annotate(response.status(), absl::StrCat("SetConfig ", *database)).message());
  }
  for (const Problem& problem : response->problems()) {
    if (problem.severity() == Problem::WARNING) {
      execution.result.warnings.push_back(FormatProblem(problem));
    } else if (!response->applied()) {
      failure.Add(tixml::kInvalidConfiguration, FormatProblem(problem));
    }
  }
  if (response->on_probation()) {
    const std::string* ver = command.Find("ver");
    execution.result.on_probation.push_back({execution.result.answers.size(), response->revision(),
                                             tixml::ParseVerbosity(ver == nullptr ? "" : *ver)});
  }
  if (response->applied()) execution.revision = response->revision();
  if (!response->applied() && failure.none()) {
    Fail(command, failure, tixml::kInternal,
         absl::StrCat("SetConfig ", *database, " was refused without a reason"));
  }
}

void ExecuteGetConfig(Execution& execution, const Node& command, Node& answer, Failure& failure) {
  const std::string* attribute = command.Find("_");
  const absl::string_view database = attribute == nullptr ? "" : Trimmed(*attribute);
  absl::StatusOr<std::vector<Node>> nodes = execution.ports.config.GetConfig(database);
  if (!nodes.ok()) {
    const bool unknown = absl::IsNotFound(nodes.status()) && !absl::StrContains(database, '/');
    Fail(command, failure, unknown ? tixml::kUnknownDatabase : tixml::NumberFor(nodes.status()),
         Annotate(nodes.status(), absl::StrCat("GetConfig ", database)).message());
  } else {
    answer.children = *std::move(nodes);
  }
}

void ForgetStop(ProgramJournal* journal) {
  if (journal == nullptr) return;
  // What stays noted is found out of date at the next look.
  if (absl::Status s = journal->Clear(); !s.ok()) {
    log::Error("the program's journal can't be written", {{"why", s.ToString()}});
  }
}

absl::Status Interpreter::RestoreProgram() {
  if (ports_.journal == nullptr || !ports_.journal->open()) return absl::OkStatus();
  const absl::StatusOr<std::optional<std::string>> noted = ports_.journal->Mode();
  if (!noted.ok()) return noted.status();
  if (!noted->has_value()) return absl::OkStatus();
  const absl::StatusOr<Node> node = ports_.process.Get(kModePath);
  if (!node.ok()) return Annotate(node.status(), "can't read the program's mode");
  const std::string* mode = node->Find("_");
  if (mode != nullptr && *mode == kStop) {
    const absl::Status restored = ports_.process.Set(kModePath, **noted);
    if (!restored.ok()) return Annotate(restored, "the program's mode can't be restored");
    log::Warning("the program had been stopped for a SetConfig; its mode is restored",
                 {{"mode", **noted}});
  }
  ForgetStop(ports_.journal);
  return absl::OkStatus();
}

void RestoreProgram(Execution& execution, const Node& command, Failure& failure) {
  if (!execution.former_mode.has_value()) return;
  const std::string mode = *std::exchange(execution.former_mode, std::nullopt);
  execution.stopped = false;
  if (mode == kStop) return;
  const absl::Status restored = execution.ports.process.Set(kModePath, mode);
  if (restored.ok()) return ForgetStop(execution.ports.journal);
  Fail(command, failure, tixml::kUnavailable,
       absl::StrCat(failure.none() ? "the configuration is in force, but " : "",
                    "the program's mode ", mode, " can't be restored: ", restored.message()));
}

}  // namespace fieldgate::cloud_link
