#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"

namespace fieldgate {

// A value of the process image. monostate: never had one.
using Value = std::variant<std::monostate, double, int64_t, uint64_t, bool, std::string>;

// Appends `number` in the shortest form that reads back the same, without an
// exponent between 1e-6 and 1e15 (and -0 as 0). Infinities and NaN, which
// JSON can't hold, append nothing and return false.
bool AppendNumber(double number, std::string& out);

// The value as text: numbers as AppendNumber, "1"/"0" for bool (as the
// manual's bodies have switches and bits), "" for none.
std::string ToText(const Value& value);

// Parses a decimal number ("-12.5", "1e3"); the whole text must be one, and
// finite. No white space, no hexadecimal, no "inf".
std::optional<double> ParseNumber(absl::string_view text);

// What a text is by itself: "true"/"false" a bool, an integer in range an
// int64 (uint64 above its range), another decimal number a double, anything
// else (also numbers with a leading zero or '+', which are identifiers more
// often than not) a string.
Value InferValue(absl::string_view text);

// As a number: bool is 0 or 1; none for strings and no value.
std::optional<double> ToNumber(const Value& value);

}  // namespace fieldgate
