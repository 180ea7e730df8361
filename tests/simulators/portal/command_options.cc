#include "tests/simulators/portal/command_options.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace fieldgate::portal {

absl::StatusOr<CommandPlan> MakeCommandPlan(const CommandTexts& texts) {
  CommandPlan plan;
  if (absl::EqualsIgnoreCase(texts.format, "JSON")) {
    plan.format = tixml::Format::kJson;
  } else if (absl::EqualsIgnoreCase(texts.format, "XML")) {
    plan.format = tixml::Format::kXml;
  } else if (!texts.format.empty() && !absl::EqualsIgnoreCase(texts.format, "TiXML")) {
    return absl::InvalidArgumentError("--command-format: write TiXML, XML or JSON");
  }
  for (const auto& [kind, option, text] : {std::tuple{CommandKind::kConfig, "config", texts.config},
                                           {CommandKind::kCmd, "cmd", texts.cmd},
                                           {CommandKind::kState, "state", texts.state}}) {
    if (text.empty()) continue;
    Command command{.kind = kind,
                    .request_id = absl::StrCat("portal-", option),
                    .serial_number = texts.serial_number};
    if (kind == CommandKind::kState) {
      if (text != "/") command.path = text;
    } else {
      absl::StatusOr<tixml::Document> document = tixml::Parse(text);
      if (!document.ok()) return Annotate(document.status(), absl::StrCat("--", option));
      command.commands = std::move(document->nodes);
    }
    plan.commands.push_back(std::move(command));
  }
  if (!plan.commands.empty() && texts.serial_number.empty()) {
    return absl::InvalidArgumentError(
        "--serial is missing: a gateway executes what names its serial number only");
  }
  return plan;
}

std::string FirstGateway(const PortalStats& stats) {
  for (const StreamStats& stream : stats.streams) {
    if (stream.messages > 0) return stream.gateway;
  }
  return "";
}

std::vector<std::string> WhyNotExecuted(const CommandPlan& plan, const PortalStats& stats) {
  std::vector<std::string> reasons;
  for (const Command& command : plan.commands) {
    const auto result =
        std::find_if(stats.results.begin(), stats.results.end(),
                     [&](const CommandResult& r) { return r.response_id == command.request_id; });
    if (result == stats.results.end()) {
      reasons.push_back(absl::StrCat("no result of ", command.request_id));
    } else if (result->error_code != 0) {
      reasons.push_back(absl::StrCat(command.request_id, ": error_code ", result->error_code));
    }
  }
  return reasons;
}

}  // namespace fieldgate::portal
