#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/log/log.h"
#include "services/cloud_link/gateway.h"
#include "services/cloud_link/log_data/log_reader.h"

namespace fieldgate::cloud_link {

// A connector with what belongs to it. Events of other threads reach it
// through the loop, and only while it lives.
class Gateway::Slot : public MqttListener,
                      public Connector::Host,
                      public std::enable_shared_from_this<Gateway::Slot> {
 public:
  Slot(Gateway& gateway, const config_store::v1::Connector& config,
       const config_store::v1::Device& device, const Storage& storage)
      : gateway_(gateway), channel_(*storage.channel), mqtt_(gateway.ports_.make_mqtt(*this)) {
    connector_ = std::make_unique<Connector>(config, device, *storage.outbox, *storage.unstored,
                                             *mqtt_, *this, gateway.now());
  }

  ~Slot() override { mqtt_->Disconnect(); }

  Connector& connector() { return *connector_; }

  v1::ConnectorStatus Status() const {
    v1::ConnectorStatus status = connector_->Status();
    status.set_inbound_ignored(status.inbound_ignored() + flooded_);
    return status;
  }

  void SubscribeValues() {
    stream_.reset();
    if (connector_->paths().empty()) return;
    const uint64_t number = ++stream_number_;
    const std::weak_ptr<Slot> weak = weak_from_this();
    Loop& loop = gateway_.loop_;
    stream_ = gateway_.ports_.subscribe(
        connector_->paths(),
        [&loop, weak, number](std::unique_ptr<process_data::v1::ValueBatch> batch) {
          loop.Post([weak, number,
                     batch = std::shared_ptr<process_data::v1::ValueBatch>(std::move(batch))] {
            const std::shared_ptr<Slot> slot = weak.lock();
            if (slot == nullptr || slot->stream_number_ != number) return;
            slot->stream_->Consumed();
            slot->connector_->OnBatch(*batch, slot->gateway_.now());
            slot->gateway_.OnProcessLink(true);
          });
        },
        [&loop, weak, number] {
          loop.Post([weak, number] {
            const std::shared_ptr<Slot> slot = weak.lock();
            if (slot == nullptr || slot->stream_number_ != number) return;
            slot->connector_->OnAcquisitionLost(slot->gateway_.now());
            slot->gateway_.OnProcessLink(false);
          });
        });
  }

  // MqttListener: on threads of the client.
  void OnConnected(bool) override {
    Post([](Connector& c, Now now) { c.OnConnected(now); });
  }
  void OnDisconnected(const absl::Status& why) override {
    Post([why](Connector& c, Now now) { c.OnDisconnected(why, now); });
  }
  void OnSubscribed(MqttToken token, const absl::Status& status) override {
    Post([token, status](Connector& c, Now now) { c.OnSubscribed(token, status, now); });
  }
  void OnPublished(MqttToken token, const absl::Status& status) override {
    Post([token, status](Connector& c, Now now) { c.OnPublished(token, status, now); });
  }
  void OnMessage(MqttMessage message) override {
    if (connector_->IsRequest(message)) {
      // Not through Post: once it is stored, it is acknowledged and must be
      // answered, also when this connection is gone by then.
      std::optional<CommandChannel::Incoming> incoming =
          channel_.Accept(std::move(message.topic), std::move(message.payload));
      if (!incoming.has_value()) return;
      gateway_.loop_.Post(
          [&gateway = gateway_, &channel = channel_, incoming = *std::move(incoming)]() mutable {
            channel.OnRequest(std::move(incoming), gateway.now().monotonic);
          });
      return;
    }
    // A flood is dropped, or it would take all memory and time.
    if (messages_.use_count() > kMaxMessages) {
      ++flooded_;
      return;
    }
    Post([message = std::move(message), counted = messages_](Connector& c, Now now) {
      c.OnMessage(message, now);
    });
  }

  // Connector::Host: on the loop.
  void SaveIdentity(const Identity& identity) override {
    const std::string name = connector_->config().name();
    const std::weak_ptr<Slot> weak = weak_from_this();
    Gateway& gateway = gateway_;
    const bool taken = gateway_.store_.Post([&gateway, weak, name, identity] {
      const absl::Status status = gateway.ports_.config->SaveIdentity(name, identity);
      gateway.loop_.Post([weak, status] {
        if (const std::shared_ptr<Slot> slot = weak.lock()) {
          slot->connector_->OnIdentityStored(status, slot->gateway_.now());
        }
      });
    });
    if (!taken) {
      gateway_.loop_.Post([weak] {
        if (const std::shared_ptr<Slot> slot = weak.lock()) {
          slot->connector_->OnIdentityStored(absl::UnavailableError("config_store is too slow"),
                                             slot->gateway_.now());
        }
      });
    }
  }
  void ForgetIdentities() override {
    Gateway& gateway = gateway_;
    gateway_.store_.Post([&gateway] {
      if (absl::Status s = gateway.ports_.config->DeleteIdentities(); !s.ok()) {
        log::Error("identities could not be deleted", {{"why", s.ToString()}});
      }
    });
  }
  void ExecuteConfiguration(std::vector<tixml::Node> commands) override {
    gateway_.ExecuteConfiguration(std::move(commands), connector_->config().name());
  }
  void ReadLog(uint64_t ticket, process_data::v1::ReadLogRequest request) override {
    const std::weak_ptr<Slot> weak = weak_from_this();
    Gateway& gateway = gateway_;
    const auto answer = [&gateway, weak, ticket](absl::StatusOr<LogAnswer> read) {
      gateway.loop_.Post([weak, ticket, read = std::move(read)] {
        if (const std::shared_ptr<Slot> slot = weak.lock()) {
          slot->connector_->OnLogRead(ticket, read, slot->gateway_.now());
        }
      });
    };
    const bool taken = gateway_.logs_.Post([&gateway, answer, request = std::move(request)] {
      answer(ReadRecords(*gateway.ports_.process, request));
    });
    if (!taken) answer(absl::UnavailableError("process_data is too slow"));
  }
  void NoteForSupport(std::string entry) override {
    Gateway& gateway = gateway_;
    gateway_.store_.Post(
        [&gateway, entry = std::move(entry)] { gateway.AppendMessage("SupportLog", entry); });
  }
  void NoteLosses(std::vector<std::string> entries) override {
    const std::weak_ptr<Slot> weak = weak_from_this();
    Gateway& gateway = gateway_;
    const auto answer = [&gateway, weak](const absl::Status& status) {
      gateway.loop_.Post([weak, status] {
        if (const std::shared_ptr<Slot> slot = weak.lock()) {
          slot->connector_->OnLossesNoted(status, slot->gateway_.now());
        }
      });
    };
    const bool taken = gateway_.store_.Post([&gateway, answer, entries = std::move(entries)] {
      absl::Status status;
      for (const std::string& entry : entries) {
        if (status.ok()) status = gateway.ports_.config->AppendMessage("SupportLog", entry);
      }
      answer(status);
    });
    if (!taken) answer(absl::UnavailableError("config_store is too slow"));
  }
  std::string CertificatePath(absl::string_view file) override {
    return gateway_.ports_.certificate_path(file);
  }

  // An identity was in the newest configuration.
  bool has_stored_identity = false;

 private:
  // Of the portal, that the loop has not seen yet; no requests.
  static constexpr int kMaxMessages = 100;

  template <class Event>
  void Post(Event event) {
    gateway_.loop_.Post(
        [weak = weak_from_this(), epoch = connector_->epoch(), event = std::move(event)] {
          const std::shared_ptr<Slot> slot = weak.lock();
          // An event of a connection that was given up meanwhile is stale.
          if (slot == nullptr || slot->connector_->epoch() != epoch) return;
          event(*slot->connector_, slot->gateway_.now());
        });
  }

  Gateway& gateway_;
  CommandChannel& channel_;
  // Each message of the portal on its way to the loop, but requests, has a copy.
  const std::shared_ptr<int> messages_ = std::make_shared<int>();
  std::atomic<uint64_t> flooded_ = 0;  // messages that were dropped
  std::unique_ptr<MqttClient> mqtt_;
  std::unique_ptr<Connector> connector_;
  uint64_t stream_number_ = 0;
  std::unique_ptr<ValueStream> stream_;
};

}  // namespace fieldgate::cloud_link
