#pragma once

#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "services/cloud_link/mqtt/mqtt_client.h"

namespace fieldgate::cloud_link {

// A client with a broker built in, for tests in simulated time. It behaves like
// PahoMqttClient: events come later, in order, in Deliver; none of them comes
// after Disconnect; a lost connection voids its tokens. What the broker does is
// set by the fields below. Thread-compatible.
class FakeMqttClient : public MqttClient {
 public:
  struct Publication {
    MqttToken token = 0;
    MqttMessage message;
    bool acknowledged = false;
  };

  explicit FakeMqttClient(MqttListener& listener) : listener_(listener) {}

  // --- The broker's behaviour, changeable at any time ---
  absl::Status refuse_connect;  // not OK: why connecting fails
  bool session_present = false;
  std::set<std::string> refuse_subscribe;  // topics it refuses
  // It takes what is sent, but sends nothing itself: no CONNACK, no SUBACK, no
  // PUBACK, as a partitioned peer. What it owes comes when it speaks again.
  bool silent = false;
  // PUBACKs are held back until this is true again.
  bool acknowledge = true;
  // With so many unacknowledged, Publish fails with kResourceExhausted.
  size_t max_in_flight = 100;

  // --- What the broker does now ---
  // The connection breaks. Nothing if there is none.
  void Break(absl::Status why = absl::UnavailableError("connection lost"));
  // Delivers to the client, if it has subscribed to exactly this topic (or
  // `even_unsubscribed`).
  void Send(MqttMessage message, bool even_unsubscribed = false);

  // Hands all events that are due to the listener, in order; also those that
  // the listener's calls cause. How many there were.
  int Deliver();

  // --- What the broker has seen ---
  // All publications of all connections, oldest first.
  const std::vector<Publication>& published() const { return published_; }
  void ForgetPublished() {
    forgotten_ += published_.size();
    published_.clear();
  }
  const std::set<std::string>& subscriptions() const { return subscriptions_; }
  bool connected() const { return state_ == State::kConnected; }
  bool connecting() const { return state_ == State::kConnecting; }
  // Of the last Connect.
  const MqttOptions& options() const { return options_; }
  int connects() const { return connects_; }

  // --- MqttClient ---
  absl::Status Connect(const MqttOptions& options) override;
  void Disconnect() override;
  absl::Status Subscribe(MqttToken token, const std::vector<std::string>& topics, Qos qos) override;
  absl::Status Publish(MqttToken token, absl::string_view topic, std::string payload,
                       Qos qos) override;

 private:
  enum class State { kDisconnected, kConnecting, kConnected };
  struct Ack {
    MqttToken token;
    size_t number;  // of all publications, from 0
    Qos qos;
  };

  void Drop();
  bool DeliverOne();

  MqttListener& listener_;
  State state_ = State::kDisconnected;
  MqttOptions options_;
  int connects_ = 0;
  std::deque<std::function<void()>> events_;  // due; of this connection
  std::deque<std::function<void()>> suback_;  // held back while silent
  std::deque<Ack> unacknowledged_;
  std::set<std::string> subscriptions_;
  std::vector<Publication> published_;
  size_t forgotten_ = 0;
};

}  // namespace fieldgate::cloud_link
