#pragma once

#include <optional>

#include "common/time/clock.h"
#include "proto/config_store.pb.h"
#include "services/cloud_link/signal_led/led.h"
#include "services/cloud_link/signal_led/signal.h"

namespace fieldgate::cloud_link {

// The device's signal LED, of one or two (manual 7.5). Thread-compatible;
// belongs to the loop.
class SignalLed {
 public:
  // Which LEDs there are. What is no longer one goes off.
  void Configure(const config_store::v1::SignalLed& leds, MonotonicTime now);

  // Shows `signal`, and does what is due; call it again by the time returned.
  MonotonicTime Settle(Signal signal, MonotonicTime now);

  void TurnOff(MonotonicTime now) { Settle(Signal::kOff, now); }

 private:
  std::optional<Led> red_;
  std::optional<Led> green_;
};

}  // namespace fieldgate::cloud_link
