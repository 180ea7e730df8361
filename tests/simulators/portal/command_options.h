#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/simulators/portal/messages.h"
#include "tests/simulators/portal/portal.h"

namespace fieldgate::portal {

// What the options for commands give as text.
struct CommandTexts {
  std::string cmd = {}, config = {}, state = {}, serial_number = {}, format = {};
};

// Commands to be sent once, to the first gateway that sends data.
struct CommandPlan {
  std::vector<Command> commands;
  tixml::Format format = tixml::Format::kTiXml;
};

// kInvalidArgument: says which option is wrong and what would be right.
absl::StatusOr<CommandPlan> MakeCommandPlan(const CommandTexts& texts);

// The gateway to send them to; empty: none sends data yet.
std::string FirstGateway(const PortalStats& stats);

// Why the commands of the plan did not all succeed, a line each.
std::vector<std::string> WhyNotExecuted(const CommandPlan& plan, const PortalStats& stats);

}  // namespace fieldgate::portal
