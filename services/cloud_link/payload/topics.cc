#include "services/cloud_link/payload/topics.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace fieldgate::cloud_link {

bool IsValidId(absl::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == ':' ||
           c == '-';
  });
}

std::string RolloutTopic() { return "fp/gatewayRollout"; }

std::string RolloutResultTopic(absl::string_view serial_number) {
  if (!IsValidId(serial_number)) return "";
  return absl::StrCat("fp/gatewayRolloutResult/", serial_number);
}

GatewayTopics TopicsOf(absl::string_view customer_id, absl::string_view gateway_id) {
  GatewayTopics topics;
  if (!IsValidId(customer_id) || !IsValidId(gateway_id)) return topics;
  const std::string base = absl::StrCat(customer_id, "/fp/", gateway_id, "/");
  topics.init = base + "gatewayInit";
  topics.init_result = base + "gatewayInitResult";
  topics.data = base + "data";
  topics.config = base + "config";
  topics.config_result = base + "configResult";
  topics.cmd = base + "cmd";
  topics.cmd_result = base + "cmdResult";
  topics.state = base + "state";
  topics.state_result = base + "stateResult";
  return topics;
}

}  // namespace fieldgate::cloud_link
