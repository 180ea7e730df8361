#include "services/cloud_link/gateway.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/tixml/codec.h"
#include "services/cloud_link/gateway_slot.h"

namespace fieldgate::cloud_link {
namespace {

constexpr size_t kMaxStoreCalls = 1000;
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
  slots_.clear();
  for (auto& [name, storage] : storages_) {
    if (!storage.unstored->empty()) {
      log::Error("data are lost that could not be stored",
                 {{"connector", name}, {"messages", absl::StrCat(storage.unstored->count())}});
    }
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
  Storage& storage = storages_[connector];
  storage.outbox = *std::move(outbox);
  storage.requests = *std::move(requests);
  storage.channel = std::move(channel);
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
  for (const auto& [name, slot] : slots_) *response.add_connectors() = slot->Status();
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
