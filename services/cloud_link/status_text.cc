#include "services/cloud_link/status_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace fieldgate::cloud_link {

v1::LifecycleState StateToProto(LifecycleState state) {
  switch (state) {
    case LifecycleState::kDisabled:
      return v1::DISABLED;
    case LifecycleState::kConnecting:
      return v1::CONNECTING;
    case LifecycleState::kRollout:
      return v1::ROLLOUT;
    case LifecycleState::kWaitRolloutResult:
      return v1::WAIT_ROLLOUT_RESULT;
    case LifecycleState::kInit:
      return v1::INIT;
    case LifecycleState::kWaitInitResult:
      return v1::WAIT_INIT_RESULT;
    case LifecycleState::kRunning:
      return v1::RUNNING;
    case LifecycleState::kBackoff:
      return v1::BACKOFF;
  }
  return v1::LIFECYCLE_STATE_UNSPECIFIED;
}

std::string StateName(LifecycleState state) { return v1::LifecycleState_Name(StateToProto(state)); }

// "tcp://host:1883" -> "mqtt:host:1883" (section 7.5)
std::string ConnectionType(absl::string_view url) {
  if (absl::ConsumePrefix(&url, "ssl://")) return absl::StrCat("mqtt+ssl:", url);
  absl::ConsumePrefix(&url, "tcp://");
  return absl::StrCat("mqtt:", url);
}

std::string RouteText(const config_store::v1::Connector& connector) {
  if (connector.interface().empty()) return connector.route();
  return absl::StrCat(connector.route(), " (", connector.interface(), ")");
}

}  // namespace fieldgate::cloud_link
