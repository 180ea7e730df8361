#pragma once

#include <bit>
#include <cstdint>
#include <string>

#include "common/value/value.h"

namespace fieldgate::process_data {

// What the bits of a value mean. The numbers are those of the wire (proto
// ValueKind).
enum class ValueKind : uint8_t { kNone = 0, kFloat = 1, kInt = 2, kUint = 3, kBool = 4, kText = 5 };

// One reading in the image's form, which needs no allocation. The text of a
// kText stands beside it, where the samples are.
struct Sample {
  uint64_t bits = 0;
  ValueKind kind = ValueKind::kNone;
  // False: it could not be read; the point keeps what it had.
  bool valid = false;

  static Sample Float(double value) {
    return {std::bit_cast<uint64_t>(value), ValueKind::kFloat, true};
  }
  static Sample Int(int64_t value) { return {static_cast<uint64_t>(value), ValueKind::kInt, true}; }
  static Sample Uint(uint64_t value) { return {value, ValueKind::kUint, true}; }
  static Sample Bool(bool value) { return {value ? 1u : 0u, ValueKind::kBool, true}; }
  static Sample Text() { return {0, ValueKind::kText, true}; }

  friend bool operator==(const Sample&, const Sample&) = default;
};

// To and from the form that people and databases use.
Value ToValue(ValueKind kind, uint64_t bits, const std::string& text);
Sample FromValue(const Value& value, std::string& text);

// The value of a text that comes from elsewhere. "1.10" is a version as often
// as a number: only what prints the same again is one.
Value ExactValue(const std::string& text);

}  // namespace fieldgate::process_data
