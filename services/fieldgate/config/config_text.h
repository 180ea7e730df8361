#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "proto/config_store.pb.h"

namespace fieldgate::commands {

// Each database as the SetConfig that makes it, `[<SetConfig _="ISP" ver="y">
// ...]`, by name; ASCII, so that no value steers a terminal. `database` is what
// was asked for: of a node in a database ("ISP/CloudConn") it is a SetConfig of
// the element around it, with this one alone.
//
// kInvalidArgument: the answer is no configuration.
absl::StatusOr<std::map<std::string, std::string>> ConfigTexts(
    const config_store::v1::GetConfigResponse& config, absl::string_view database);

}  // namespace fieldgate::commands
