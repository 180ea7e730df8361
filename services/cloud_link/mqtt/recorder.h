#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/process.h"
#include "services/cloud_link/mqtt/mqtt_client.h"

namespace fieldgate::cloud_link {

// Ends a failing test only.
inline constexpr absl::Duration kLong = absl::Seconds(20);

// A listener that keeps what happened, as short lines: "connected", "published 3".
// Thread-safe.
class Recorder : public MqttListener {
 public:
  void OnConnected(bool session_present) override {
    Add(session_present ? "connected with session" : "connected");
  }
  void OnDisconnected(const absl::Status& why) override {
    const std::lock_guard lock(mutex_);
    why_ = why;
    events_.push_back("disconnected");
  }
  void OnSubscribed(MqttToken token, const absl::Status& status) override {
    Add(absl::StrCat(status.ok() ? "subscribed " : "not subscribed ", token));
  }
  void OnPublished(MqttToken token, const absl::Status& status) override {
    Add(absl::StrCat(status.ok() ? "published " : "not published ", token));
  }
  void OnMessage(MqttMessage message) override {
    const std::lock_guard lock(mutex_);
    messages_.push_back(std::move(message));
  }

  std::vector<std::string> events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  std::vector<MqttMessage> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  absl::Status why() {
    const std::lock_guard lock(mutex_);
    return why_;
  }

  bool Await(const std::string& event) {
    return Eventually(kLong, [&] {
      const std::lock_guard lock(mutex_);
      return std::find(events_.begin(), events_.end(), event) != events_.end();
    });
  }
  bool AwaitMessages(size_t count) {
    return Eventually(kLong, [&] {
      const std::lock_guard lock(mutex_);
      return messages_.size() >= count;
    });
  }
  void Forget() {
    const std::lock_guard lock(mutex_);
    events_.clear();
    messages_.clear();
  }

 private:
  void Add(std::string event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }

  std::mutex mutex_;
  std::vector<std::string> events_;
  std::vector<MqttMessage> messages_;
  absl::Status why_;
};

}  // namespace fieldgate::cloud_link
