#include "tests/simulation/mutation.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "tests/simulation/forwarding_outbox.h"

namespace fieldgate::simulation {

using cloud_link::EntryId;
using cloud_link::MqttToken;
using cloud_link::Qos;
using cloud_link::StoredEntry;

namespace {

class BrokenOutbox : public ForwardingOutbox {
 public:
  BrokenOutbox(Mutation mutation, std::unique_ptr<cloud_link::Outbox> outbox)
      : ForwardingOutbox(std::move(outbox)), mutation_(mutation) {}

  absl::Status Commit() override {
    if (mutation_ == Mutation::kDeletesBeforeAcknowledgement && !read_.empty()) {
      if (absl::Status s = outbox_->Remove(std::exchange(read_, {})); !s.ok()) return s;
    }
    if (mutation_ == Mutation::kForgetsCommit && ++commits_ == 20) {
      outbox_->Rollback();
      return absl::OkStatus();
    }
    return outbox_->Commit();
  }
  absl::StatusOr<int64_t> NextMessageId() override {
    absl::StatusOr<int64_t> id = outbox_->NextMessageId();
    if (mutation_ == Mutation::kRepeatsMessageId && id.ok() && ++ids_ == 10) return *id - 1;
    return id;
  }
  absl::StatusOr<std::vector<StoredEntry>> Read(cloud_link::Lane lane, EntryId after, int max_count,
                                                int64_t max_bytes) override {
    auto read = outbox_->Read(lane, after, max_count, max_bytes);
    if (read.ok()) {
      for (const StoredEntry& stored : *read) read_.push_back(stored.id);
    }
    return read;
  }
  absl::StatusOr<std::vector<cloud_link::LossRecord>> Losses(
      int max_count = cloud_link::kMaxLossRecords) override {
    if (mutation_ == Mutation::kSilentLoss) return std::vector<cloud_link::LossRecord>();
    return outbox_->Losses(max_count);
  }
  void SetLimits(const cloud_link::OutboxLimits& limits) override {
    if (mutation_ != Mutation::kUnboundedOutbox) outbox_->SetLimits(limits);
  }

 private:
  const Mutation mutation_;
  std::vector<EntryId> read_;
  int commits_ = 0;
  int ids_ = 0;
};

class BrokenRequests : public cloud_link::RequestLog {
 public:
  BrokenRequests(Mutation mutation, std::unique_ptr<cloud_link::RequestLog> log)
      : mutation_(mutation), log_(std::move(log)) {}

  absl::StatusOr<cloud_link::RequestNumber> Accept(absl::string_view topic,
                                                   absl::string_view body) override {
    return log_->Accept(topic, body);
  }
  absl::Status Begin(cloud_link::RequestNumber number) override {
    if (mutation_ == Mutation::kForgetsBegin) return absl::OkStatus();
    return log_->Begin(number);
  }
  absl::Status Hold(cloud_link::RequestNumber number, absl::string_view held) override {
    return log_->Hold(number, held);
  }
  absl::Status Answer(cloud_link::RequestNumber number, absl::string_view key,
                      const cloud_link::LoggedAnswer& answer) override {
    return log_->Answer(number, key, answer);
  }
  absl::StatusOr<std::vector<cloud_link::LoggedRequest>> Unanswered() override {
    return log_->Unanswered();
  }
  absl::StatusOr<std::optional<cloud_link::LoggedAnswer>> Find(absl::string_view key) override {
    if (mutation_ == Mutation::kForgetsRequests) return std::nullopt;
    return log_->Find(key);
  }

 private:
  const Mutation mutation_;
  const std::unique_ptr<cloud_link::RequestLog> log_;
};

class BrokenClient : public cloud_link::MqttClient {
 public:
  BrokenClient(Mutation mutation, std::unique_ptr<cloud_link::MqttClient> client,
               cloud_link::MqttListener& listener)
      : mutation_(mutation), client_(std::move(client)), listener_(listener) {}

  absl::Status Connect(const cloud_link::MqttOptions& options) override {
    held_token_ = 0;
    return client_->Connect(options);
  }
  void Disconnect() override { client_->Disconnect(); }
  absl::Status Subscribe(MqttToken token, const std::vector<std::string>& topics,
                         Qos qos) override {
    return client_->Subscribe(token, topics, qos);
  }
  absl::Status Publish(MqttToken token, absl::string_view topic, std::string payload,
                       Qos qos) override {
    if (!absl::EndsWith(topic, "/data")) {
      return client_->Publish(token, topic, std::move(payload), qos);
    }
    ++published_;
    if (mutation_ == Mutation::kDropsPublication && published_ % 20 == 0) {
      listener_.OnPublished(token, absl::OkStatus());
      return absl::OkStatus();
    }
    if (mutation_ == Mutation::kChangesRepetition && published_ % 7 == 0) {
      payload += ' ';
    }
    if (mutation_ == Mutation::kReordersPublications) {
      if (held_token_ == 0 && published_ % 10 == 0) {
        held_token_ = token;
        held_topic_ = std::string(topic);
        held_ = std::move(payload);
        return absl::OkStatus();
      }
      absl::Status status = client_->Publish(token, topic, std::move(payload), qos);
      if (held_token_ != 0 && status.ok()) {
        client_->Publish(std::exchange(held_token_, 0), held_topic_, std::move(held_), qos)
            .IgnoreError();
      }
      return status;
    }
    return client_->Publish(token, topic, std::move(payload), qos);
  }

 private:
  const Mutation mutation_;
  const std::unique_ptr<cloud_link::MqttClient> client_;
  cloud_link::MqttListener& listener_;
  int published_ = 0;
  MqttToken held_token_ = 0;
  std::string held_topic_;
  std::string held_;
};

}  // namespace

const std::vector<NamedMutation>& Mutations() {
  static const auto& all = *new std::vector<NamedMutation>{
      {Mutation::kDeletesBeforeAcknowledgement, "deletes before acknowledgement"},
      {Mutation::kForgetsCommit, "forgets a commit"},
      {Mutation::kRepeatsMessageId, "repeats a message_id"},
      {Mutation::kUnboundedOutbox, "unbounded outbox"},
      {Mutation::kSilentLoss, "silent loss"},
      {Mutation::kReordersPublications, "reorders publications"},
      {Mutation::kDropsPublication, "drops a publication"},
      {Mutation::kChangesRepetition, "changes a repetition"},
      {Mutation::kForgetsRequests, "forgets requests"},
      {Mutation::kForgetsBegin, "forgets what has begun"},
      {Mutation::kLyingDisk, "lying disk"},
      {Mutation::kAppliesRejected, "applies what it refuses"},
      {Mutation::kPollsLate, "polls late"},
      {Mutation::kBusyLoop, "busy loop"},
  };
  return all;
}

std::unique_ptr<cloud_link::Outbox> Mutate(Mutation mutation,
                                           std::unique_ptr<cloud_link::Outbox> outbox) {
  if (mutation == Mutation::kNone) return outbox;
  return std::make_unique<BrokenOutbox>(mutation, std::move(outbox));
}

std::unique_ptr<cloud_link::RequestLog> Mutate(Mutation mutation,
                                               std::unique_ptr<cloud_link::RequestLog> requests) {
  if (mutation == Mutation::kNone) return requests;
  return std::make_unique<BrokenRequests>(mutation, std::move(requests));
}

std::unique_ptr<cloud_link::MqttClient> Mutate(Mutation mutation,
                                               std::unique_ptr<cloud_link::MqttClient> client,
                                               cloud_link::MqttListener& listener) {
  if (mutation == Mutation::kNone) return client;
  return std::make_unique<BrokenClient>(mutation, std::move(client), listener);
}

}  // namespace fieldgate::simulation
