#include "services/cloud_link/connector.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/log/log.h"
#include "common/status/status.h"
#include "services/cloud_link/connector_config.h"
#include "services/cloud_link/payload/messages.h"
#include "services/cloud_link/status_text.h"

namespace fieldgate::cloud_link {
namespace {

namespace config = config_store::v1;

// A disk that fails is tried again after this.
constexpr absl::Duration kRetryAfter = absl::Seconds(1);
// Tokens of the connector's own calls; the pump's are entry ids, far below.
constexpr MqttToken kFirstToken = MqttToken{1} << 62;
// Layouts of entries from before the last changes of the configuration.
constexpr size_t kMaxOldLayouts = 4;
// A disk that is read but takes no removals: so many acknowledged entries are
// remembered (2 MB), then nothing more is sent.
constexpr size_t kMaxUnremoved = 250'000;

}  // namespace

Connector::Connector(const config::Connector& config, const config::Device& device, Outbox& outbox,
                     UnstoredData& unstored, MqttClient& mqtt, Host& host, Now now)
    : config_(config),
      device_(device),
      outbox_(outbox),
      unstored_(unstored),
      mqtt_(mqtt),
      host_(host),
      lifecycle_(LifecycleConfigOf(config, device), JitterSeed(config, device)),
      sections_(config, now.monotonic),
      log_schedule_(config),
      age_(StoredAge(outbox), now),
      look_for_old_at_(now.monotonic),
      mark_age_at_(now.monotonic),
      news_(StoredTold(outbox), outbox.Stats(), now.monotonic),
      stored_told_(news_.told()),
      report_losses_at_(now.monotonic),
      note_losses_at_(now.monotonic),
      pump_(outbox, mqtt, [this](const OutboxEntry& entry) { return Render(entry); }),
      next_token_(kFirstToken) {
  ApplyLimits();
  BuildLayout();
}

void Connector::BuildLayout() {
  layout_number_ = 0;
  layout_.reset();
  absl::StatusOr<DataLayout> layout = DataLayout::Create(config_);
  if (layout.ok()) {
    layout_ = *std::move(layout);
  } else {
    log::Error("data points can't be sent",
               {{"connector", config_.name()}, {"why", layout.status().ToString()}});
  }
  BuildLogs();
  // config_store has checked the name.
  if (!absl::LoadTimeZone(config_.time_zone().empty() ? "UTC" : config_.time_zone(), &time_zone_)) {
    log::Error("time zone unknown, using UTC",
               {{"connector", config_.name()}, {"time_zone", config_.time_zone()}});
  }
}

void Connector::Start(Now now) {
  for (const LifecycleAction& action : lifecycle_.Start(now.monotonic)) Perform(action, now);
  UpdateIdentity();
}

bool Connector::ChangeDataModel(const config::Connector& config, Now now) {
  const bool announce = GatewayInitBody(config_, "") != GatewayInitBody(config, "");
  const bool sections = !SameSections(config_, config);
  const bool running = lifecycle_.state() == LifecycleState::kRunning;
  if (layout_ && !unstored_.empty()) unstored_.KeepLayout(layout_->Serialize());
  config_ = config;
  ApplyLimits();
  look_for_old_at_ = now.monotonic;
  lifecycle_.SetLimits(LifecycleConfigOf(config, device_), now.monotonic);
  if (layout_ && layout_number_ != 0) {
    if (old_layouts_.size() >= kMaxOldLayouts) old_layouts_.erase(old_layouts_.begin());
    old_layouts_.insert_or_assign(layout_number_, *std::move(layout_));
  }
  if (sections) {
    sections_ = RealtimeSections(config, now.monotonic);
    log_schedule_.Stop();
    const LogSchedule former = std::exchange(log_schedule_, LogSchedule(config));
    log_schedule_.KeepRequests(former);
    // Otherwise it starts after init.
    if (running && !announce) log_schedule_.Start(now.monotonic);
  }
  BuildLayout();
  UpdateIdentity();
  if (announce) Handle(DataModelChanged{}, now);
  return sections;
}

void Connector::SecretsReset(Now now) { Handle(cloud_link::SecretsReset{}, now); }

void Connector::OnConnected(Now now) {
  if (was_connected_) ++reconnects_;
  was_connected_ = true;
  log::Info("connected", {{"connector", config_.name()}, {"broker", lifecycle_.broker_url()}});
  Handle(Connected{}, now);
}

void Connector::OnDisconnected(const absl::Status& why, Now now) {
  pump_.Stop();
  peer_.Reset();
  Handle(Disconnected{std::string(why.message()), /*refused=*/!absl::IsUnavailable(why)}, now);
}

void Connector::OnSubscribed(MqttToken token, const absl::Status& status, Now now) {
  peer_.Ended(token);
  if (token != subscribe_token_) return;
  if (status.ok()) {
    Handle(Subscribed{}, now);
  } else {
    Handle(SubscribeFailed{std::string(status.message())}, now);
  }
}

void Connector::OnPublished(MqttToken token, const absl::Status& status, Now now) {
  // A request: its answer counts, or its timeout.
  if (token >= kFirstToken) return peer_.Ended(token);
  pump_.SetTime(now.monotonic);
  if (!pump_.OnPublished(token, status) || !status.ok()) return;
  peer_.Acknowledged();
  ++acknowledged_count_;
  const int64_t seconds = absl::ToUnixSeconds(now.wall);
  if (seconds != last_send_at_) change_toggle_ = !change_toggle_;
  last_send_at_ = seconds;
}

void Connector::OnMessage(const MqttMessage& message, Now now) {
  if (message.retained) return Ignore(message.topic, "a retained message is never acted on");
  if (message.topic == RolloutResultTopic(device_.serial_number())) {
    absl::StatusOr<RolloutMessage> parsed = ParseRolloutResult(message.payload);
    if (!parsed.ok()) {
      Ignore(message.topic, parsed.status().message());
      return Handle(UnreadableResult{std::string(parsed.status().message())}, now);
    }
    received_configuration_ = std::move(parsed->configuration);
    return Handle(std::move(parsed->result), now);
  }
  if (!data_topic_.empty() &&
      message.topic == TopicsOf(lifecycle_.identity().customer_id, lifecycle_.identity().gateway_id)
                           .init_result) {
    absl::StatusOr<InitResult> parsed = ParseInitResult(message.payload);
    if (!parsed.ok()) {
      Ignore(message.topic, parsed.status().message());
      return Handle(UnreadableResult{std::string(parsed.status().message())}, now);
    }
    return Handle(*std::move(parsed), now);
  }
  Ignore(message.topic, "nobody waits for this topic");
}

bool Connector::IsRequest(const MqttMessage& message) const {
  if (message.retained || message.topic.empty()) return false;
  const std::lock_guard lock(request_mutex_);
  return std::find(request_topics_.begin(), request_topics_.end(), message.topic) !=
         request_topics_.end();
}

void Connector::OnAnswerStored(StoredEntry answer) { pump_.Appended(std::move(answer)); }

absl::Status Connector::SendRealtimeData(std::optional<int> section) {
  if (!MayStore()) {
    return absl::UnavailableError(absl::StrCat(
        config_.name(), " is not running and can't keep data now: ", lifecycle_.detail()));
  }
  if (sections_.SendNow(section)) return absl::OkStatus();
  return absl::NotFoundError(section.has_value()
                                 ? absl::StrCat(config_.name(), " has no Realtime", *section)
                                 : absl::StrCat(config_.name(), " has no realtime section"));
}

void Connector::Ignore(const std::string& topic, absl::string_view why) {
  ++ignored_;
  const std::string line = absl::StrCat(topic, ": ", why);
  if (line == last_ignored_) return;  // logged once per change
  last_ignored_ = line;
  log::Warning("message ignored",
               {{"connector", config_.name()}, {"topic", topic}, {"why", std::string(why)}});
}

void Connector::OnIdentityStored(const absl::Status& status, Now now) {
  if (status.ok()) {
    Handle(IdentityStored{}, now);
  } else {
    Handle(IdentityStoreFailed{std::string(status.message())}, now);
  }
}

void Connector::OnBatch(const process_data::v1::ValueBatch& batch, Now now) {
  if (!sections_.OnBatch(batch, now.monotonic)) {
    log::Error("a batch of values doesn't fit the subscription", {{"connector", config_.name()}});
  }
}

void Connector::OnAcquisitionLost(Now now) {
  log::Warning("process_data is away; bus points are invalid", {{"connector", config_.name()}});
  sections_.OnAcquisitionLost(now.monotonic);
}

// --- Lifecycle ----------------------------------------------------------------

void Connector::Handle(LifecycleEvent event, Now now) {
  events_.push_back(std::move(event));
  if (handling_) return;  // an action's failure: the loop below takes it
  handling_ = true;
  while (!events_.empty()) {
    const LifecycleEvent next = std::move(events_.front());
    events_.pop_front();
    const LifecycleState before = lifecycle_.state();
    const std::vector<LifecycleAction> actions = lifecycle_.On(next, now.monotonic);
    if (before == LifecycleState::kRunning && lifecycle_.state() != before) {
      pump_.Stop();
      log_schedule_.Stop();
    }
    for (const LifecycleAction& action : actions) Perform(action, now);
    if (lifecycle_.state() != before) {
      // Tries to reconnect repeat for as long as a broker is away.
      const bool retry = lifecycle_.state() == LifecycleState::kConnecting ||
                         lifecycle_.state() == LifecycleState::kBackoff;
      log::Log(retry ? log::Level::kDebug : log::Level::kInfo, "lifecycle",
               {{"connector", config_.name()},
                {"state", StateName(lifecycle_.state())},
                {"detail", lifecycle_.detail()}});
    }
    NoteFailure();
  }
  handling_ = false;
  UpdateIdentity();
}

void Connector::NoteFailure() {
  if (lifecycle_.state() == LifecycleState::kRunning) last_failure_.clear();
  if (lifecycle_.state() != LifecycleState::kBackoff) return;
  // Each try pauses for another time: that is no news.
  std::string why = lifecycle_.detail().substr(0, lifecycle_.detail().find("; next try"));
  if (why == last_failure_) return;
  last_failure_ = std::move(why);
  log::Warning("not running", {{"connector", config_.name()}, {"why", lifecycle_.detail()}});
}

void Connector::UpdateIdentity() {
  const Identity& identity = lifecycle_.identity();
  GatewayTopics topics;
  if (!identity.gateway_id.empty()) topics = TopicsOf(identity.customer_id, identity.gateway_id);
  data_topic_ = topics.data;
  {
    const std::lock_guard lock(request_mutex_);
    request_topics_ = {topics.config, topics.cmd, topics.state};
  }
  qos_ = QosOf(identity.data_broker_qos.value_or(config_.qos()));
}

void Connector::Perform(const LifecycleAction& action, Now now) {
  if (const auto* connect = std::get_if<Connect>(&action)) {
    pump_.Stop();
    peer_.Reset();
    ++epoch_;
    const MqttOptions options =
        MqttOptionsOf(config_, connect->url, host_.CertificatePath(config_.tls().server_cert()));
    if (absl::Status s = mqtt_.Connect(options); !s.ok()) {
      Handle(Disconnected{std::string(s.message()), /*refused=*/true}, now);
    }
  } else if (std::holds_alternative<Disconnect>(action)) {
    pump_.Stop();
    peer_.Reset();
    ++epoch_;
    mqtt_.Disconnect();
  } else if (const auto* subscribe = std::get_if<Subscribe>(&action)) {
    UpdateIdentity();  // a request may come at once
    subscribe_token_ = next_token_++;
    const absl::Status s = mqtt_.Subscribe(subscribe_token_, subscribe->topics, Qos::kAtLeastOnce);
    if (s.ok()) {
      peer_.Began(subscribe_token_, /*bytes=*/0);
    } else {
      Handle(SubscribeFailed{std::string(s.message())}, now);
    }
  } else if (const auto* rollout = std::get_if<SendRollout>(&action)) {
    SendRequest(/*rollout=*/true, rollout->topic, now);
  } else if (const auto* init = std::get_if<SendInit>(&action)) {
    SendRequest(/*rollout=*/false, init->topic, now);
  } else if (const auto* store = std::get_if<StoreIdentity>(&action)) {
    configuration_ = std::exchange(received_configuration_, {});
    host_.SaveIdentity(store->identity);
  } else if (std::holds_alternative<ForgetIdentity>(action)) {
    host_.ForgetIdentities();
  } else if (std::holds_alternative<ExecuteConfiguration>(action)) {
    host_.ExecuteConfiguration(std::exchange(configuration_, {}));
  } else if (std::holds_alternative<StartRunning>(action)) {
    UpdateIdentity();
    pump_.Start();
    if (!acknowledged_.empty()) remove_by_ = now.monotonic;  // before the outbox is read
    log_schedule_.Start(now.monotonic);
  }
}

void Connector::SendRequest(bool rollout, const std::string& topic, Now now) {
  const absl::StatusOr<std::string> id = NextRequestId(rollout);
  if (!id.ok()) return Handle(RequestFailed{std::string(id.status().message())}, now);
  const std::string body =
      rollout ? RolloutBody(device_, config_, *id) : GatewayInitBody(config_, *id);
  const MqttToken token = next_token_++;
  const absl::Status s = mqtt_.Publish(token, topic, body, QosOf(config_.qos()));
  if (s.ok()) {
    peer_.Began(token, static_cast<int64_t>(body.size()));
    Handle(RequestSent{*id}, now);
  } else {
    Handle(RequestFailed{std::string(s.message())}, now);
  }
}

// --- Data -----------------------------------------------------------------------

bool Connector::MayStore() const {
  if (data_topic_.empty() || !layout_) return false;
  return lifecycle_.state() == LifecycleState::kRunning ||
         (config_.cache() && lifecycle_.state() != LifecycleState::kDisabled);
}

void Connector::Settle(Now now) {
  if (now.monotonic >= lifecycle_.deadline()) Handle(TimePassed{}, now);
  const bool may_store = MayStore();
  if (may_store && !could_store_) sections_.LookAgain();
  could_store_ = may_store;
  age_.Tick(now, config_.cache_max_age_s());
  TakeAcknowledged(now);  // first: what was acknowledged is not too old
  DropOld(now);
  StoreDue(now);
  TellLosses(now);
  pump_.SetTime(now.monotonic);
  if (acknowledged_.size() < kMaxUnremoved) pump_.Pump();
  ReadLogs(now);
  WatchPeer(now);
  SettleOutbox(now);
}

void Connector::WatchPeer(Now now) {
  if (!peer_.IsSilent(pump_.in_flight(), pump_.oldest_bytes(), now.monotonic)) return;
  ++epoch_;
  mqtt_.Disconnect();
  OnDisconnected(
      absl::UnavailableError(absl::StrCat("the broker acknowledged nothing for ",
                                          absl::FormatDuration(PeerWatch::kAcknowledgeWithin))),
      now);
}

absl::Status Connector::Transact(const std::function<absl::Status(Stored&)>& change, Now now) {
  const int64_t layout_before = layout_number_;
  Stored stored;
  absl::Status s = outbox_.Begin();
  if (s.ok()) s = outbox_.Remove(acknowledged_);
  if (s.ok()) s = change(stored);
  if (s.ok()) s = outbox_.Commit();
  if (!s.ok()) {
    outbox_.Rollback();
    layout_number_ = layout_before;
    retry_at_ = now.monotonic + kRetryAfter;  // not again at once
    if (disk_error_.empty()) {
      log::Error("data can't be stored", {{"connector", config_.name()}, {"why", s.ToString()}});
    }
    disk_error_ = s.ToString();
    return s;
  }
  disk_error_.clear();
  acknowledged_.clear();
  remove_by_ = MonotonicTime::Never();
  for (StoredEntry& entry : stored) pump_.Appended(std::move(entry));
  return absl::OkStatus();
}

OutboxEntry Connector::DataEntry(absl::Time sampled_at, std::string columns) const {
  OutboxEntry entry;
  entry.topic = data_topic_;
  entry.qos = static_cast<int>(qos_);
  entry.timestamp = Timestamp(sampled_at);
  entry.born = age_.age();
  entry.content = std::move(columns);
  return entry;
}

absl::Status Connector::AppendData(OutboxEntry entry, Stored& stored, const std::string* layout) {
  if (layout != nullptr) {
    absl::StatusOr<int64_t> number = outbox_.PutLayout(*layout);
    if (!number.ok()) return number.status();
    entry.layout = *number;
    layout_number_ = 0;  // the connector's own is put again by who needs it next
  } else if (layout_number_ == 0) {
    absl::StatusOr<int64_t> number = outbox_.PutLayout(layout_->Serialize());
    if (!number.ok()) return number.status();
    layout_number_ = *number;
  }
  absl::StatusOr<int64_t> message_id = outbox_.NextMessageId();
  if (!message_id.ok()) return message_id.status();
  if (layout == nullptr) entry.layout = layout_number_;
  entry.message_id = *message_id;
  absl::StatusOr<EntryId> id = outbox_.Append(entry);
  if (absl::IsResourceExhausted(id.status())) return absl::OkStatus();
  if (!id.ok()) return id.status();
  stored.push_back({*id, std::move(entry)});
  return absl::OkStatus();
}

absl::StatusOr<std::string> Connector::Render(const OutboxEntry& entry) {
  if (entry.layout == 0) return entry.content;
  const DataLayout* layout = nullptr;
  if (entry.layout == layout_number_ && layout_) {
    layout = &*layout_;
  } else {
    auto old = old_layouts_.find(entry.layout);
    if (old == old_layouts_.end()) {
      absl::StatusOr<std::string> bytes = outbox_.GetLayout(entry.layout);
      // A damaged file is mended at the next start: nothing is given up before.
      if (!bytes.ok() && !absl::IsNotFound(bytes.status())) {
        return absl::UnavailableError(bytes.status().message());
      }
      if (!bytes.ok()) return bytes.status();
      absl::StatusOr<DataLayout> parsed = DataLayout::Parse(*bytes);
      if (!parsed.ok()) return parsed.status();
      if (old_layouts_.size() >= kMaxOldLayouts) old_layouts_.erase(old_layouts_.begin());
      old = old_layouts_.emplace(entry.layout, *std::move(parsed)).first;
    }
    layout = &old->second;
  }
  std::string body;
  absl::Status s = layout->AppendBody(entry.content, entry.message_id, entry.timestamp, body);
  if (!s.ok()) return s;
  return body;
}

int64_t Connector::Timestamp(absl::Time t) const {
  return absl::ToUnixSeconds(t) + time_zone_.At(t).offset;
}

MonotonicTime Connector::NextDeadline() const {
  MonotonicTime next = std::min(lifecycle_.deadline(), sections_.NextDeadline());
  // Otherwise an acknowledgement opens the way for records.
  if (MayTakeRecords()) next = std::min(next, log_schedule_.NextDeadline());
  return std::min({next, StoreDeadline(), peer_.deadline(), settle_outbox_by_, LossDeadline()});
}

// --- Status ---------------------------------------------------------------------

v1::ConnectorStatus Connector::Status() const {
  v1::ConnectorStatus status;
  status.set_name(config_.name());
  status.set_state(StateToProto(lifecycle_.state()));
  status.set_connection_type(ConnectionType(lifecycle_.broker_url()));
  status.set_route(RouteText(config_));
  status.set_connection_state_msg(std::string(lifecycle_.connection_state_msg()));
  status.set_detail(lifecycle_.detail());
  // A try that hangs must not hide why the one before failed.
  if (lifecycle_.state() == LifecycleState::kConnecting && !last_failure_.empty()) {
    status.set_detail(absl::StrCat(lifecycle_.detail(), "; before: ", last_failure_));
  }
  status.set_last_send_at(last_send_at_);
  status.set_broker_version(lifecycle_.portal_version());
  const OutboxStats stats = outbox_.Stats();
  const int64_t waiting = MessagesWaiting();
  status.set_messages_waiting(static_cast<uint64_t>(waiting));
  status.set_bytes_waiting(waiting > 0 ? static_cast<uint64_t>(stats.bytes) : 0);
  status.set_messages_acknowledged(acknowledged_count_);
  status.set_messages_dropped(static_cast<uint64_t>(stats.dropped));
  status.set_inbound_ignored(ignored_ + lifecycle_.ignored());
  status.set_reconnects(reconnects_);
  status.set_next_message_id(outbox_.PeekMessageId());
  AddLogs(status);
  AddCache(status);
  AddLosses(status);
  return status;
}

std::vector<std::pair<std::string, std::string>> Connector::ProcessValues() const {
  const std::string base = absl::StrCat("/Process/", config_.name(), "/");
  return {
      {base + "ConnectionType", ConnectionType(lifecycle_.broker_url())},
      {base + "ConnectionState", lifecycle_.connected() ? "1" : "0"},
      {base + "ConnectionStateMsg", std::string(lifecycle_.connection_state_msg())},
      {base + "LastTimeStamp", absl::StrCat(last_send_at_)},
      {base + "ChangeToggle", change_toggle_ ? "1" : "0"},
      {base + "BrokerVersion", lifecycle_.portal_version()},
      // Not in the manual: what an alarm can be made of.
      {base + "MessagesWaiting", absl::StrCat(MessagesWaiting())},
      {base + "MessagesDropped", absl::StrCat(outbox_.Stats().dropped)},
  };
}

}  // namespace fieldgate::cloud_link
