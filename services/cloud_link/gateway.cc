#include "services/cloud_link/gateway.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/tixml/codec.h"
#include "services/cloud_link/log_data/log_reader.h"

namespace fieldgate::cloud_link {
namespace {

constexpr size_t kMaxStoreCalls = 1000;
// Of a connector, from the portal, that the loop has not seen yet; no requests.
constexpr int kMaxMessages = 100;
// Each connector waits for one; those that were replaced may, too.
constexpr size_t kMaxLogReads = 20;
// LastTimeStamp changes with each message; people need it once a second.
constexpr absl::Duration kShowEvery = absl::Seconds(1);
// In this time stored data grow by some MB at most, less than a sensible floor.
constexpr absl::Duration kLookAtDiskEvery = absl::Seconds(1);
// A disk that fails while a connector is to be started.
constexpr absl::Duration kOpenAgain = absl::Seconds(1);

// What connectors tell of the device, and are named by.
bool SameDevice(const config_store::v1::Device& a, const config_store::v1::Device& b) {
  return a.serial_number() == b.serial_number() && a.product_name() == b.product_name();
}

}  // namespace

// A connector with what belongs to it. Events of other threads reach it
// through the loop, and only while it lives.
class Gateway::Slot : public MqttListener,
                      public Connector::Host,
                      public std::enable_shared_from_this<Gateway::Slot> {
 public:
  Slot(Gateway& gateway, const config_store::v1::Connector& config,
       const config_store::v1::Device& device, const Storage& storage)
      : gateway_(gateway), channel_(*storage.channel), mqtt_(gateway.ports_.make_mqtt(*this)) {
    connector_ =
        std::make_unique<Connector>(config, device, *storage.outbox, *mqtt_, *this, gateway.now());
  }

  ~Slot() override { mqtt_->Disconnect(); }

  Connector& connector() { return *connector_; }

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
    if (messages_.use_count() > kMaxMessages) return;
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
  std::unique_ptr<MqttClient> mqtt_;
  std::unique_ptr<Connector> connector_;
  uint64_t stream_number_ = 0;
  std::unique_ptr<ValueStream> stream_;
};

Gateway::Gateway(GatewayPorts ports)
    : ports_(std::move(ports)),
      loop_(*ports_.threads),
      events_(EventPorts()),
      handlers_(*ports_.threads),
      interpreter_({*ports_.process, *ports_.config, *this, handlers_, ports_.journal}),
      changed_(ports_.threads->MakeConditionVariable()),
      commands_(kMaxCommands, *ports_.threads),
      store_(kMaxStoreCalls, *ports_.threads),
      logs_(kMaxLogReads, *ports_.threads) {}

Gateway::~Gateway() = default;

void Gateway::Run() {
  loop_.Run([this] { return Settle(); });
  for (auto& [name, slot] : slots_) slot->connector().End(now());
  slots_.clear();
  for (auto& [name, storage] : storages_) {
    if (absl::Status s = storage.outbox->Close(); !s.ok()) {
      log::Error("what was in memory is lost", {{"connector", name}, {"why", s.ToString()}});
    }
  }
  events_.Stop();
  signal_led_.TurnOff(now().monotonic);
}

void Gateway::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_->NotifyAll();
  }
  loop_.Stop();
}

bool Gateway::stopped() {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

void Gateway::OnConfiguration(config_store::v1::Configuration configuration) {
  loop_.Post([this, shared = std::make_shared<config_store::v1::Configuration>(
                        std::move(configuration))] { Apply(*shared); });
}

void Gateway::OnConfigLink(bool up) {
  loop_.Post([this, up] {
    config_store_ok_ = up;
    if (up) TellRecoveries();
  });
}

void Gateway::OnProcessLink(bool up) {
  // What was shown in its image is gone with it.
  if (up && !process_data_ok_) show_again_ = true;
  process_data_ok_ = up;
}

void Gateway::Apply(const config_store::v1::Configuration& configuration) {
  const Now now = this->now();
  open_again_at_ = MonotonicTime::Never();
  if (EpochBegins(configuration.factory_epoch(), now.monotonic)) return;
  handlers_.Configure(configuration.events(), configuration.revision());
  events_.Configure(configuration.events(), now);
  show_again_ = true;  // states have values of their own, also without a connector
  signal_led_.Configure(configuration.device().signal_led(), now.monotonic);
  std::map<std::string, std::shared_ptr<Slot>> old = std::move(slots_);
  slots_.clear();
  if (!SameDevice(device_, configuration.device())) old.clear();  // each tells who it is
  device_ = configuration.device();
  // Also its ids may be the former ones again.
  for (const std::string& name : FollowProbations(configuration)) old.erase(name);
  for (const config_store::v1::Connector& config : configuration.connectors()) {
    const std::string& name = config.name();
    const CommandChannel::Config channel{name, configuration.device().serial_number(),
                                         config.tixml_braces()};
    if (const auto storage = storages_.find(name); storage != storages_.end()) {
      storage->second.channel->Configure(channel);
    }
    const auto found = old.find(name);
    if (found != old.end() &&
        Connector::SameConnection(found->second->connector().config(), config)) {
      const std::shared_ptr<Slot> slot = std::move(found->second);
      old.erase(found);
      slots_[name] = slot;
      Connector& connector = slot->connector();
      if (!Connector::SameDataModel(connector.config(), config) &&
          connector.ChangeDataModel(config, now)) {
        slot->SubscribeValues();
      }
      if (slot->has_stored_identity && !config.has_stored_identity()) connector.SecretsReset(now);
      slot->has_stored_identity = config.has_stored_identity();
      continue;
    }
    if (found != old.end()) old.erase(found);  // ends its connection first
    if (absl::Status opened = OpenStorage(name, channel); !opened.ok()) {
      if (std::string why = opened.ToString(); why != unopened_why_) {
        log::Error("connector can't start", {{"connector", name}, {"why", why}});
        unopened_why_ = std::move(why);
      }
      unopened_ = configuration;
      open_again_at_ = now.monotonic + kOpenAgain;
      continue;
    }
    const Storage& storage = storages_.at(name);
    auto slot = std::make_shared<Slot>(*this, config, configuration.device(), storage);
    slot->has_stored_identity = config.has_stored_identity();
    slots_[name] = slot;
    slot->connector().Start(now);
    slot->SubscribeValues();
  }
  for (auto& [name, storage] : storages_) {
    storage.channel->OnVerdicts(now.monotonic);
    // Nobody sends what is in memory: to the disk with it.
    if (!slots_.contains(name)) storage.outbox->Settle(/*delivering=*/false, now.monotonic);
  }
  look_at_disk_at_ = now.monotonic;
  if (open_again_at_ == MonotonicTime::Never()) unopened_why_.clear();
  log::Info("configuration in force", {{"revision", absl::StrCat(configuration.revision())},
                                       {"connectors", absl::StrCat(slots_.size())}});
}

absl::Status Gateway::OpenStorage(const std::string& connector, CommandChannel::Config config) {
  if (storages_.contains(connector)) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<Outbox>> outbox = ports_.open_outbox(connector);
  if (!outbox.ok()) return outbox.status();
  absl::StatusOr<std::unique_ptr<RequestLog>> requests = ports_.open_requests(connector);
  if (!requests.ok()) return requests.status();
  CommandChannel::Host& host = *this;  // a private base: make_unique may not convert to it
  auto channel = std::make_unique<CommandChannel>(std::move(config), **requests, **outbox, host,
                                                  requests_waiting_);
  // Without them a request that had begun would be executed again.
  if (absl::Status s = channel->Recover(now().monotonic); !s.ok()) return s;
  storages_[connector] = {*std::move(outbox), *std::move(requests), std::move(channel)};
  return absl::OkStatus();
}

MonotonicTime Gateway::Settle() {
  const Now now = this->now();
  if (now.monotonic >= open_again_at_) Apply(config_store::v1::Configuration(unopened_));
  MonotonicTime next = open_again_at_;
  LookAtDisk(now.monotonic);
  for (auto& [name, storage] : storages_) {
    storage.channel->Settle(now.monotonic);
    next = std::min(next, storage.channel->NextDeadline());
  }
  for (auto& [name, slot] : slots_) {
    Connector& connector = slot->connector();
    connector.Settle(now);
    next = std::min(next, connector.NextDeadline());
    probations_.Note(name, connector.state() == LifecycleState::kRunning, connector.doing());
  }
  ConfirmProbations(now.monotonic);
  RestoreProgram(now.monotonic);
  next = std::min(next, probations_.NextDeadline());
  events_.Settle(now);
  next = std::min(next, events_.NextDeadline());
  NoteChange();
  next = std::min(next, signal_led_.Settle(SignalOf(last_states_), now.monotonic));
  ShowValues(now);
  PerformReset(now.monotonic);
  return std::min({next, show_at_, reset_.NextDeadline(now.monotonic)});
}

void Gateway::LookAtDisk(MonotonicTime now) {
  if (!ports_.free_bytes || now < look_at_disk_at_) return;
  look_at_disk_at_ = now + kLookAtDiskEvery;
  const absl::StatusOr<int64_t> free = ports_.free_bytes();
  if (!free.ok()) return;  // storing tells
  for (auto& [name, slot] : slots_) slot->connector().OnFreeSpace(*free);
}

void Gateway::NoteChange() {
  std::vector<LifecycleState> states;
  for (auto& [name, slot] : slots_) states.push_back(slot->connector().state());
  if (states == last_states_) return;
  last_states_ = std::move(states);
  show_again_ = true;
  const std::lock_guard lock(mutex_);
  ++version_;
  changed_->NotifyAll();
}

void Gateway::ShowValues(Now now) {
  if (!show_again_ && now.monotonic < show_at_) return;
  show_at_ = now.monotonic + kShowEvery;
  std::vector<std::pair<std::string, std::string>> values;
  for (auto& [name, slot] : slots_) {
    for (auto& value : slot->connector().ProcessValues()) values.push_back(std::move(value));
  }
  events_.AddProcessValues(values);
  if (values == shown_ && !show_again_) return;
  show_again_ = false;
  shown_ = values;
  ports_.reporter->Show(std::move(values));
}

void Gateway::OnAnswerStored(const std::string& connector, StoredEntry answer) {
  const auto slot = slots_.find(connector);
  if (slot != slots_.end()) slot->second->connector().OnAnswerStored(std::move(answer));
}

absl::Status Gateway::OnConnector(absl::string_view connector,
                                  const std::function<absl::Status(Connector&)>& task) {
  return OnLoop<absl::Status>([this, name = std::string(connector), task] {
    for (auto& [known, slot] : slots_) {
      if (absl::EqualsIgnoreCase(known, name)) return task(slot->connector());
    }
    return absl::NotFoundError(absl::StrCat("there is no connector ", name));
  });
}

absl::Status Gateway::SendRealtimeData(absl::string_view connector, std::optional<int> section) {
  return OnConnector(connector, [section](Connector& c) { return c.SendRealtimeData(section); });
}

absl::Status Gateway::SendLogData(absl::string_view connector, std::optional<int> section) {
  return OnConnector(connector, [section](Connector& c) { return c.SendLogData(section); });
}

EventRunner::Ports Gateway::EventPorts() {
  EventRunner::Ports ports;
  ports.store = ports_.events;
  ports.subscribe = ports_.subscribe;
  ports.post = [this](Loop::Task task) { loop_.Post(std::move(task)); };
  ports.execute = [this](std::vector<tixml::Node> commands, std::string who, auto done) {
    return commands_.Post(false, [this, commands = std::move(commands),
                                  origin = Origin{std::move(who), ""}, done = std::move(done)] {
      Interpreter::Result result = interpreter_.Execute(commands, origin);
      loop_.Post([done, result = std::move(result)] { done(result); });
    });
  };
  // Not on the thread of commands: an alarm doesn't wait for its entry.
  ports.log_event = [this](std::string entry, auto done) {
    return store_.Post([this, entry = std::move(entry), done = std::move(done)] {
      loop_.Post([done, status = ports_.config->AppendMessage("Event", entry)] { done(status); });
    });
  };
  ports.now = [this] { return now(); };
  return ports;
}

void Gateway::AppendMessage(absl::string_view log, const std::string& entry) {
  if (absl::Status s = ports_.config->AppendMessage(log, entry); !s.ok()) {
    log::Error("no entry in a log of messages",
               {{"log", std::string(log)}, {"entry", entry}, {"why", s.ToString()}});
  }
}

v1::GetStatusResponse Gateway::BuildStatus() const {
  v1::GetStatusResponse response;
  for (const auto& [name, slot] : slots_) *response.add_connectors() = slot->connector().Status();
  response.set_config_store_ok(config_store_ok_);
  response.set_process_data_ok(process_data_ok_);
  probations_.AddTo(response);
  events_.AddStatus(response);
  return response;
}

absl::StatusOr<v1::GetStatusResponse> Gateway::Status() {
  return OnLoop<absl::StatusOr<v1::GetStatusResponse>>([this] { return BuildStatus(); });
}

absl::StatusOr<v1::ListLossesResponse> Gateway::ListLosses(const std::string& connector,
                                                           int count) {
  // It may be filled in after the wait has ended.
  const auto response = std::make_shared<v1::ListLossesResponse>();
  const absl::Status status = OnConnector(connector, [response, count](Connector& c) {
    const absl::StatusOr<std::vector<v1::Loss>> losses = c.Losses(count);
    if (losses.ok()) response->mutable_losses()->Assign(losses->begin(), losses->end());
    return losses.status();
  });
  if (!status.ok()) return status;
  return std::move(*response);
}

uint64_t Gateway::AwaitChange(uint64_t version, absl::Duration timeout) {
  std::unique_lock lock(mutex_);
  changed_->AwaitUntil(lock, now().monotonic + timeout,
                       [&] { return version_ != version || stopped_; });
  return version_;
}

}  // namespace fieldgate::cloud_link
