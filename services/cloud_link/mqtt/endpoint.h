#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fieldgate::cloud_link {

struct Endpoint {
  bool tls = false;
  std::string host;  // IPv6 without brackets
  std::string port;
};

// "tcp://host:1883", "ssl://[::1]:8883"
// kInvalidArgument: it is not of this form.
absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view url);

// Whether the system finds the host. Blocks on name servers.
// kUnavailable: it doesn't.
absl::Status Resolve(const Endpoint& endpoint);

}  // namespace fieldgate::cloud_link
