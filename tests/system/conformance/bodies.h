#pragma once

#include <gmock/gmock.h>

#include <optional>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"

// Bodies of the feedback channel as the manual writes them (3, 4, 5), made
// without any code of the product.
namespace fieldgate::system_test {

// CloudConnDataFormat (7).
enum class Wire { kTiXml, kXml, kJson };
inline constexpr Wire kWires[] = {Wire::kTiXml, Wire::kXml, Wire::kJson};
std::string Name(Wire wire);  // "TiXML"
inline void PrintTo(Wire wire, std::ostream* out) { *out << Name(wire); }

// Commands, or their answers, in both notations.
struct Statement {
  std::string xml;
  std::string json;
};

// `kind` is the last level of the topic: cmd, config, state.
struct RequestFields {
  std::string kind;
  std::optional<std::string> request_id;
  std::optional<std::string> serial_number;
  // cmd: commands; `json` is the value of "cmd". config: as cmd; without
  // `json` it is sent as the text of "config_xml". state: `xml` is the path.
  Statement content;
};
std::string RequestBody(Wire wire, const RequestFields& request);

// config in JSON has the answers as TiXML in a text, so `json` counts for cmd
// and state only.
std::string ResultBody(Wire wire, const std::string& kind, int error_code,
                       const std::string& response_id, const Statement& content);

// Without white space that means nothing: between elements, between members.
std::string Canonical(Wire wire, absl::string_view body);

// Whether `text` is `pattern`, where {any} is any text without a quote and not
// across elements, and {more} any text at all.
bool MatchesPattern(absl::string_view text, absl::string_view pattern);

// A body that is `expected`, up to white space and patterns.
MATCHER_P2(IsBody, wire, expected, "is " + Canonical(wire, expected)) {
  *result_listener << "which is " << Canonical(wire, arg);
  return MatchesPattern(Canonical(wire, arg), Canonical(wire, expected));
}

}  // namespace fieldgate::system_test
