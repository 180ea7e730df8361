#include "common/value/value.h"

#include <charconv>
#include <cmath>

namespace fieldgate {
namespace {

template <class Integer>
std::optional<Integer> ParseInteger(absl::string_view text) {
  Integer number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool HasLeadingZero(absl::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

}  // namespace

bool AppendNumber(double number, std::string& out) {
  if (!std::isfinite(number)) return false;
  if (number == 0) {
    out += '0';
    return true;
  }
  const double magnitude = std::fabs(number);
  const auto format = magnitude >= 1e-6 && magnitude < 1e15 ? std::chars_format::fixed
                                                            : std::chars_format::scientific;
  char text[64];  // fixed form below 1e15: at most 17 digits, 6 zeros, sign and point
  const auto end = std::to_chars(text, text + sizeof text, number, format).ptr;
  out.append(text, static_cast<size_t>(end - text));
  return true;
}

std::string ToText(const Value& value) {
  std::string out;
  if (const auto* d = std::get_if<double>(&value)) {
    AppendNumber(*d, out);
  } else if (const auto* i = std::get_if<int64_t>(&value)) {
    out = std::to_string(*i);
  } else if (const auto* u = std::get_if<uint64_t>(&value)) {
    out = std::to_string(*u);
  } else if (const auto* b = std::get_if<bool>(&value)) {
    out.push_back(*b ? '1' : '0');
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    out = *s;
  }
  return out;
}

std::optional<double> ParseNumber(absl::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

Value InferValue(absl::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  if (HasLeadingZero(text)) return std::string(text);
  if (const auto i = ParseInteger<int64_t>(text)) return *i;
  if (const auto u = ParseInteger<uint64_t>(text)) return *u;
  if (const auto d = ParseNumber(text)) return *d;
  return std::string(text);
}

std::optional<double> ToNumber(const Value& value) {
  if (const auto* d = std::get_if<double>(&value)) return *d;
  if (const auto* i = std::get_if<int64_t>(&value)) return static_cast<double>(*i);
  if (const auto* u = std::get_if<uint64_t>(&value)) return static_cast<double>(*u);
  if (const auto* b = std::get_if<bool>(&value)) return *b ? 1 : 0;
  return std::nullopt;
}

}  // namespace fieldgate
