#include "services/cloud_link/realtime/difference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace fieldgate::cloud_link {
namespace {

constexpr double kTolerance = 4 * std::numeric_limits<double>::epsilon();
constexpr double kTwoTo63 = 9223372036854775808.0;
constexpr double kTwoTo64 = 2 * kTwoTo63;

// An integer of either type: sign and magnitude.
struct Integer {
  bool negative;
  uint64_t magnitude;
  friend bool operator==(const Integer&, const Integer&) = default;
};

std::optional<Integer> ToInteger(const Value& value) {
  if (const auto* i = std::get_if<int64_t>(&value)) {
    return *i < 0 ? Integer{true, ~static_cast<uint64_t>(*i) + 1}
                  : Integer{false, static_cast<uint64_t>(*i)};
  }
  if (const auto* u = std::get_if<uint64_t>(&value)) return Integer{false, *u};
  return std::nullopt;
}

// A double that is an integer; none for others, also those of 2^64 and more.
std::optional<Integer> ToInteger(double d) {
  if (d != std::trunc(d) || std::fabs(d) >= kTwoTo64) return std::nullopt;
  return Integer{d < 0, static_cast<uint64_t>(std::fabs(d))};
}

bool DiffersBy(Integer a, Integer b, double least) {
  if (a == b) return false;
  uint64_t difference;
  if (a.negative == b.negative) {
    difference = std::max(a.magnitude, b.magnitude) - std::min(a.magnitude, b.magnitude);
  } else if (__builtin_add_overflow(a.magnitude, b.magnitude, &difference)) {
    return least < kTwoTo64;
  }
  const double whole = std::ceil(least);
  return whole < kTwoTo64 && difference >= static_cast<uint64_t>(whole);
}

bool DiffersBy(double a, double b, double least) {
  if (a == b) return false;
  if (!std::isfinite(a) || !std::isfinite(b)) return !(std::isnan(a) && std::isnan(b));
  if (const std::optional<Integer> i = ToInteger(a)) {
    if (const std::optional<Integer> j = ToInteger(b)) return DiffersBy(*i, *j, least);
  }
  const double largest = std::max({std::fabs(a), std::fabs(b), least});
  return std::fabs(a - b) >= least - kTolerance * largest;
}

bool DiffersBy(double d, const Value& value, double least) {
  if (const auto* other = std::get_if<double>(&value)) return DiffersBy(d, *other, least);
  const std::optional<Integer> integer = ToInteger(value);
  if (!integer) return true;  // another kind
  // Not rounded: 2^53 + 1 is not 2^53.
  if (const std::optional<Integer> whole = ToInteger(d)) {
    return DiffersBy(*whole, *integer, least);
  }
  if (least == 0) return true;
  const auto magnitude = static_cast<double>(integer->magnitude);
  return DiffersBy(d, integer->negative ? -magnitude : magnitude, least);
}

}  // namespace

bool DiffersBy(const Value& a, const Value& b, double least) {
  if (const auto* d = std::get_if<double>(&a)) return DiffersBy(*d, b, least);
  if (const auto* d = std::get_if<double>(&b)) return DiffersBy(*d, a, least);
  if (const std::optional<Integer> i = ToInteger(a)) {
    const std::optional<Integer> j = ToInteger(b);
    return !j || DiffersBy(*i, *j, least);
  }
  return a != b;
}

}  // namespace fieldgate::cloud_link
