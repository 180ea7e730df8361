#include "services/process_data/sample.h"

#include <variant>

namespace fieldgate::process_data {

Value ToValue(ValueKind kind, uint64_t bits, const std::string& text) {
  switch (kind) {
    case ValueKind::kNone:
      return std::monostate();
    case ValueKind::kFloat:
      return std::bit_cast<double>(bits);
    case ValueKind::kInt:
      return static_cast<int64_t>(bits);
    case ValueKind::kUint:
      return bits;
    case ValueKind::kBool:
      return bits != 0;
    case ValueKind::kText:
      return text;
  }
  return std::monostate();
}

Sample FromValue(const Value& value, std::string& text) {
  if (const auto* d = std::get_if<double>(&value)) return Sample::Float(*d);
  if (const auto* i = std::get_if<int64_t>(&value)) return Sample::Int(*i);
  if (const auto* u = std::get_if<uint64_t>(&value)) return Sample::Uint(*u);
  if (const auto* b = std::get_if<bool>(&value)) return Sample::Bool(*b);
  if (const auto* s = std::get_if<std::string>(&value)) {
    text = *s;
    return Sample::Text();
  }
  return Sample();
}

Value ExactValue(const std::string& text) {
  Value value = InferValue(text);
  if (ToText(value) != text) value = text;
  return value;
}

}  // namespace fieldgate::process_data
