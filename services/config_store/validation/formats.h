#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// The small languages in which single values are written.
namespace fieldgate::config_store {

// [A-Za-z0-9_.:-]{1,64}: a gateway_id or customer_id, which becomes part of
// topics.
bool IsTopicId(absl::string_view text);

// [A-Za-z0-9_.:-]+: a level of a /Process path.
bool IsPathLevel(absl::string_view text);

// [A-Za-z_][A-Za-z0-9_]*: the name of a database.
bool IsDatabaseName(absl::string_view text);

// "Europe/Berlin", "Etc/GMT+1": the form of a time zone's name. Anything else may
// name a file outside of the time zones, which loading it would open.
bool IsTimeZoneName(absl::string_view text);

// "-12"; the whole text, within 64 bits.
std::optional<int64_t> ParseInteger(absl::string_view text);

// "12.5" with at most `decimals` digits after the point, in units of
// 10^-decimals; not negative, at most 15 digits.
std::optional<int64_t> ParseDecimal(absl::string_view text, int decimals);

struct HostPort {
  std::string host;  // IPv6 without its brackets
  int port = 0;
};

// "host", "host:502", "[fe80::1]:502".
// kInvalidArgument: what is wrong.
absl::StatusOr<HostPort> ParseHostPort(absl::string_view text, int default_port);

// "tcp://host" or "ssl://host:8883" -> the same with a port (1883, 8883).
// kInvalidArgument: what is wrong.
absl::StatusOr<std::string> NormalizeBrokerUrl(absl::string_view text);

// "key=value;key=value"; empty is right, too.
bool IsCustomFields(absl::string_view text);

// Cut to at most `characters` UTF-8 characters, on one line: control characters
// become spaces.
std::string OneLine(absl::string_view text, size_t characters);

}  // namespace fieldgate::config_store
