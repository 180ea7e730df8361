#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/time/clock.h"
#include "services/cloud_link/lifecycle/backoff.h"

// The lifecycle of one connector (manual section 2, Tables 1-2 and 1-3) as a
// state machine over events and monotonic time. It does nothing itself: each
// step returns the actions for the loop to carry out in order; how an action
// went comes back as an event.
namespace fieldgate::cloud_link {

struct Identity {
  std::string gateway_id;
  std::string customer_id;
  std::string data_broker_url;         // with scheme and port; empty: base_url
  std::optional<int> data_broker_qos;  // absent: the connector's own

  friend bool operator==(const Identity&, const Identity&) = default;
};

struct LifecycleConfig {
  bool start = true;
  std::string base_url;
  // Configured ids; both set: rollout is skipped, and they win over `stored`.
  std::string gateway_id;
  std::string customer_id;
  std::optional<Identity> stored;
  std::string serial_number;
  absl::Duration response_timeout = absl::Seconds(60);
  absl::Duration retry_max = absl::Seconds(900);
  absl::Duration broker_fallback = absl::Hours(24);
  std::vector<std::string> broker_redirect_allow;
};

enum class LifecycleState {
  kDisabled,
  kConnecting,
  kRollout,
  kWaitRolloutResult,
  kInit,
  kWaitInitResult,
  kRunning,
  kBackoff,
};

// --- Events -----------------------------------------------------------------

struct Connected {};
// The connect failed or the connection was lost.
struct Disconnected {
  std::string why;
  // The broker was reached and turned the gateway away.
  bool refused = false;
};
struct Subscribed {};
struct SubscribeFailed {
  std::string why;
};
// The request of SendRollout or SendInit was handed to the client.
struct RequestSent {
  std::string request_id;
};
struct RequestFailed {
  std::string why;
};
struct RolloutResult {
  int64_t error_code = 0;
  std::string response_id;
  std::string gateway_id;
  std::string customer_id;
  // As received: scheme and port may be missing.
  std::string data_broker_url;
  std::optional<int> data_broker_qos;
  bool has_configuration = false;  // gateway_configuration was in it
};
struct InitResult {
  int64_t error_code = 0;
  std::string response_id;
  std::string portal_version;
};
// Something on a result topic that is neither.
struct UnreadableResult {
  std::string why;
};
struct IdentityStored {};
struct IdentityStoreFailed {
  std::string why;
};
// <Reset _="Secretfile"/>
struct SecretsReset {};
// The data model changed: init must run again.
struct DataModelChanged {};
// The deadline passed.
struct TimePassed {};

using LifecycleEvent =
    std::variant<Connected, Disconnected, Subscribed, SubscribeFailed, RequestSent, RequestFailed,
                 RolloutResult, InitResult, UnreadableResult, IdentityStored, IdentityStoreFailed,
                 SecretsReset, DataModelChanged, TimePassed>;

// --- Actions ----------------------------------------------------------------

// Connect to `url`; a present connection is dropped first.
// -> Connected or Disconnected.
struct Connect {
  std::string url;
};
struct Disconnect {};
// -> Subscribed or SubscribeFailed.
struct Subscribe {
  std::vector<std::string> topics;
};
// Build and publish the request on `topic`. -> RequestSent or RequestFailed.
struct SendRollout {
  std::string topic;
};
struct SendInit {
  std::string topic;
};
// Keep it durably. -> IdentityStored or IdentityStoreFailed.
struct StoreIdentity {
  Identity identity;
};
// Forget what rollouts gave.
struct ForgetIdentity {};
// Execute the gateway_configuration of the result just handled.
struct ExecuteConfiguration {};
// Data may flow with these ids, until the state changes.
struct StartRunning {
  Identity identity;
};

using LifecycleAction =
    std::variant<Connect, Disconnect, Subscribe, SendRollout, SendInit, StoreIdentity,
                 ForgetIdentity, ExecuteConfiguration, StartRunning>;

// Thread-compatible.
class Lifecycle {
 public:
  // `seed` is for the jitter of the pauses.
  Lifecycle(LifecycleConfig config, uint32_t seed);

  // Begins; call once, before On.
  std::vector<LifecycleAction> Start(MonotonicTime now);
  // One step. Events that the state doesn't expect change nothing but the
  // counter of ignored ones.
  std::vector<LifecycleAction> On(const LifecycleEvent& event, MonotonicTime now);

  // Takes over timeouts, bounds of pauses and allowed data brokers; all else of
  // `config` is ignored. A pause that is longer than the new bound ends earlier;
  // a wait for an answer keeps its time.
  void SetLimits(const LifecycleConfig& config, MonotonicTime now);

  LifecycleState state() const { return state_; }
  // When TimePassed is due; Never when nothing is timed.
  MonotonicTime deadline() const { return deadline_; }
  // Why it is in this state, for people: "portal answered 404: gateway not
  // found; next try in 8 s".
  const std::string& detail() const { return detail_; }
  // The broker it talks to, or will; with scheme and port.
  const std::string& broker_url() const { return broker_url_; }
  // A connection exists.
  bool connected() const { return connected_; }
  // Ids in force; empty before a rollout. During a further rollout they stay
  // until its result replaces them, so that data goes on being stored.
  const Identity& identity() const { return identity_; }
  const std::string& portal_version() const { return portal_version_; }
  // Results that nobody waited for.
  uint64_t ignored() const { return ignored_; }

  // ConnectionStateMsg of section 7.5: "not connected", "connecting",
  // "registering" (rollout and init), "connected" (running).
  absl::string_view connection_state_msg() const;

 private:
  using Actions = std::vector<LifecycleAction>;

  // What it waits for; finer than the state.
  enum class Step {
    kDisabled,
    kConnecting,
    kSubscribingRollout,
    kSendingRollout,
    kWaitingRollout,
    kStoring,
    kSubscribingInit,
    kSendingInit,
    kWaitingInit,
    kRunning,
    kPauseToConnect,  // no connection
    kPauseToRollout,  // the connection is kept
    kPauseToInit,     // the connection is kept
  };
  // An identity on its way to the disk.
  struct Pending {
    Identity identity;
    bool has_configuration = false;
  };

  Actions Handle(const Connected&, MonotonicTime now);
  Actions Handle(const Disconnected& event, MonotonicTime now);
  Actions Handle(const Subscribed&, MonotonicTime now);
  Actions Handle(const SubscribeFailed& event, MonotonicTime now);
  Actions Handle(const RequestSent& event, MonotonicTime now);
  Actions Handle(const RequestFailed& event, MonotonicTime now);
  Actions Handle(const RolloutResult& result, MonotonicTime now);
  Actions Handle(const InitResult& result, MonotonicTime now);
  Actions Handle(const UnreadableResult& event, MonotonicTime now);
  Actions Handle(const IdentityStored&, MonotonicTime now);
  Actions Handle(const IdentityStoreFailed& event, MonotonicTime now);
  Actions Handle(const SecretsReset&, MonotonicTime now);
  Actions Handle(const DataModelChanged&, MonotonicTime now);
  Actions Handle(const TimePassed&, MonotonicTime now);

  // The broker for what comes next: rollout happens at base_url (2.1.1).
  const std::string& TargetUrl() const;
  bool OnDataBroker() const { return broker_url_ != config_.base_url; }
  Actions ConnectToTarget(MonotonicTime now);
  // Rollout or init, whichever is due, on the broker where it belongs.
  Actions Proceed(MonotonicTime now);
  Actions BeginRollout(MonotonicTime now);
  Actions BeginInit(MonotonicTime now);
  // Waits before `step`'s try; `why` is for detail().
  Actions Pause(Step step, absl::string_view why, MonotonicTime now);
  Actions PauseUntil(Step step, absl::string_view why, MonotonicTime until, MonotonicTime now);
  // The broker doesn't answer: ends the connection and pauses.
  Actions GiveUpConnection(absl::string_view why, MonotonicTime now);
  // What a failed init leads to (2.2.1).
  Step AfterInitFailed() const;
  Actions Ignore();
  void Enter(Step step, MonotonicTime deadline);

  LifecycleConfig config_;
  std::minstd_rand random_;
  Backoff reconnect_;  // to a broker that turns the gateway away
  Backoff redial_;     // to one that is not reached
  Backoff retry_;
  Step step_ = Step::kDisabled;
  LifecycleState state_ = LifecycleState::kDisabled;
  MonotonicTime deadline_ = MonotonicTime::Never();
  std::string detail_;
  std::string broker_url_;
  bool connected_ = false;
  // The ids are configured: there is never a rollout.
  bool configured_ = false;
  // Rollout comes before init.
  bool rollout_due_ = true;
  Identity identity_;
  std::optional<Pending> pending_;
  // Of the request whose result is awaited.
  std::string request_id_;
  // Since when the data broker can't be reached.
  std::optional<MonotonicTime> unreachable_since_;
  std::string portal_version_;
  uint64_t ignored_ = 0;
};

}  // namespace fieldgate::cloud_link
