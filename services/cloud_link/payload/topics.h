#pragma once

#include <string>

#include "absl/strings/string_view.h"

// Table 1-1. Ids are checked before a topic is built (IsValidId): one bad topic
// makes Paho reconnect for ever.
namespace fieldgate::cloud_link {

// [A-Za-z0-9_.:-]{1,64}
bool IsValidId(absl::string_view id);

std::string RolloutTopic();  // fp/gatewayRollout
// fp/gatewayRolloutResult/$serial_number; empty if that is no valid id.
std::string RolloutResultTopic(absl::string_view serial_number);

struct GatewayTopics {
  std::string init, init_result, data, config, config_result, cmd, cmd_result, state, state_result;
};
// All empty if one of the ids is not valid: no client accepts an empty topic.
GatewayTopics TopicsOf(absl::string_view customer_id, absl::string_view gateway_id);

}  // namespace fieldgate::cloud_link
