#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/cloud_link/loop.h"
#include "services/cloud_link/mqtt/mqtt_client.h"

namespace fieldgate::bench {

// What the gateway is configured to be, so that no rollout is needed.
inline constexpr char kCustomer[] = "bench";
inline constexpr char kGateway[] = "gw";

// The cloud's side, as cheap as can be: answers gatewayInit, and notes how long
// after the device's clock was read each data message arrived. Thread-safe.
class Portal : public cloud_link::MqttListener {
 public:
  // kUnavailable: the broker isn't there.
  static absl::StatusOr<std::unique_ptr<Portal>> Start(const std::string& broker_url);
  ~Portal() override;

  // Data messages that arrived since the start.
  int64_t messages() const { return messages_; }
  // From the device's clock to the arrival here, in milliseconds; of the
  // messages since the last call.
  std::vector<double> TakeLatencies();

  void OnConnected(bool session_present) override;
  void OnDisconnected(const absl::Status& why) override;
  void OnSubscribed(cloud_link::MqttToken token, const absl::Status& status) override;
  void OnPublished(cloud_link::MqttToken, const absl::Status&) override {}
  void OnMessage(cloud_link::MqttMessage message) override;

 private:
  Portal();

  std::atomic<bool> subscribed_ = false;
  std::atomic<int64_t> messages_ = 0;
  std::mutex mutex_;
  std::vector<double> latencies_ms_;
  std::unique_ptr<cloud_link::MqttClient> client_;  // the loop's
  cloud_link::MqttToken last_token_ = 0;            // the loop's
  cloud_link::Loop loop_{RealThreads()};
  std::thread thread_;
};

// The value of the first element `name` in a TiXML body; empty if there is none.
absl::string_view ElementValue(absl::string_view body, absl::string_view name);

}  // namespace fieldgate::bench
