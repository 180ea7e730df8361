#pragma once

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tixml/codec.h"
#include "proto/config_store.pb.h"
#include "services/cloud_link/lifecycle/lifecycle.h"

// Bodies of the lifecycle's messages (manual 2.1, 2.2).
namespace fieldgate::cloud_link {

tixml::Format FormatOf(const config_store::v1::Connector& connector);

// 2.1.1
std::string RolloutBody(const config_store::v1::Device& device,
                        const config_store::v1::Connector& connector, absl::string_view request_id);

// 2.2.1: each data point of all sections once, by controller, in order.
std::string GatewayInitBody(const config_store::v1::Connector& connector,
                            absl::string_view request_id);

struct RolloutMessage {
  RolloutResult result;
  // SetConfig commands of gateway_configuration, in order.
  std::vector<tixml::Node> configuration;
};

// 2.1.2 and 2.2.2, in any format.
// kInvalidArgument: unreadable, or a field is missing; says which.
absl::StatusOr<RolloutMessage> ParseRolloutResult(absl::string_view body);
absl::StatusOr<InitResult> ParseInitResult(absl::string_view body);

}  // namespace fieldgate::cloud_link
