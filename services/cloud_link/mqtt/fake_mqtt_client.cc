#include "services/cloud_link/mqtt/fake_mqtt_client.h"

#include <algorithm>
#include <utility>

#include "services/cloud_link/mqtt/topic.h"

namespace fieldgate::cloud_link {
namespace {

// As PahoMqttClient.
constexpr size_t kMaxPayload = (256 << 10) + 1;

}  // namespace

absl::Status FakeMqttClient::Connect(const MqttOptions& options) {
  Drop();
  options_ = options;
  if (options.url.rfind("tcp://", 0) != 0 && options.url.rfind("ssl://", 0) != 0) {
    return absl::InvalidArgumentError(options.url + ": neither tcp:// nor ssl://");
  }
  ++connects_;
  state_ = State::kConnecting;
  return absl::OkStatus();
}

void FakeMqttClient::Disconnect() { Drop(); }

void FakeMqttClient::Drop() {
  state_ = State::kDisconnected;
  events_.clear();
  suback_.clear();
  unacknowledged_.clear();
  if (options_.clean_session) subscriptions_.clear();
}

void FakeMqttClient::Break(absl::Status why) {
  if (state_ == State::kDisconnected) return;
  // What came before the break is still seen.
  std::deque<std::function<void()>> before = std::move(events_);
  Drop();
  events_ = std::move(before);
  events_.push_back([this, why] { listener_.OnDisconnected(why); });
}

void FakeMqttClient::Send(MqttMessage message, bool even_unsubscribed) {
  if (state_ != State::kConnected) return;
  if (!even_unsubscribed && !subscriptions_.contains(message.topic)) return;
  if (message.payload.size() > kMaxPayload) message.payload.resize(kMaxPayload);
  events_.push_back([this, message] { listener_.OnMessage(message); });
}

absl::Status FakeMqttClient::Subscribe(MqttToken token, const std::vector<std::string>& topics,
                                       Qos /*qos*/) {
  if (state_ != State::kConnected) return absl::FailedPreconditionError("not connected");
  absl::Status result;
  for (const std::string& topic : topics) {
    if (absl::Status s = CheckTopicFilter(topic); !s.ok()) return s;
    if (refuse_subscribe.contains(topic)) {
      result = absl::PermissionDeniedError(topic + ": subscription refused");
    } else {
      subscriptions_.insert(topic);
    }
  }
  suback_.push_back([this, token, result] { listener_.OnSubscribed(token, result); });
  return absl::OkStatus();
}

absl::Status FakeMqttClient::Publish(MqttToken token, absl::string_view topic, std::string payload,
                                     Qos qos) {
  if (absl::Status s = CheckTopicName(topic); !s.ok()) return s;
  if (state_ != State::kConnected) return absl::FailedPreconditionError("not connected");
  if (unacknowledged_.size() >= max_in_flight) {
    return absl::ResourceExhaustedError("too much in flight");
  }
  unacknowledged_.push_back({token, forgotten_ + published_.size(), qos});
  published_.push_back({token, {std::string(topic), std::move(payload), qos, false}, false});
  return absl::OkStatus();
}

int FakeMqttClient::Deliver() {
  int count = 0;
  while (DeliverOne()) ++count;
  return count;
}

bool FakeMqttClient::DeliverOne() {
  if (!events_.empty()) {
    const std::function<void()> event = std::move(events_.front());
    events_.pop_front();
    event();
    return true;
  }
  if (state_ == State::kConnecting && !silent) {
    if (refuse_connect.ok()) {
      state_ = State::kConnected;
      listener_.OnConnected(session_present && !options_.clean_session);
    } else {
      const absl::Status why = refuse_connect;
      Drop();
      listener_.OnDisconnected(why);
    }
    return true;
  }
  if (!suback_.empty() && !silent) {
    const std::function<void()> event = std::move(suback_.front());
    suback_.pop_front();
    event();
    return true;
  }
  // QoS 0 is done once it was handed over, whatever the broker does.
  const auto ack = std::find_if(unacknowledged_.begin(), unacknowledged_.end(), [&](const Ack& a) {
    return a.qos == Qos::kAtMostOnce || (acknowledge && !silent);
  });
  if (ack == unacknowledged_.end()) return false;
  const Ack due = *ack;
  unacknowledged_.erase(ack);
  if (due.number >= forgotten_) published_[due.number - forgotten_].acknowledged = true;
  listener_.OnPublished(due.token, absl::OkStatus());
  return true;
}

}  // namespace fieldgate::cloud_link
