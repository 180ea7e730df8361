#include "services/cloud_link/events/condition.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "services/cloud_link/realtime/difference.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::EventState;

constexpr uint8_t kInvalid = 0;  // sensor_state

// A bool is 0 or 1.
Value AsNumber(const Value& value) {
  if (const auto* b = std::get_if<bool>(&value)) return int64_t{*b};
  return value;
}

}  // namespace

Condition::Condition(const EventState& state)
    : kind_(state.condition()),
      text_(state.value()),
      value_(AsNumber(InferValue(state.value()))),
      number_(ParseNumber(state.value()).value_or(0)),
      hysteresis_(state.hysteresis()) {}

bool Condition::lasts() const {
  return kind_ != EventState::RISING && kind_ != EventState::FALLING && !is_change();
}

bool Condition::Compare(double value, bool held) const {
  const double back = held ? hysteresis_ : 0;
  // As with differences (realtime/difference.h): 0.3 - 0.1 is 0.2.
  const double tolerance = back > 0 ? 4 * std::numeric_limits<double>::epsilon() *
                                          std::max({std::fabs(value), std::fabs(number_), back})
                                    : 0;
  switch (kind_) {
    case EventState::ABOVE:
      return value > number_ - back + tolerance;
    case EventState::AT_LEAST:
      return value >= number_ - back - tolerance;
    case EventState::BELOW:
      return value < number_ + back - tolerance;
    default:  // AT_MOST
      return value <= number_ + back + tolerance;
  }
}

std::optional<bool> Condition::Holds(const Sample& sample, bool held,
                                     const Baseline& baseline) const {
  if (kind_ == EventState::INVALID) return sample.state == kInvalid;
  if (kind_ == EventState::VALID) return sample.state != kInvalid;
  if (is_change()) {
    return sample.state != baseline.state || DiffersBy(sample.value, baseline.value, number_);
  }
  if (sample.state == kInvalid || std::holds_alternative<std::monostate>(sample.value)) {
    return std::nullopt;
  }
  if (kind_ == EventState::EQUAL || kind_ == EventState::NOT_EQUAL) {
    const auto* text = std::get_if<std::string>(&sample.value);
    const bool equal =
        text != nullptr ? *text == text_ : !DiffersBy(AsNumber(sample.value), value_, 0);
    return equal == (kind_ == EventState::EQUAL);
  }
  // Of integers beyond 2^53 the last digits don't count.
  const std::optional<double> number = ToNumber(sample.value);
  if (!number.has_value() || std::isnan(*number)) return std::nullopt;
  if (kind_ == EventState::RISING) return *number != 0;
  if (kind_ == EventState::FALLING) return *number == 0;
  return Compare(*number, held);
}

}  // namespace fieldgate::cloud_link
