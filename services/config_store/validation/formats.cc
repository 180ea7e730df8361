#include "services/config_store/validation/formats.h"

#include <algorithm>
#include <charconv>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace fieldgate::config_store {
namespace {

constexpr size_t kMaxHost = 253;  // of a DNS name
constexpr int kTcpPort = 1883;    // manual §1
constexpr int kSslPort = 8883;

bool IsIdCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == ':' ||
         c == '-';
}

bool IsHostCharacter(char c) { return IsIdCharacter(c) && c != ':'; }

// With an optional zone: "fe80::1%eth0".
bool IsIpv6(absl::string_view text) {
  const absl::string_view address = text.substr(0, text.find('%'));
  return text.size() <= kMaxHost && absl::StrContains(address, ':') &&
         std::all_of(address.begin(), address.end(),
                     [](char c) {
                       return absl::ascii_isxdigit(static_cast<unsigned char>(c)) || c == ':' ||
                              c == '.';
                     }) &&
         std::all_of(text.begin() + static_cast<ptrdiff_t>(address.size()), text.end(),
                     [](char c) { return IsHostCharacter(c) || c == '%'; });
}

absl::Status Wrong(absl::string_view what) { return absl::InvalidArgumentError(what); }

}  // namespace

bool IsTopicId(absl::string_view text) { return text.size() <= 64 && IsPathLevel(text); }

bool IsPathLevel(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsIdCharacter);
}

bool IsDatabaseName(absl::string_view text) {
  return !text.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
         });
}

bool IsTimeZoneName(absl::string_view text) {
  constexpr size_t kLongest = 64;
  return text.size() <= kLongest && !absl::StartsWith(text, "/") &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '/' || c == '_' ||
                  c == '-' || c == '+';
         });
}

std::optional<int64_t> ParseInteger(absl::string_view text) {
  int64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error != std::errc() || end != last) return std::nullopt;
  return number;
}

std::optional<int64_t> ParseDecimal(absl::string_view text, int decimals) {
  constexpr int kDigits = 15;
  int64_t number = 0;
  int digits = 0;
  int after_point = -1;  // -1: before it
  for (const char c : text) {
    if (c == '.' && after_point < 0 && digits > 0) {
      after_point = 0;
      continue;
    }
    if (c < '0' || c > '9' || ++digits > kDigits || after_point >= decimals) return std::nullopt;
    number = number * 10 + (c - '0');
    if (after_point >= 0) ++after_point;
  }
  if (digits == 0 || after_point == 0) return std::nullopt;
  for (int i = std::max(after_point, 0); i < decimals; ++i) number *= 10;
  return number;
}

absl::StatusOr<HostPort> ParseHostPort(absl::string_view text, int default_port) {
  HostPort result = {.host = {}, .port = default_port};
  absl::string_view rest;
  if (absl::StartsWith(text, "[")) {
    const size_t end = text.find(']');
    if (end == absl::string_view::npos) return Wrong("the ']' after the address is missing");
    if (!IsIpv6(text.substr(1, end - 1))) return Wrong("what stands in [] is no IPv6 address");
    result.host = std::string(text.substr(1, end - 1));
    rest = text.substr(end + 1);
  } else {
    const size_t end = std::min(text.find(':'), text.size());
    if (absl::StrContains(text.substr(std::min(end + 1, text.size())), ':')) {
      return Wrong("an IPv6 address must stand in []");
    }
    result.host = std::string(text.substr(0, end));
    if (result.host.empty()) return Wrong("the host is missing");
    if (result.host.size() > kMaxHost || result.host.front() == '.' || result.host.front() == '-' ||
        !std::all_of(result.host.begin(), result.host.end(), IsHostCharacter)) {
      return Wrong("the host is no name and no address");
    }
    rest = text.substr(end);
  }
  if (rest.empty()) return result;
  const std::optional<int64_t> port = rest[0] == ':' ? ParseInteger(rest.substr(1)) : std::nullopt;
  if (!port.has_value() || *port < 1 || *port > 65535) {
    return Wrong("the port is not a number from 1 to 65535");
  }
  result.port = static_cast<int>(*port);
  return result;
}

absl::StatusOr<std::string> NormalizeBrokerUrl(absl::string_view text) {
  const bool ssl = absl::StartsWithIgnoreCase(text, "ssl://");
  if (!ssl && !absl::StartsWithIgnoreCase(text, "tcp://")) {
    return Wrong("it does not start with tcp:// or ssl://");
  }
  const absl::StatusOr<HostPort> address = ParseHostPort(text.substr(6), ssl ? kSslPort : kTcpPort);
  if (!address.ok()) return address.status();
  const bool ipv6 = absl::StrContains(address->host, ':');
  return absl::StrCat(ssl ? "ssl://" : "tcp://", ipv6 ? "[" : "", address->host, ipv6 ? "]" : "",
                      ":", address->port);
}

bool IsCustomFields(absl::string_view text) {
  if (text.empty()) return true;
  for (const absl::string_view field : absl::StrSplit(text, ';')) {
    const size_t equals = field.find('=');
    if (equals == absl::string_view::npos || equals == 0) return false;
  }
  return true;
}

std::string OneLine(absl::string_view text, size_t characters) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool starts_character = (byte & 0xc0) != 0x80;
    if (starts_character && characters-- == 0) break;
    line.push_back(byte < 0x20 || byte == 0x7f ? ' ' : c);
  }
  return line;
}

}  // namespace fieldgate::config_store
