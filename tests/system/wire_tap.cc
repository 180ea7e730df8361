#include "tests/system/wire_tap.h"

#include <gtest/gtest.h>
#include <mqtt/async_client.h>

#include <chrono>
#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

constexpr std::chrono::seconds kCallTimeout(20);
constexpr std::chrono::milliseconds kWakeEvery(20);
constexpr char kWake[] = "wake-paho";
constexpr int kMaxUnderWay = 10'000;  // of one PublishAll

}  // namespace

class WireTap::Impl {
 public:
  explicit Impl(const Options& options) : client_(options.url, options.client_id, kMaxUnderWay) {
    client_.set_message_callback([this](mqtt::const_message_ptr message) {
      if (message->get_topic() == kWake) return;
      const std::lock_guard lock(mutex_);
      messages_[message->get_topic()].push_back({message->to_string(), message->get_qos()});
    });
  }

  ~Impl() {
    try {
      if (client_.is_connected()) client_.disconnect(0)->wait_for(kCallTimeout);
    } catch (const mqtt::exception&) {
      // The connection was going down by itself.
    }
  }

  absl::Status Connect(const Options& options, portal::PortalSimulator* neighbour) {
    try {
      auto builder =
          mqtt::connect_options_builder().clean_session(true).connect_timeout(kCallTimeout);
      if (!options.username.empty()) {
        builder.user_name(options.username).password(options.password);
      }
      if (!Await(client_.connect(builder.finalize()), neighbour) ||
          !Await(client_.subscribe("#", 2), neighbour)) {
        return absl::UnavailableError("the broker doesn't answer the tap");
      }
      return absl::OkStatus();
    } catch (const mqtt::exception& e) {
      return absl::UnavailableError(e.what());
    }
  }

  // By topic.
  template <typename Reader>
  auto Read(Reader reader) const {
    const std::lock_guard lock(mutex_);
    return reader(messages_);
  }

  absl::Status Publish(const std::string& topic, const std::vector<std::string>& bodies,
                       bool retained) {
    try {
      std::vector<mqtt::delivery_token_ptr> tokens;
      for (const std::string& body : bodies) {
        tokens.push_back(client_.publish(topic, body.data(), body.size(), 1, retained));
      }
      for (const mqtt::delivery_token_ptr& token : tokens) {
        if (token->wait_for(kCallTimeout)) continue;
        return absl::UnavailableError(absl::StrCat("no PUBACK for ", topic));
      }
      return absl::OkStatus();
    } catch (const mqtt::exception& e) {
      return absl::UnavailableError(absl::StrCat("publish to ", topic, ": ", e.what()));
    }
  }

 private:
  static bool Await(const mqtt::token_ptr& token, portal::PortalSimulator* neighbour) {
    if (neighbour == nullptr) return token->wait_for(kCallTimeout);
    const auto deadline = std::chrono::steady_clock::now() + kCallTimeout;
    while (!token->wait_for(kWakeEvery)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      neighbour->Publish(kWake, "").IgnoreError();
    }
    return true;
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Message>> messages_;
  mqtt::async_client client_;
};

absl::StatusOr<std::unique_ptr<WireTap>> WireTap::Start(const Options& options,
                                                        portal::PortalSimulator* neighbour) {
  auto impl = std::make_unique<Impl>(options);
  if (absl::Status s = impl->Connect(options, neighbour); !s.ok()) return s;
  return std::unique_ptr<WireTap>(new WireTap(std::move(impl)));
}

WireTap::WireTap(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WireTap::~WireTap() = default;

std::vector<WireTap::Message> WireTap::On(const std::string& topic) const {
  return impl_->Read([&](const auto& messages) {
    const auto found = messages.find(topic);
    return found == messages.end() ? std::vector<Message>() : found->second;
  });
}

size_t WireTap::Count(const std::string& topic) const {
  return impl_->Read([&](const auto& messages) {
    const auto found = messages.find(topic);
    return found == messages.end() ? size_t{0} : found->second.size();
  });
}

std::set<std::string> WireTap::Topics() const {
  return impl_->Read([](const auto& messages) {
    std::set<std::string> topics;
    for (const auto& entry : messages) topics.insert(entry.first);
    return topics;
  });
}

WireTap::Message WireTap::Await(const std::string& topic, size_t index) const {
  if (Eventually(kPatience, [&] { return Count(topic) > index; })) return On(topic)[index];
  ADD_FAILURE() << "message " << index << " on " << topic << " never came";
  return {};
}

absl::Status WireTap::Publish(const std::string& topic, const std::string& body, bool retained) {
  return impl_->Publish(topic, {body}, retained);
}

absl::Status WireTap::PublishAll(const std::string& topic, const std::vector<std::string>& bodies) {
  return impl_->Publish(topic, bodies, false);
}

}  // namespace fieldgate::system_test
