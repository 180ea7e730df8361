#include "services/cloud_link/mqtt/endpoint.h"

#include <netdb.h>
#include <sys/socket.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace fieldgate::cloud_link {

absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view url) {
  const absl::Status bad = absl::InvalidArgumentError(
      absl::StrCat("broker URL '", url, "' is not tcp://HOST:PORT or ssl://HOST:PORT"));
  Endpoint endpoint;
  absl::string_view rest = url;
  if (absl::ConsumePrefix(&rest, "ssl://")) {
    endpoint.tls = true;
  } else if (!absl::ConsumePrefix(&rest, "tcp://")) {
    return bad;
  }
  const size_t colon = rest.rfind(':');
  if (colon == absl::string_view::npos) return bad;
  absl::string_view host = rest.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[") && !absl::ConsumeSuffix(&host, "]")) return bad;
  int port = 0;
  if (host.empty() || host[0] == '%' || !absl::SimpleAtoi(rest.substr(colon + 1), &port) ||
      port < 1 || port > 65535 || host.find_first_of("/?#@ ") != absl::string_view::npos) {
    return bad;
  }
  endpoint.host = std::string(host);
  endpoint.port = absl::StrCat(port);
  return endpoint;
}

absl::Status Resolve(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("can't resolve ", endpoint.host, ": ", gai_strerror(error)));
  }
  freeaddrinfo(found);
  return absl::OkStatus();
}

}  // namespace fieldgate::cloud_link
