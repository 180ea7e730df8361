#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "services/cloud_link/mqtt/mqtt_client.h"

namespace fieldgate::cloud_link {

// Lets events through to the listener while the connection they belong to is
// the current one, and none after. Once Close has returned, no event is under
// way either. Thread-safe.
//
// Paho calls back with its own locks held: nobody may call Paho while calling
// in here.
class EventGate {
 public:
  explicit EventGate(MqttListener& listener) : listener_(listener) {}

  // A new connection is current; returns its number.
  uint64_t Open() {
    const std::lock_guard lock(mutex_);
    connected_ = false;
    return current_ = ++last_;
  }
  void Close() {
    const std::lock_guard lock(mutex_);
    current_ = 0;
    connected_ = false;
  }

  bool IsCurrent(uint64_t connection) {
    const std::lock_guard lock(mutex_);
    return current_ == connection;
  }
  // A connection is current and has been reported to be up.
  bool connected() {
    const std::lock_guard lock(mutex_);
    return connected_;
  }

  void Connected(uint64_t connection, bool session_present) {
    const std::lock_guard lock(mutex_);
    if (current_ != connection) return;
    connected_ = true;
    listener_.OnConnected(session_present);
  }
  // The connection's last event.
  void Disconnected(uint64_t connection, const absl::Status& why) {
    const std::lock_guard lock(mutex_);
    if (current_ != connection) return;
    current_ = 0;
    connected_ = false;
    listener_.OnDisconnected(why);
  }
  void Subscribed(uint64_t connection, MqttToken token, const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    if (current_ == connection) listener_.OnSubscribed(token, status);
  }
  void Published(uint64_t connection, MqttToken token, const absl::Status& status) {
    const std::lock_guard lock(mutex_);
    if (current_ == connection) listener_.OnPublished(token, status);
  }
  void Message(uint64_t connection, MqttMessage message) {
    const std::lock_guard lock(mutex_);
    if (current_ == connection) listener_.OnMessage(std::move(message));
  }

 private:
  std::mutex mutex_;
  MqttListener& listener_;
  uint64_t last_ = 0;
  uint64_t current_ = 0;  // 0: none
  bool connected_ = false;
};

}  // namespace fieldgate::cloud_link
