#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "proto/cloud_link.pb.h"
#include "proto/config_store.pb.h"
#include "services/cloud_link/lifecycle/lifecycle.h"

// How the state of a connector is shown.
namespace fieldgate::cloud_link {

v1::LifecycleState StateToProto(LifecycleState state);
// "WAIT_INIT_RESULT"
std::string StateName(LifecycleState state);
// Section 7.5: "ssl://host:8883" is "mqtt+ssl:host:8883".
std::string ConnectionType(absl::string_view url);
// Its service routing: "MODEM (wwan0)", "Ethernet" without an interface of its
// own; empty: none.
std::string RouteText(const config_store::v1::Connector& connector);

}  // namespace fieldgate::cloud_link
