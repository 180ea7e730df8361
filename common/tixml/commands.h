#pragma once

#include <string>

#include "absl/strings/string_view.h"

// What commands there are, for whoever checks them before they are executed.
// The interpreter of cloud_link executes them, and doesn't compile when its own
// list is another one.
namespace fieldgate::tixml {

inline constexpr absl::string_view kCommands[] = {
    "Get",       "Set",     "SetConfig", "GetConfig", "CloudSendRealtimeData", "CloudSendLogData",
    "RecordLog", "ReadLog", "Reset",     "DoOn",
};

// A DoOn executes the commands of a handler, DoOn among them: at most so many
// handlers in each other, and so many commands in all.
inline constexpr int kMaxDoOnDepth = 8;
inline constexpr int kMaxDoOnCommands = 1000;

// Names are case-sensitive.
bool IsCommand(absl::string_view name);

// What to write instead of a name that is no command: "did you mean Set?", or
// "there are Get, Set ..." when none is near.
std::string CommandRemedy(absl::string_view name);

}  // namespace fieldgate::tixml
