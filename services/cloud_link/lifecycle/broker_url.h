#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace fieldgate::cloud_link {

// The broker that data_broker_details.url names (manual 2.1.2), as
// "scheme://host:port". Scheme and port that are missing are those of
// `base_url`.
//
// kInvalidArgument: not of the form [tcp://|ssl://]host[:port], or `base_url`
//   isn't when it is needed.
// kPermissionDenied: it would leave TLS (ssl to tcp), or `allow` is not empty
//   and the host is neither one of its entries nor below one ("juconn.io"
//   allows "broker.juconn.io", not "notjuconn.io").
absl::StatusOr<std::string> ResolveDataBroker(absl::string_view url, absl::string_view base_url,
                                              const std::vector<std::string>& allow);

}  // namespace fieldgate::cloud_link
