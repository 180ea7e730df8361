// JSON: Parse takes what RFC 8259 allows and an independent reading of it maps
// to the same tree; everything else is refused.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "common/value/value.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/trees.h"

namespace fieldgate::fuzz {
namespace {

namespace json = boost::json;
using tixml::Node;
using Nodes = std::vector<Node>;

bool IsMeta(absl::string_view name) { return absl::StartsWith(name, "-") || name == "#text"; }

// XML can hold it.
bool IsPlain(absl::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c >= 0 && c < 0x20 && c != '\t' && c != '\n' && c != '\r') return false;
    // U+FFFE and U+FFFF
    if (absl::StartsWith(text.substr(i), "\xEF\xBF\xBE") ||
        absl::StartsWith(text.substr(i), "\xEF\xBF\xBF")) {
      return false;
    }
  }
  return true;
}

std::string Trimmed(absl::string_view text) {
  while (!text.empty() && absl::StrContains(" \t\r\n", text.front())) text.remove_prefix(1);
  while (!text.empty() && absl::StrContains(" \t\r\n", text.back())) text.remove_suffix(1);
  return std::string(text);
}

// A scalar's text; none for objects and arrays. Numbers are compared as such.
std::optional<std::string> TextOf(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "";
    case json::kind::bool_:
      return value.get_bool() ? "true" : "false";
    case json::kind::int64:
      return std::to_string(value.get_int64());
    case json::kind::uint64:
      return std::to_string(value.get_uint64());
    case json::kind::double_: {
      // 0e60729, whose power of ten it multiplies with.
      if (std::isnan(value.get_double())) return "0";
      std::string text;
      if (!AppendNumber(value.get_double(), text)) return std::nullopt;
      return text;
    }
    case json::kind::string:
      return std::string(value.get_string());
    default:
      return std::nullopt;
  }
}

// The mapping of PROTOCOL 1 once more, from Boost.JSON's own tree. False: it
// must be refused.
bool Map(absl::string_view name, const json::value& value, Nodes& out) {
  if (!IsPlain(name)) return false;
  if (const json::array* array = value.if_array()) {
    return std::all_of(array->begin(), array->end(),
                       [&](const json::value& item) { return Map(name, item, out); });
  }
  Node node;
  node.name = std::string(name);
  if (const json::object* object = value.if_object()) {
    for (const auto& member : *object) {
      const absl::string_view key(member.key().data(), member.key().size());
      if (!IsMeta(key)) {
        if (!Map(key, member.value(), node.children)) return false;
        continue;
      }
      const std::optional<std::string> text = TextOf(member.value());
      if (!text || !IsPlain(*text) || !IsPlain(key) || key == "-") return false;
      if (key == "#text") {
        node.text = Trimmed(*text);
      } else {
        node.attributes.push_back({std::string(key.substr(1)), *text});
      }
    }
  } else if (!value.is_null()) {
    const std::optional<std::string> text = TextOf(value);
    if (!text || !IsPlain(*text)) return false;
    node.Set("_", *text);
  }
  out.push_back(std::move(node));
  return true;
}

bool MapMessage(const json::value& value, Nodes& out) {
  if (const json::array* array = value.if_array()) {
    return std::all_of(array->begin(), array->end(),
                       [&](const json::value& item) { return MapMessage(item, out); });
  }
  const json::object* object = value.if_object();
  return object != nullptr && std::all_of(object->begin(), object->end(), [&](const auto& member) {
           const absl::string_view key(member.key().data(), member.key().size());
           return !IsMeta(key) && Map(key, member.value(), out);
         });
}

// Boost.JSON rounds doubles in the last digits, and has no more than 64 bits.
bool SameText(const std::string& ours, const std::string& theirs) {
  if (ours == theirs) return true;
  const std::optional<double> a = ParseNumber(ours), b = ParseNumber(theirs);
  return a && b && std::fabs(*a - *b) <= 1e-14 * std::fabs(*a);
}

bool Same(const Nodes& ours, const Nodes& theirs) {
  return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                    [](const Node& a, const Node& b) {
                      return a.name == b.name && SameText(a.text, b.text) &&
                             std::equal(a.attributes.begin(), a.attributes.end(),
                                        b.attributes.begin(), b.attributes.end(),
                                        [](const tixml::Attribute& x, const tixml::Attribute& y) {
                                          return x.name == y.name && SameText(x.value, y.value);
                                        }) &&
                             Same(a.children, b.children);
                    });
}

size_t MembersOf(const json::value& value) {
  size_t count = 0;
  if (const json::array* array = value.if_array()) {
    for (const json::value& item : *array) count += MembersOf(item);
  } else if (const json::object* object = value.if_object()) {
    for (const auto& member : *object) count += 1 + MembersOf(member.value());
  }
  return count;
}

// Outside of strings: one a member.
size_t Colons(absl::string_view text) {
  size_t count = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && text[i] == ':') {
      ++count;
    }
  }
  return count;
}

void CheckInput(absl::string_view text) {
  const absl::StatusOr<tixml::Document> document = Bounded([&] { return tixml::Parse(text); });
  if (document.ok() && document->format != tixml::Format::kJson) return;
  if (!document.ok()) CheckRefusal(document.status());
  absl::ConsumePrefix(&text, "\xEF\xBB\xBF");
  json::parse_options options;
  options.max_depth = 1000;
  json::error_code error;
  const json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  Nodes expected;
  const bool right = !error && MapMessage(value, expected);
  if (document.ok()) {
    CheckLimits(document->nodes);
    Check(right, "accepted what is wrong");
    Check(Same(document->nodes, expected), "another tree");
  } else if (right && !absl::IsResourceExhausted(document.status())) {
    // Boost.JSON keeps the last of two members of one name.
    Check(MembersOf(value) < Colons(text) ||
              absl::StrContains(document.status().message(), "too large"),
          "refused what is right");
  }
}

}  // namespace
}  // namespace fieldgate::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fieldgate::fuzz::CheckInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
