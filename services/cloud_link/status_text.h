#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "proto/cloud_link.pb.h"
#include "services/cloud_link/lifecycle/lifecycle.h"

// How the state of a connector is shown.
namespace fieldgate::cloud_link {

v1::LifecycleState StateToProto(LifecycleState state);
// "WAIT_INIT_RESULT"
std::string StateName(LifecycleState state);
// Section 7.5: "ssl://host:8883" is "mqtt+ssl:host:8883".
std::string ConnectionType(absl::string_view url);

}  // namespace fieldgate::cloud_link
