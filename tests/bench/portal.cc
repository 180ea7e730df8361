#include "tests/bench/portal.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/testing/process.h"
#include "services/cloud_link/mqtt/paho_mqtt_client.h"
#include "services/cloud_link/payload/topics.h"

namespace fieldgate::bench {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

const cloud_link::GatewayTopics& Topics() {
  static const auto& topics =
      *new cloud_link::GatewayTopics(cloud_link::TopicsOf(kCustomer, kGateway));
  return topics;
}

}  // namespace

absl::string_view ElementValue(absl::string_view body, absl::string_view name) {
  const std::string start = absl::StrCat("<", name, " _=\"");
  const size_t found = body.find(start);
  if (found == absl::string_view::npos) return "";
  const absl::string_view rest = body.substr(found + start.size());
  return rest.substr(0, rest.find('"'));
}

Portal::Portal() : client_(cloud_link::MakePahoMqttClient(*this)) {
  thread_ = std::thread([this] { loop_.Run([] { return MonotonicTime::Never(); }); });
}

absl::StatusOr<std::unique_ptr<Portal>> Portal::Start(const std::string& broker_url) {
  std::unique_ptr<Portal> portal(new Portal());
  portal->loop_.Post([&portal = *portal, broker_url] {
    cloud_link::MqttOptions options;
    options.url = broker_url;
    options.client_id = "bench-portal";
    if (absl::Status s = portal.client_->Connect(options); !s.ok()) portal.OnDisconnected(s);
  });
  if (!Eventually(kPatience, [&] { return portal->subscribed_.load(); })) {
    return absl::UnavailableError("the portal can't subscribe");
  }
  return portal;
}

Portal::~Portal() {
  loop_.Post([this] { client_->Disconnect(); });
  loop_.Post([this] { loop_.Stop(); });
  thread_.join();
}

void Portal::OnConnected(bool) {
  loop_.Post([this] {
    // An error means that OnDisconnected follows, and Start gives up.
    client_->Subscribe(++last_token_, {Topics().init, Topics().data}, cloud_link::Qos::kAtLeastOnce)
        .IgnoreError();
  });
}

void Portal::OnDisconnected(const absl::Status&) { subscribed_ = false; }

void Portal::OnSubscribed(cloud_link::MqttToken, const absl::Status& status) {
  subscribed_ = status.ok();
}

void Portal::OnMessage(cloud_link::MqttMessage message) {
  const int64_t now_us = absl::GetCurrentTimeNanos() / 1000;
  if (message.topic == Topics().data) {
    int64_t clock_us = 0;
    if (absl::SimpleAtoi(ElementValue(message.payload, "Clock"), &clock_us) && clock_us > 0) {
      const std::lock_guard lock(mutex_);
      latencies_ms_.push_back(static_cast<double>(now_us - clock_us) / 1000);
    }
    ++messages_;
    return;
  }
  const std::string answer = absl::StrCat(
      "{\n<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<error_code _=\"0\"/>\n<response_id _=\"",
      ElementValue(message.payload, "request_id"), "\"/>\n<portal_version _=\"bench\"/>\n}");
  loop_.Post([this, answer] {
    // Lost with the connection: the gateway asks again.
    client_->Publish(++last_token_, Topics().init_result, answer, cloud_link::Qos::kAtLeastOnce)
        .IgnoreError();
  });
}

std::vector<double> Portal::TakeLatencies() {
  const std::lock_guard lock(mutex_);
  return std::exchange(latencies_ms_, {});
}

}  // namespace fieldgate::bench
