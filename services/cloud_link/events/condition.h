#pragma once

#include <optional>

#include "common/value/value.h"
#include "proto/config_store.pb.h"
#include "services/cloud_link/payload/channels.h"

namespace fieldgate::cloud_link {

// The condition of an EventState (EVENTS database) over one sample. Pure.
class Condition {
 public:
  using Kind = config_store::v1::EventState::Condition;

  // What a change is seen against.
  struct Baseline {
    Value value;
    uint8_t state = 0;

    friend bool operator==(const Baseline&, const Baseline&) = default;
  };

  explicit Condition(const config_store::v1::EventState& state);

  // Whether it holds with `sample`. None: the sample says nothing about it (an
  // invalid bus value to a comparison, a text to an order), so what `held`
  // before holds on. `held` also chooses the hysteresis: a comparison that held
  // has ended once the value has gone back by it.
  //
  // Rising: the value is other than 0; falling: it is 0; the edge is when that
  // begins. Change: the value differs from the baseline by the least change or
  // more, or its state does.
  std::optional<bool> Holds(const Sample& sample, bool held, const Baseline& baseline) const;

  // It begins and ends: what comes in between does not count by itself.
  // Otherwise it is a moment (rising, falling, change).
  bool lasts() const;
  bool is_change() const { return kind_ == config_store::v1::EventState::CHANGE; }

 private:
  bool Compare(double value, bool held) const;

  Kind kind_;
  // EQUAL and NOT_EQUAL: as text, and as what the text is by itself.
  std::string text_;
  Value value_;
  // Of an order; CHANGE: the least change.
  double number_ = 0;
  double hysteresis_ = 0;
};

}  // namespace fieldgate::cloud_link
