#include "services/cloud_link/realtime/hysteresis.h"

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

bool DiffersBy(Integer a, Integer b, double hysteresis) {
  if (a == b) return false;
  uint64_t difference;
  if (a.negative == b.negative) {
    difference = std::max(a.magnitude, b.magnitude) - std::min(a.magnitude, b.magnitude);
  } else if (__builtin_add_overflow(a.magnitude, b.magnitude, &difference)) {
    return hysteresis < kTwoTo64;
  }
  const double least = std::ceil(hysteresis);
  return least < kTwoTo64 && difference >= static_cast<uint64_t>(least);
}

bool DiffersBy(double a, double b, double hysteresis) {
  if (a == b) return false;
  if (!std::isfinite(a) || !std::isfinite(b)) return !(std::isnan(a) && std::isnan(b));
  const double largest = std::max({std::fabs(a), std::fabs(b), hysteresis});
  return std::fabs(a - b) >= hysteresis - kTolerance * largest;
}

bool DiffersBy(double d, const Value& value, double hysteresis) {
  if (const auto* other = std::get_if<double>(&value)) return DiffersBy(d, *other, hysteresis);
  const std::optional<Integer> integer = ToInteger(value);
  if (!integer) return true;  // another kind
  // Not rounded: 2^53 + 1 is not 2^53.
  if (const std::optional<Integer> whole = ToInteger(d)) {
    return DiffersBy(*whole, *integer, hysteresis);
  }
  if (hysteresis == 0) return true;
  const auto magnitude = static_cast<double>(integer->magnitude);
  return DiffersBy(d, integer->negative ? -magnitude : magnitude, hysteresis);
}

bool DiffersBy(const Value& a, const Value& b, double hysteresis) {
  if (const auto* d = std::get_if<double>(&a)) return DiffersBy(*d, b, hysteresis);
  if (const auto* d = std::get_if<double>(&b)) return DiffersBy(*d, a, hysteresis);
  if (const std::optional<Integer> i = ToInteger(a)) {
    const std::optional<Integer> j = ToInteger(b);
    return !j || DiffersBy(*i, *j, hysteresis);
  }
  return a != b;
}

}  // namespace

Hysteresis::Hysteresis(const ChannelPlan& plan, const ChannelPlan::Section& section)
    : first_(section.first),
      hysteresis_(plan.hysteresis.begin() + section.first,
                  plan.hysteresis.begin() + section.first + section.count),
      partner_(plan.partner.begin() + section.first,
               plan.partner.begin() + section.first + section.count),
      last_(section.count) {}

bool Hysteresis::Changed(const Sample& sample, uint32_t channel) const {
  const Last& last = last_[channel - first_];
  if (!last.sent) {
    const bool never_sampled =
        std::holds_alternative<std::monostate>(sample.value) && sample.sampled_at_us == 0;
    return !started_ || !never_sampled;
  }
  return sample.state != last.state ||
         DiffersBy(sample.value, last.value, hysteresis_[channel - first_]);
}

std::vector<uint32_t> Hysteresis::Select(absl::Span<const Sample> samples) const {
  return Select(samples, first_, static_cast<uint32_t>(last_.size()));
}

std::vector<uint32_t> Hysteresis::Select(absl::Span<const Sample> samples, uint32_t first,
                                         uint32_t count) const {
  std::vector<uint32_t> selected;
  const uint32_t end = first_ + static_cast<uint32_t>(last_.size());
  uint32_t channel = std::max(first, first_);
  const uint32_t stop = std::min(end, first + count);
  if (channel >= stop) return selected;
  // Partners are neighbours; a range may begin between them.
  channel = std::min(channel, partner_[channel - first_]);
  while (channel < stop) {
    const uint32_t partner = partner_[channel - first_];
    if (partner == channel) {
      if (Changed(samples[channel], channel)) selected.push_back(channel);
      ++channel;
      continue;
    }
    if (Changed(samples[channel], channel) || Changed(samples[partner], partner)) {
      selected.push_back(channel);
      selected.push_back(partner);
    }
    channel += 2;
  }
  return selected;
}

void Hysteresis::Sent(absl::Span<const uint32_t> channels, absl::Span<const Sample> samples) {
  for (const uint32_t channel : channels) {
    Last& last = last_[channel - first_];
    last.value = samples[channel].value;
    last.state = samples[channel].state;
    last.sent = true;
  }
  started_ = started_ || !channels.empty();
}

}  // namespace fieldgate::cloud_link
