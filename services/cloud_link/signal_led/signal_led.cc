#include "services/cloud_link/signal_led/signal_led.h"

#include <algorithm>
#include <string>

namespace fieldgate::cloud_link {
namespace {

void Replace(std::optional<Led>& led, const std::string& folder, MonotonicTime now) {
  if (led.has_value() && led->folder() == folder) return;
  if (led.has_value()) led->Show(Light::kOff, now);
  led.reset();
  if (!folder.empty()) led.emplace(folder);
}

}  // namespace

void SignalLed::Configure(const config_store::v1::SignalLed& leds, MonotonicTime now) {
  Replace(red_, leds.red(), now);
  Replace(green_, leds.green(), now);
}

MonotonicTime SignalLed::Settle(Signal signal, MonotonicTime now) {
  const Lights lights = LightsOf(signal, red_.has_value(), green_.has_value());
  MonotonicTime next = MonotonicTime::Never();
  const auto settle = [&](std::optional<Led>& led, Light light) {
    if (!led.has_value()) return;
    led->Show(light, now);
    led->Settle(now);
    next = std::min(next, led->NextDeadline());
  };
  settle(red_, lights.red);
  settle(green_, lights.green);
  return next;
}

}  // namespace fieldgate::cloud_link
