#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/cloud_link/mqtt/mqtt_client.h"

namespace fieldgate::cloud_link {

struct RouteResolverOptions {
  // Bound of one name; then it counts as not resolved.
  absl::Duration within = absl::Seconds(10);
  // "192.0.2.53:53,[2001:db8::53]:53"; empty: those of /etc/resolv.conf.
  std::string servers = {};
  // Asked a few times a second: false ends the waiting.
  std::function<bool()> wanted = [] { return true; };
};

// Where `host` is to be reached through the route's interface, and nowhere
// else: numeric addresses of the families that the interface has, IPv4 first,
// at least one. Names are looked up in /etc/hosts and asked of name servers
// through this interface. Blocks, at most for `within`; thread-safe.
//
// kUnavailable: the interface does not exist, is down, has no address, or may
// not be used by this process; or the name could not be resolved. The message
// says which, and is for people.
absl::StatusOr<std::vector<std::string>> ResolveThrough(const MqttRoute& route,
                                                        const std::string& host,
                                                        const RouteResolverOptions& options = {});

// "wwan0 (MODEM)"
std::string ToText(const MqttRoute& route);

// "interface wwan0 (MODEM) does not exist", or "... is down", if it is so.
absl::Status CheckInterface(const MqttRoute& route);

}  // namespace fieldgate::cloud_link
