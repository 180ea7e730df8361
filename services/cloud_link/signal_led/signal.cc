#include "services/cloud_link/signal_led/signal.h"

namespace fieldgate::cloud_link {

Signal SignalOf(const std::vector<LifecycleState>& connectors) {
  Signal signal = Signal::kOff;
  for (const LifecycleState state : connectors) {
    if (state == LifecycleState::kDisabled) continue;
    if (state != LifecycleState::kRunning) return Signal::kConnecting;
    signal = Signal::kConnected;
  }
  return signal;
}

Lights LightsOf(Signal signal, bool has_red, bool has_green) {
  Lights lights;
  if (signal == Signal::kConnecting) (has_red ? lights.red : lights.green) = Light::kFlashing;
  if (signal == Signal::kConnected) (has_green ? lights.green : lights.red) = Light::kOn;
  return lights;
}

}  // namespace fieldgate::cloud_link
