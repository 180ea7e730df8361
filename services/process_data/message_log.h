#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"

namespace grpc {
class Channel;
}

namespace fieldgate::process_data {

// An entry in the SupportLog. Blocks for at most half a second.
absl::Status AppendSupportLog(const std::shared_ptr<grpc::Channel>& channel,
                              const std::string& message);

// Asks config_store on `channel` how many entries a log of messages
// ("SupportLog", "Event") ever had; nothing while config_store is away. Blocks
// for at most half a second. Thread-safe.
std::function<std::optional<int64_t>(const std::string& log)> MessageLogCounter(
    std::shared_ptr<grpc::Channel> channel);

}  // namespace fieldgate::process_data
