#include "services/cloud_link/lifecycle/broker_url.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace fieldgate::cloud_link {
namespace {

constexpr size_t kMaxHost = 253;  // of a DNS name

// Missing parts are empty.
struct Url {
  std::string scheme, host, port;
};

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
}

// "fe80::1", with an optional zone: "fe80::1%eth0".
bool IsIpv6(absl::string_view text) {
  const absl::string_view address = text.substr(0, text.find('%'));
  const absl::string_view zone = text.substr(address.size());
  return text.size() <= kMaxHost && absl::StrContains(address, ':') &&
         std::all_of(address.begin(), address.end(),
                     [](char c) {
                       return absl::ascii_isxdigit(static_cast<unsigned char>(c)) || c == ':' ||
                              c == '.';
                     }) &&
         std::all_of(zone.begin(), zone.end(),
                     [](char c) { return IsNameCharacter(c) || c == '%'; });
}

bool IsHost(absl::string_view host) {
  if (absl::ConsumePrefix(&host, "[")) return absl::ConsumeSuffix(&host, "]") && IsIpv6(host);
  return !host.empty() && host.size() <= kMaxHost && host.front() != '.' && host.front() != '-' &&
         std::all_of(host.begin(), host.end(), IsNameCharacter);
}

absl::StatusOr<Url> Split(absl::string_view text) {
  const auto error = [text](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("broker URL '", text.substr(0, 300), "': ", why));
  };
  Url url;
  absl::string_view rest = text;
  if (const size_t end = rest.find("://"); end != absl::string_view::npos) {
    url.scheme = absl::AsciiStrToLower(rest.substr(0, end));
    if (url.scheme != "tcp" && url.scheme != "ssl") return error("scheme is not tcp or ssl");
    rest.remove_prefix(end + 3);
  }
  absl::ConsumeSuffix(&rest, "/");
  const size_t host_end = rest.empty() || rest[0] != '[' ? 0 : rest.find(']');
  if (const size_t colon = rest.find(':', std::min(host_end, rest.size()));
      colon != absl::string_view::npos) {
    const absl::string_view port = rest.substr(colon + 1);
    uint32_t number = 0;
    if (port.empty() || port.size() > 5 ||
        !std::all_of(port.begin(), port.end(),
                     [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }) ||
        !absl::SimpleAtoi(port, &number) || number < 1 || number > 65535) {
      return error("port is not 1 to 65535");
    }
    url.port = absl::StrCat(number);
    rest = rest.substr(0, colon);
  }
  if (!IsHost(rest)) return error("no valid host name");
  const size_t zone = std::min(rest.find('%'), rest.size());  // names of interfaces keep their case
  url.host = absl::StrCat(absl::AsciiStrToLower(rest.substr(0, zone)), rest.substr(zone));
  return url;
}

bool IsBelow(absl::string_view host, absl::string_view suffix) {
  const std::string lower = absl::AsciiStrToLower(absl::StripPrefix(suffix, "."));
  return !lower.empty() && (host == lower || absl::EndsWith(host, "." + lower));
}

}  // namespace

absl::StatusOr<std::string> ResolveDataBroker(absl::string_view url, absl::string_view base_url,
                                              const std::vector<std::string>& allow) {
  absl::StatusOr<Url> broker = Split(url);
  if (!broker.ok()) return broker.status();
  absl::StatusOr<Url> base = Split(base_url);
  if (!base.ok()) return base.status();
  if (base->scheme.empty()) base->scheme = "tcp";
  if (base->port.empty()) base->port = base->scheme == "ssl" ? "8883" : "1883";  // 7.4
  if (broker->scheme.empty()) broker->scheme = base->scheme;
  if (broker->port.empty()) broker->port = base->port;
  if (base->scheme == "ssl" && broker->scheme == "tcp") {
    return absl::PermissionDeniedError(
        absl::StrCat("broker URL '", url, "': would leave TLS, which ", base_url, " has"));
  }
  if (!allow.empty() && std::none_of(allow.begin(), allow.end(), [&](const std::string& suffix) {
        return IsBelow(broker->host, suffix);
      })) {
    return absl::PermissionDeniedError(
        absl::StrCat("broker URL '", url, "': BrokerRedirectAllow doesn't list it"));
  }
  return absl::StrCat(broker->scheme, "://", broker->host, ":", broker->port);
}

}  // namespace fieldgate::cloud_link
