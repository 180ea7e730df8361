#pragma once

#include <bit>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/cloud_link/command/fake_ports.h"
#include "services/cloud_link/connector.h"
#include "services/cloud_link/log_data/log_reader.h"
#include "services/cloud_link/mqtt/fake_mqtt_client.h"
#include "services/cloud_link/outbox/fake_outbox.h"

namespace fieldgate::cloud_link {

namespace config = config_store::v1;

inline config::Connector Config() {
  config::Connector c;
  c.set_name("CloudConn");
  c.set_start(true);
  c.set_base_url("tcp://broker:1883");
  c.set_gateway_id("g");
  c.set_customer_id("c");
  c.set_qos(1);
  c.set_format(config::JSON);
  c.set_client_id("id");
  c.set_clean_session(true);
  c.set_cache(true);
  c.set_cache_max_mb(64);
  c.set_response_timeout_s(60);
  c.set_retry_max_s(900);
  c.set_broker_fallback_s(86400);
  auto& section = *c.add_sections();
  section.set_number(1);
  section.set_send_period_ms(1000);
  auto& point = *section.add_points();
  point.set_name("Level");
  point.set_path("/Process/Bus1/D/Level");
  point.set_origin(config::DataPoint::BUS);
  auto& type = *point.add_metadata();
  type.set_name("type");
  type.set_value("custom");
  return c;
}

inline config::Device Device() {
  config::Device device;
  device.set_serial_number("01234567");
  device.set_product_name("WT640");
  return device;
}

// A connector with a fake broker, disk and process around it, in simulated
// time.
class ConnectorTest : public testing::Test, public MqttListener, public Connector::Host {
 protected:
  explicit ConnectorTest() : mqtt_(*this) {}

  void Create(const config::Connector& config) {
    connector_ =
        std::make_unique<Connector>(config, Device(), outbox_, unstored_, mqtt_, *this, now());
    connector_->Start(now());
    Run();
  }

  Now now() const { return {clock_.Now(), clock_.WallNow()}; }

  // All that happens without time passing.
  void Run() {
    for (int i = 0; i < 1000; ++i) {
      connector_->Settle(now());
      if (mqtt_.Deliver() == 0 && !AnswerReads() && !AnswerLossesNoted()) return;
    }
    FAIL() << "does not come to rest";
  }
  // process_data's answers to ReadLog; false: there are none.
  bool AnswerReads() {
    if (reads_.empty() || hold_reads_) return false;
    for (const auto& [ticket, request] : std::exchange(reads_, {})) {
      connector_->OnLogRead(ticket, ReadRecords(process_, request), now());
    }
    return true;
  }
  bool AnswerLossesNoted() {
    const std::optional<absl::Status> status = std::exchange(losses_noted_, std::nullopt);
    if (status) connector_->OnLossesNoted(*status, now());
    return status.has_value();
  }
  void Advance(absl::Duration d) {
    clock_.Advance(d);
    Run();
  }
  // In steps of a second.
  void Pass(absl::Duration d) {
    for (const MonotonicTime end = clock_.Now() + d; clock_.Now() < end;) Advance(absl::Seconds(1));
  }

  void Value(double value) {
    process_data::v1::ValueBatch batch;
    auto& run = *batch.add_runs();
    run.set_count(1);
    run.set_sampled_at_us(absl::ToUnixMicros(clock_.WallNow()));
    batch.set_kinds(std::string(1, process_data::v1::FLOAT));
    batch.set_states(std::string(1, 1));
    batch.add_bits(std::bit_cast<uint64_t>(value));
    connector_->OnBatch(batch, now());
    Run();
  }

  void Answer(const std::string& topic, const std::string& body, bool retained = false) {
    mqtt_.Send({topic, body, Qos::kAtLeastOnce, retained});
    Run();
  }
  void AnswerInit() {
    Answer("c/fp/g/gatewayInitResult",
           absl::StrCat(R"({"error_code": 0, "response_id": ")", LastRequestId(),
                        R"(", "portal_version": "1.2"})"));
  }
  // request_id of the newest request of init.
  std::string LastRequestId() const {
    std::string id;
    for (const auto& p : mqtt_.published()) {
      const size_t at = p.message.payload.find("01234567_CloudConn_");
      if (absl::StrContains(p.message.topic, "gatewayInit") && at != std::string::npos) {
        id = p.message.payload.substr(at, p.message.payload.find('"', at) - at);
      }
    }
    return id;
  }
  std::vector<std::string> DataBodies() const {
    std::vector<std::string> bodies;
    for (const auto& p : mqtt_.published()) {
      if (p.message.topic == "c/fp/g/data") bodies.push_back(p.message.payload);
    }
    return bodies;
  }
  // message_ids of the data that the broker has got.
  std::vector<int64_t> MessageIds() const {
    std::vector<int64_t> ids;
    for (const std::string& body : DataBodies()) {
      const size_t at = body.find("\"message_id\":") + 13;
      ids.push_back(std::stoll(body.substr(at)));
    }
    return ids;
  }
  v1::LifecycleState state() const { return connector_->Status().state(); }

  // MqttListener
  void OnConnected(bool) override { connector_->OnConnected(now()); }
  void OnDisconnected(const absl::Status& why) override { connector_->OnDisconnected(why, now()); }
  void OnSubscribed(MqttToken token, const absl::Status& status) override {
    connector_->OnSubscribed(token, status, now());
  }
  void OnPublished(MqttToken token, const absl::Status& status) override {
    connector_->OnPublished(token, status, now());
  }
  void OnMessage(MqttMessage message) override { connector_->OnMessage(message, now()); }
  // Host
  void SaveIdentity(const Identity& identity) override { saved_.push_back(identity); }
  void ForgetIdentities() override { ++forgotten_; }
  void ExecuteConfiguration(std::vector<tixml::Node> commands) override {
    executed_ = std::move(commands);
  }
  void ReadLog(uint64_t ticket, process_data::v1::ReadLogRequest request) override {
    reads_.emplace_back(ticket, std::move(request));
  }
  void NoteForSupport(std::string entry) override { notes_.push_back(std::move(entry)); }
  void NoteLosses(std::vector<std::string> entries) override {
    if (support_log_ok_) notes_.insert(notes_.end(), entries.begin(), entries.end());
    losses_noted_ = support_log_ok_ ? absl::OkStatus() : absl::UnavailableError("away");
  }
  std::string CertificatePath(absl::string_view file) override {
    return absl::StrCat("/certs/", file);
  }

  FakeClock clock_;
  FakeOutbox outbox_;
  UnstoredData unstored_;
  FakeMqttClient mqtt_;
  std::unique_ptr<Connector> connector_;
  std::vector<Identity> saved_;
  int forgotten_ = 0;
  std::vector<tixml::Node> executed_;
  FakeProcessPort process_;
  std::vector<std::pair<uint64_t, process_data::v1::ReadLogRequest>> reads_;
  bool hold_reads_ = false;
  std::vector<std::string> notes_;
  bool support_log_ok_ = true;
  std::optional<absl::Status> losses_noted_;
};

}  // namespace fieldgate::cloud_link
