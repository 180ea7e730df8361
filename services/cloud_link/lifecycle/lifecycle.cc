#include "services/cloud_link/lifecycle/lifecycle.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/cloud_link/lifecycle/broker_url.h"
#include "services/cloud_link/payload/topics.h"

namespace fieldgate::cloud_link {
namespace {

// Longer than any client takes to report a failed connect (30 s); only for one
// that reports nothing at all.
constexpr absl::Duration kConnectTimeout = absl::Minutes(2);
constexpr absl::Duration kReconnectMax = absl::Seconds(120);
// A broker that is not reached costs a packet or three a try, and its return is
// to be noticed within 5 s, the time of a try that hangs included.
constexpr absl::Duration kRedialMax = absl::Seconds(2);

std::string Seconds(absl::Duration d) {
  return absl::StrFormat("%.*f s", d < absl::Seconds(10) ? 1 : 0, absl::ToDoubleSeconds(d));
}

// Table 8-1.
std::string RolloutError(int64_t error_code) {
  const std::string answer = absl::StrCat("portal answered ", error_code, " to rollout");
  if (error_code == 404) return answer + ": gateway not found";
  if (error_code == 409) return answer + ": gateway not in rollout state";
  return answer;
}

std::string InitError(int64_t error_code) {
  const std::string answer = absl::StrCat("portal answered ", error_code, " to init");
  if (error_code == 404) return answer + ": gateway not found";
  if (error_code == 409) return answer + ": gateway not in valid state";
  if (error_code == 500) return answer + ": response_id of gatewayInit is empty";
  return answer;
}

bool HasValidIds(const Identity& identity) {
  return IsValidId(identity.gateway_id) && IsValidId(identity.customer_id);
}

// The identity that a rollout result gives.
absl::StatusOr<Identity> IdentityOf(const RolloutResult& result, const LifecycleConfig& config) {
  if (result.error_code != 0) {
    return absl::FailedPreconditionError(RolloutError(result.error_code));
  }
  Identity identity{result.gateway_id, result.customer_id, "", result.data_broker_qos};
  if (!HasValidIds(identity)) {
    return absl::InvalidArgumentError("portal gave a gateway_id or customer_id that is not valid");
  }
  if (const int qos = identity.data_broker_qos.value_or(0); qos < 0 || qos > 2) {
    return absl::InvalidArgumentError(absl::StrCat("portal gave QoS ", qos, " for the broker"));
  }
  if (!result.data_broker_url.empty()) {
    absl::StatusOr<std::string> url =
        ResolveDataBroker(result.data_broker_url, config.base_url, config.broker_redirect_allow);
    if (!url.ok()) return url.status();
    identity.data_broker_url = *std::move(url);
  }
  return identity;
}

// Stored ones may be older than the configuration.
bool IsUsable(const Identity& stored, const LifecycleConfig& config) {
  return HasValidIds(stored) &&
         (stored.data_broker_url.empty() ||
          ResolveDataBroker(stored.data_broker_url, config.base_url, config.broker_redirect_allow)
              .ok());
}

}  // namespace

Lifecycle::Lifecycle(LifecycleConfig config, uint32_t seed)
    : config_(std::move(config)),
      reconnect_(kReconnectMax),
      redial_(kRedialMax),
      retry_(config_.retry_max) {
  std::seed_seq sequence{seed};
  random_.seed(sequence);
}

std::vector<LifecycleAction> Lifecycle::Start(MonotonicTime now) {
  broker_url_ = config_.base_url;
  if (!config_.start) {
    detail_ = "CloudConnStart is 0";
    return {};
  }
  const Identity configured{config_.gateway_id, config_.customer_id, "", std::nullopt};
  if (HasValidIds(configured)) {
    identity_ = configured;
    configured_ = true;
    rollout_due_ = false;
  } else if (config_.stored && IsUsable(*config_.stored, config_)) {
    identity_ = *config_.stored;
    rollout_due_ = false;
  }
  return ConnectToTarget(now);
}

std::vector<LifecycleAction> Lifecycle::On(const LifecycleEvent& event, MonotonicTime now) {
  return std::visit([&](const auto& e) { return Handle(e, now); }, event);
}

void Lifecycle::SetLimits(const LifecycleConfig& config, MonotonicTime now) {
  config_.response_timeout = config.response_timeout;
  config_.retry_max = config.retry_max;
  config_.broker_fallback = config.broker_fallback;
  config_.broker_redirect_allow = config.broker_redirect_allow;
  retry_.SetMax(config.retry_max);
  if (step_ == Step::kPauseToRollout || step_ == Step::kPauseToInit) {
    deadline_ = std::min(deadline_, now + config.retry_max);
  } else if (step_ == Step::kPauseToConnect && unreachable_since_) {
    deadline_ = std::min(deadline_, std::max(*unreachable_since_ + config.broker_fallback, now));
  }
}

absl::string_view Lifecycle::connection_state_msg() const {
  switch (state_) {
    case LifecycleState::kDisabled:
      return "not connected";
    case LifecycleState::kConnecting:
      return "connecting";
    case LifecycleState::kRunning:
      return "connected";
    case LifecycleState::kBackoff:
      return connected_ ? "registering" : "not connected";
    default:
      return "registering";
  }
}

// --- The connection -----------------------------------------------------------

const std::string& Lifecycle::TargetUrl() const {
  return rollout_due_ || identity_.data_broker_url.empty() ? config_.base_url
                                                           : identity_.data_broker_url;
}

Lifecycle::Actions Lifecycle::ConnectToTarget(MonotonicTime now) {
  Actions actions;
  if (connected_ || step_ == Step::kConnecting) actions.push_back(Disconnect{});
  connected_ = false;
  broker_url_ = TargetUrl();
  if (!OnDataBroker()) {
    unreachable_since_.reset();
  } else if (!unreachable_since_) {
    unreachable_since_ = now;
  }
  Enter(Step::kConnecting, now + kConnectTimeout);
  detail_ = absl::StrCat("connecting to ", broker_url_);
  actions.push_back(Connect{broker_url_});
  return actions;
}

Lifecycle::Actions Lifecycle::Handle(const Connected&, MonotonicTime now) {
  if (step_ != Step::kConnecting) return Ignore();
  connected_ = true;
  unreachable_since_.reset();
  return Proceed(now);
}

Lifecycle::Actions Lifecycle::Handle(const Disconnected& event, MonotonicTime now) {
  if (!connected_ && step_ != Step::kConnecting) return Ignore();
  const std::string why = absl::StrCat(connected_ ? "lost the connection to " : "can't connect to ",
                                       broker_url_, ": ", event.why);
  const bool turned_away = event.refused || (connected_ && step_ != Step::kRunning);
  connected_ = false;
  if (OnDataBroker() && !unreachable_since_) unreachable_since_ = now;
  if (turned_away) return Pause(Step::kPauseToConnect, why, now);
  return PauseUntil(Step::kPauseToConnect, why, now + redial_.Next(random_), now);
}

Lifecycle::Actions Lifecycle::GiveUpConnection(absl::string_view why, MonotonicTime now) {
  connected_ = false;
  if (OnDataBroker() && !unreachable_since_) unreachable_since_ = now;
  Pause(Step::kPauseToConnect, absl::StrCat(broker_url_, " ", why), now);
  return {Disconnect{}};
}

// --- Rollout and init -----------------------------------------------------------

Lifecycle::Actions Lifecycle::Proceed(MonotonicTime now) {
  if (broker_url_ != TargetUrl()) return ConnectToTarget(now);
  return rollout_due_ ? BeginRollout(now) : BeginInit(now);
}

Lifecycle::Actions Lifecycle::BeginRollout(MonotonicTime now) {
  pending_.reset();
  const std::string topic = RolloutResultTopic(config_.serial_number);
  if (topic.empty()) {
    return Pause(Step::kPauseToRollout, "the serial number is not valid, so rollout is impossible",
                 now);
  }
  Enter(Step::kSubscribingRollout, now + config_.response_timeout);
  detail_ = "rollout";
  return {Subscribe{{topic}}};
}

Lifecycle::Actions Lifecycle::BeginInit(MonotonicTime now) {
  Enter(Step::kSubscribingInit, now + config_.response_timeout);
  detail_ = "initialisation";
  GatewayTopics topics = TopicsOf(identity_.customer_id, identity_.gateway_id);
  return {Subscribe{{std::move(topics.init_result), std::move(topics.config), std::move(topics.cmd),
                     std::move(topics.state)}}};
}

Lifecycle::Actions Lifecycle::Handle(const Subscribed&, MonotonicTime now) {
  if (step_ == Step::kSubscribingRollout) {
    Enter(Step::kSendingRollout, now + config_.response_timeout);
    return {SendRollout{RolloutTopic()}};
  }
  if (step_ == Step::kSubscribingInit) {
    Enter(Step::kSendingInit, now + config_.response_timeout);
    return {SendInit{TopicsOf(identity_.customer_id, identity_.gateway_id).init}};
  }
  return Ignore();
}

Lifecycle::Actions Lifecycle::Handle(const SubscribeFailed& event, MonotonicTime now) {
  if (step_ == Step::kSubscribingRollout) {
    return Pause(Step::kPauseToRollout,
                 absl::StrCat("subscribing to the rollout result failed: ", event.why), now);
  }
  if (step_ == Step::kSubscribingInit) {
    return Pause(AfterInitFailed(),
                 absl::StrCat("subscribing to the gateway's topics failed: ", event.why), now);
  }
  return Ignore();
}

Lifecycle::Actions Lifecycle::Handle(const RequestSent& event, MonotonicTime now) {
  // In kWaitingInit: init was sent again since the data model changed.
  const bool init_again = step_ == Step::kWaitingInit && event.request_id != request_id_;
  if (step_ == Step::kSendingRollout) {
    Enter(Step::kWaitingRollout, now + config_.response_timeout);
  } else if (step_ == Step::kSendingInit || init_again) {
    Enter(Step::kWaitingInit, now + config_.response_timeout);
  } else {
    return Ignore();
  }
  request_id_ = event.request_id;
  return {};
}

Lifecycle::Actions Lifecycle::Handle(const RequestFailed& event, MonotonicTime now) {
  if (step_ == Step::kSendingRollout) {
    return Pause(Step::kPauseToRollout, absl::StrCat("rollout could not be sent: ", event.why),
                 now);
  }
  if (step_ == Step::kSendingInit) {
    return Pause(Step::kPauseToInit, absl::StrCat("init could not be sent: ", event.why), now);
  }
  return Ignore();
}

Lifecycle::Actions Lifecycle::Handle(const RolloutResult& result, MonotonicTime now) {
  if (step_ != Step::kWaitingRollout || result.response_id != request_id_) return Ignore();
  absl::StatusOr<Identity> identity = IdentityOf(result, config_);
  if (!identity.ok()) return Pause(Step::kPauseToRollout, identity.status().message(), now);
  pending_ = Pending{*std::move(identity), result.has_configuration};
  Enter(Step::kStoring, now + config_.response_timeout);
  detail_ = "storing the ids of the rollout";
  return {StoreIdentity{pending_->identity}};
}

Lifecycle::Actions Lifecycle::Handle(const IdentityStored&, MonotonicTime now) {
  // Also when it comes late: the ids are stored, a further rollout is not needed.
  if (!pending_) return Ignore();
  identity_ = std::move(pending_->identity);
  rollout_due_ = false;
  Actions actions;
  if (pending_->has_configuration) actions.push_back(ExecuteConfiguration{});
  pending_.reset();
  if (!connected_) return actions;
  for (LifecycleAction& action : Proceed(now)) actions.push_back(std::move(action));
  return actions;
}

Lifecycle::Actions Lifecycle::Handle(const IdentityStoreFailed& event, MonotonicTime now) {
  if (!pending_) return Ignore();
  pending_.reset();
  if (step_ != Step::kStoring) return {};  // waits for the next try already
  return Pause(Step::kPauseToRollout,
               absl::StrCat("the ids of the rollout can't be stored: ", event.why), now);
}

Lifecycle::Actions Lifecycle::Handle(const InitResult& result, MonotonicTime now) {
  if (step_ != Step::kWaitingInit || result.response_id != request_id_) return Ignore();
  if (result.error_code != 0) {
    // The portal's word, unlike its silence, stands also after a reconnect.
    rollout_due_ = !configured_;
    return Pause(AfterInitFailed(), InitError(result.error_code), now);
  }
  portal_version_ = result.portal_version;
  reconnect_.Reset();
  redial_.Reset();
  retry_.Reset();
  Enter(Step::kRunning, MonotonicTime::Never());
  detail_ = "running";
  return {StartRunning{identity_}};
}

Lifecycle::Actions Lifecycle::Handle(const UnreadableResult& event, MonotonicTime) {
  if (step_ == Step::kWaitingRollout || step_ == Step::kWaitingInit) {
    detail_ = absl::StrCat("ignored a result that can't be read: ", event.why);
  }
  return Ignore();
}

Lifecycle::Step Lifecycle::AfterInitFailed() const {
  return configured_ ? Step::kPauseToInit : Step::kPauseToRollout;
}

// --- From outside ---------------------------------------------------------------

Lifecycle::Actions Lifecycle::Handle(const SecretsReset&, MonotonicTime now) {
  Actions actions = {ForgetIdentity{}};
  if (step_ == Step::kDisabled || configured_) return actions;
  identity_ = {};
  rollout_due_ = true;
  pending_.reset();
  portal_version_.clear();
  retry_.Reset();
  // A new connection, so that nothing of the old ids' comes in any more.
  for (LifecycleAction& action : ConnectToTarget(now)) actions.push_back(std::move(action));
  return actions;
}

Lifecycle::Actions Lifecycle::Handle(const DataModelChanged&, MonotonicTime now) {
  if (step_ == Step::kRunning) return BeginInit(now);
  if (step_ == Step::kSendingInit || step_ == Step::kWaitingInit) {
    Enter(Step::kSendingInit, now + config_.response_timeout);
    return {SendInit{TopicsOf(identity_.customer_id, identity_.gateway_id).init}};
  }
  return {};  // init is still to come
}

// --- Time -----------------------------------------------------------------------

Lifecycle::Actions Lifecycle::Handle(const TimePassed&, MonotonicTime now) {
  if (now < deadline_) return {};
  const std::string within = absl::StrCat(" within ", Seconds(config_.response_timeout));
  switch (step_) {
    case Step::kDisabled:
    case Step::kRunning:
      return {};
    case Step::kConnecting:
      return GiveUpConnection("does not answer", now);
    case Step::kSubscribingRollout:
    case Step::kSubscribingInit:
      return GiveUpConnection(absl::StrCat("did not confirm a subscription", within), now);
    case Step::kSendingRollout:
      return Pause(Step::kPauseToRollout, absl::StrCat("rollout was not sent", within), now);
    case Step::kSendingInit:
      return Pause(Step::kPauseToInit, absl::StrCat("init was not sent", within), now);
    case Step::kWaitingRollout:
      return Pause(Step::kPauseToRollout, absl::StrCat("no answer to rollout", within), now);
    case Step::kWaitingInit:
      return Pause(AfterInitFailed(), absl::StrCat("no answer to init", within), now);
    case Step::kStoring:
      return Pause(Step::kPauseToRollout,
                   absl::StrCat("the ids of the rollout were not stored", within), now);
    case Step::kPauseToConnect:
      if (unreachable_since_ && now - *unreachable_since_ >= config_.broker_fallback) {
        rollout_due_ = true;  // at base_url
      }
      return ConnectToTarget(now);
    case Step::kPauseToRollout:
      rollout_due_ = true;
      return Proceed(now);
    case Step::kPauseToInit:
      return Proceed(now);
  }
  return {};
}

Lifecycle::Actions Lifecycle::Pause(Step step, absl::string_view why, MonotonicTime now) {
  Backoff& backoff = step == Step::kPauseToConnect ? reconnect_ : retry_;
  return PauseUntil(step, why, now + backoff.Next(random_), now);
}

Lifecycle::Actions Lifecycle::PauseUntil(Step step, absl::string_view why, MonotonicTime until,
                                         MonotonicTime now) {
  if (unreachable_since_ && step == Step::kPauseToConnect) {
    until = std::clamp(*unreachable_since_ + config_.broker_fallback, now, until);
  }
  Enter(step, until);
  detail_ = absl::StrCat(why, "; next try in ", Seconds(until - now));
  return {};
}

Lifecycle::Actions Lifecycle::Ignore() {
  ++ignored_;
  return {};
}

void Lifecycle::Enter(Step step, MonotonicTime deadline) {
  step_ = step;
  deadline_ = deadline;
  switch (step) {
    case Step::kDisabled:
      state_ = LifecycleState::kDisabled;
      break;
    case Step::kConnecting:
      state_ = LifecycleState::kConnecting;
      break;
    case Step::kSubscribingRollout:
    case Step::kSendingRollout:
      state_ = LifecycleState::kRollout;
      break;
    case Step::kWaitingRollout:
    case Step::kStoring:
      state_ = LifecycleState::kWaitRolloutResult;
      break;
    case Step::kSubscribingInit:
    case Step::kSendingInit:
      state_ = LifecycleState::kInit;
      break;
    case Step::kWaitingInit:
      state_ = LifecycleState::kWaitInitResult;
      break;
    case Step::kRunning:
      state_ = LifecycleState::kRunning;
      break;
    case Step::kPauseToConnect:
    case Step::kPauseToRollout:
    case Step::kPauseToInit:
      state_ = LifecycleState::kBackoff;
  }
}

}  // namespace fieldgate::cloud_link
