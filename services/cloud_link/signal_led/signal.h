#pragma once

#include <vector>

#include "services/cloud_link/lifecycle/lifecycle.h"

// What the signal LED says (manual 7.5). Pure.
namespace fieldgate::cloud_link {

enum class Signal {
  kOff,         // no MQTT connection is active
  kConnecting,  // one is being established
  kConnected,   // it is established
};

// Of all connectors. Those that are not started (CloudConnStart 0) don't count;
// of the others each must be running, as its ConnectionStateMsg "connected" has
// it: the light is green when data flow everywhere.
Signal SignalOf(const std::vector<LifecycleState>& connectors);

// How one LED is lit.
enum class Light { kOff, kOn, kFlashing };

struct Lights {
  Light red = Light::kOff;
  Light green = Light::kOff;

  friend bool operator==(const Lights&, const Lights&) = default;
};

// Of two LEDs red flashes while a connection is being established and green is
// lit when it is. One alone does both, whatever its colour.
Lights LightsOf(Signal signal, bool has_red, bool has_green);

}  // namespace fieldgate::cloud_link
