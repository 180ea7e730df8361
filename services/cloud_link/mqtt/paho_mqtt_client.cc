#include "services/cloud_link/mqtt/paho_mqtt_client.h"

#include <mqtt/async_client.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/log/log.h"
#include "common/status/status.h"
#include "services/cloud_link/mqtt/client_thread.h"
#include "services/cloud_link/mqtt/endpoint.h"
#include "services/cloud_link/mqtt/event_gate.h"
#include "services/cloud_link/mqtt/network_interface.h"
#include "services/cloud_link/mqtt/route_mark.h"
#include "services/cloud_link/mqtt/route_resolver.h"
#include "services/cloud_link/mqtt/socket_guard.h"
#include "services/cloud_link/mqtt/tls_guard.h"
#include "services/cloud_link/mqtt/topic.h"

namespace fieldgate::cloud_link {
namespace {

// More makes Paho stall when the socket's buffer fills. Publications and
// subscriptions together.
constexpr int kMaxInFlight = 100;
constexpr int64_t kMaxInFlightBytes = 1 << 20;
// Paho refuses (-12) what its send thread hasn't taken yet beyond this; our own
// bound comes first.
constexpr int kPahoBuffer = 2 * kMaxInFlight;
// What is passed on of an inbound message: one byte more than may be parsed.
constexpr size_t kMaxPayload = (256 << 10) + 1;
constexpr char kCaBundle[] = "/etc/ssl/certs/ca-certificates.crt";

absl::Status CheckReadable(const std::string& file) {
  if (access(file.c_str(), R_OK) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("can't read the certificates in ", file));
}

// MQTT 3.1.1, 3.2.2.3
absl::Status ConnackError(int code) {
  switch (code) {
    case 1:
      return absl::FailedPreconditionError("broker refused: unacceptable protocol version");
    case 2:
      return absl::FailedPreconditionError("broker refused: client identifier rejected");
    case 3:
      return absl::FailedPreconditionError("broker refused: server unavailable");
    case 4:
      return absl::UnauthenticatedError("broker refused: bad user name or password");
    case 5:
      return absl::PermissionDeniedError("broker refused: not authorised");
    default:
      return absl::FailedPreconditionError(absl::StrCat("broker refused: code ", code));
  }
}

absl::Status SubscriptionRefused() {
  return absl::PermissionDeniedError("broker refused the subscription");
}

// What is under way on one connection, within the bounds. Paho carries the slot
// as its context, which is a pointer: too small for a token on 32 bits.
// Thread-safe.
class InFlight {
 public:
  InFlight() {
    for (int slot = 0; slot < kMaxInFlight; ++slot) free_.push_back(slot);
  }

  // Nothing if too much is under way.
  std::optional<int> Add(MqttToken token, size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (free_.empty() || bytes_ >= kMaxInFlightBytes) return std::nullopt;
    const int slot = free_.back();
    free_.pop_back();
    slots_[slot] = {token, static_cast<int64_t>(bytes)};
    bytes_ += slots_[slot].bytes;
    return slot;
  }

  MqttToken Take(int slot) {
    const std::lock_guard lock(mutex_);
    free_.push_back(slot);
    bytes_ -= slots_[slot].bytes;
    return slots_[slot].token;
  }

 private:
  struct Slot {
    MqttToken token = 0;
    int64_t bytes = 0;
  };
  std::mutex mutex_;
  Slot slots_[kMaxInFlight];
  std::vector<int> free_;
  int64_t bytes_ = 0;
};

void* ContextOf(int slot) { return reinterpret_cast<void*>(static_cast<intptr_t>(slot)); }
int SlotOf(const mqtt::token& token) {
  return static_cast<int>(reinterpret_cast<intptr_t>(token.get_user_context()));
}

// Keeps one client for ever: destroying the last one stops Paho's threads, which
// takes seconds and races with the next client's creation. (volatile: leak
// detection shall find it.)
void KeepPahoRunning() {
  static mqtt::async_client* volatile const keeper = new mqtt::async_client(
      "tcp://127.0.0.1:1", "keeper", static_cast<mqtt::iclient_persistence*>(nullptr));
  static_cast<void>(keeper);
}

// One connection from its attempt to its end; never used for a second one.
class Connection : public mqtt::iaction_listener {
 public:
  // `attempt`: of a host with several addresses, each is tried in its turn.
  Connection(std::shared_ptr<EventGate> gate, uint64_t number, MqttOptions options,
             Endpoint endpoint, size_t attempt)
      : gate_(std::move(gate)),
        number_(number),
        options_(std::move(options)),
        endpoint_(std::move(endpoint)),
        attempt_(attempt) {}

  // May wait for Paho's lock. Paho calls back until it has returned.
  ~Connection() override { client_.reset(); }

  // Blocks on name resolution.
  void Start();

  // Whether the interface of its route is still the one that it started with;
  // otherwise the connection is lost.
  bool KeepsItsInterface();

  // These need the connection to be up.
  absl::Status Subscribe(MqttToken token, const std::vector<std::string>& topics, Qos qos);
  absl::Status Publish(MqttToken token, absl::string_view topic, std::string payload, Qos qos);

  // Of Paho's threads.
  void on_success(const mqtt::token& token) override;
  void on_failure(const mqtt::token& token) override;

 private:
  absl::StatusOr<std::string> PrepareUrl();
  mqtt::connect_options ConnectOptions() const;
  void OnMessage(const mqtt::message& message);
  void ConnectFailed(const mqtt::token& token);
  void SubscriptionAnswered(MqttToken token, const absl::Status& status);
  template <typename Call>
  absl::Status Send(MqttToken token, size_t bytes, Call call);

  const std::shared_ptr<EventGate> gate_;
  const uint64_t number_;
  const MqttOptions options_;
  const Endpoint endpoint_;
  const size_t attempt_;
  unsigned interface_index_ = 0;   // 0: it has no route, or has not found it
  std::optional<RouteMark> mark_;  // outlives client_
  mqtt::string_ref topic_;         // of the last publication
  InFlight in_flight_;
  struct Subscription {
    size_t left = 0;  // topics without an answer
    absl::Status status;
  };
  std::mutex mutex_;  // guards subscriptions_
  std::map<MqttToken, Subscription> subscriptions_;
  std::unique_ptr<mqtt::async_client> client_;
};

mqtt::connect_options Connection::ConnectOptions() const {
  mqtt::connect_options connect;
  connect.set_mqtt_version(MQTTVERSION_3_1_1);
  connect.set_clean_session(options_.clean_session);
  connect.set_automatic_reconnect(false);
  connect.set_max_inflight(kMaxInFlight);
  connect.set_keep_alive_interval(
      static_cast<int>(std::clamp<int64_t>(absl::ToInt64Seconds(options_.keep_alive), 0, 65535)));
  connect.set_connect_timeout(
      static_cast<int>(std::max<int64_t>(absl::ToInt64Seconds(options_.connect_timeout), 1)));
  if (!options_.username.empty()) connect.set_user_name(options_.username);
  if (!options_.password.empty()) connect.set_password(options_.password);
  if (endpoint_.tls) {
    const bool verify = options_.server_auth != MqttOptions::ServerAuth::kNone;
    mqtt::ssl_options ssl;
    // The host's name is checked by GuardTls, too; Paho's own check would compare
    // with the mark.
    ssl.set_verify(verify && !mark_.has_value());
    ssl.set_enable_server_cert_auth(verify);
    if (verify) {
      ssl.set_trust_store(options_.server_auth == MqttOptions::ServerAuth::kFile ? options_.ca_file
                                                                                 : kCaBundle);
    }
    if (!options_.alpn.empty()) {
      ssl.set_alpn_protos(absl::StrSplit(options_.alpn, ',', absl::SkipWhitespace()));
    }
    connect.set_ssl(std::move(ssl));
  }
  return connect;
}

// The URL for Paho. Resolves the host first: Paho does it with the lock held
// that every call of every client takes, so a dead name server would hold up
// all of them.
absl::StatusOr<std::string> Connection::PrepareUrl() {
  const MqttRoute& route = options_.route;
  if (route.interface.empty()) {
    if (absl::Status s = Resolve(endpoint_); !s.ok()) return s;
    return options_.url;
  }
  const unsigned index = LookAtInterface(route.interface).index;
  RouteResolverOptions resolver;
  resolver.wanted = [this] { return gate_->IsCurrent(number_); };
  absl::StatusOr<std::vector<std::string>> addresses =
      ResolveThrough(route, endpoint_.host, resolver);
  if (!addresses.ok()) return addresses.status();
  interface_index_ = index;
  mark_.emplace(endpoint_.host, (*addresses)[attempt_ % addresses->size()], route.interface);
  return absl::StrCat(endpoint_.tls ? "ssl://" : "tcp://", mark_->name(), ":", endpoint_.port);
}

bool Connection::KeepsItsInterface() {
  if (!gate_->IsCurrent(number_)) return false;
  if (interface_index_ == 0) return true;  // not started yet
  absl::Status gone = CheckInterface(options_.route);
  if (gone.ok() && LookAtInterface(options_.route.interface).index != interface_index_) {
    gone = absl::UnavailableError(
        absl::StrCat("interface ", ToText(options_.route), " was replaced by a new one"));
  }
  if (gone.ok()) return true;
  gate_->Disconnected(number_, gone);
  return false;
}

void Connection::Start() {
  const absl::StatusOr<std::string> url = PrepareUrl();
  if (!url.ok()) return gate_->Disconnected(number_, url.status());
  if (!gate_->IsCurrent(number_)) return;
  try {
    KeepPahoRunning();
    client_ = std::make_unique<mqtt::async_client>(
        *url, options_.client_id, mqtt::create_options(MQTTVERSION_3_1_1, kPahoBuffer),
        static_cast<mqtt::iclient_persistence*>(nullptr));
    client_->set_connection_lost_handler([this](const std::string& /*cause*/) {
      const std::string why = TakeReadError();
      gate_->Disconnected(number_, absl::UnavailableError(why.empty() ? "connection lost" : why));
    });
    client_->set_message_callback(
        [this](const mqtt::const_message_ptr& message) { OnMessage(*message); });
    client_->connect(ConnectOptions(), /*userContext=*/nullptr, *this);
  } catch (const std::exception& e) {
    gate_->Disconnected(number_, absl::UnavailableError(absl::StrCat("connect: ", e.what())));
  }
}

// Each topic in a packet of its own: Paho takes the number of codes in a SUBACK on
// trust, and reads through a wild pointer if it is not that of the topics.
absl::Status Connection::Subscribe(MqttToken token, const std::vector<std::string>& topics,
                                   Qos qos) {
  {
    const std::lock_guard lock(mutex_);
    subscriptions_[token] = {topics.size(), absl::OkStatus()};
  }
  for (const std::string& topic : topics) {
    const absl::Status sent = Send(token, /*bytes=*/0, [&](void* context) {
      client_->subscribe(topic, static_cast<int>(qos), context, *this);
    });
    if (sent.ok()) continue;
    const std::lock_guard lock(mutex_);
    subscriptions_.erase(token);
    return sent;
  }
  return absl::OkStatus();
}

void Connection::SubscriptionAnswered(MqttToken token, const absl::Status& status) {
  absl::Status all;
  {
    const std::lock_guard lock(mutex_);
    const auto found = subscriptions_.find(token);
    if (found == subscriptions_.end()) return;
    Subscription& subscription = found->second;
    subscription.status.Update(status);
    if (--subscription.left > 0) return;
    all = subscription.status;
    subscriptions_.erase(found);
  }
  gate_->Subscribed(number_, token, all);
}

absl::Status Connection::Publish(MqttToken token, absl::string_view topic, std::string payload,
                                 Qos qos) {
  // Most messages go to the same topic as the one before.
  if (!topic_ || absl::string_view(topic_.data(), topic_.size()) != topic) {
    topic_ = mqtt::string_ref(std::string(topic));
  }
  // Packet ids begin anew with each client object, so with each connection.
  if (!options_.clean_session) qos = std::min(qos, Qos::kAtLeastOnce);
  return Send(token, payload.size(), [&](void* context) {
    client_->publish(mqtt::message::create(topic_, mqtt::binary_ref(std::move(payload)),
                                           static_cast<int>(qos), /*retained=*/false),
                     context, *this);
  });
}

template <typename Call>
absl::Status Connection::Send(MqttToken token, size_t bytes, Call call) {
  const std::optional<int> slot = in_flight_.Add(token, bytes);
  if (!slot.has_value()) return absl::ResourceExhaustedError("too much in flight");
  try {
    call(ContextOf(*slot));
    return absl::OkStatus();
  } catch (const mqtt::exception& e) {
    in_flight_.Take(*slot);
    if (e.get_return_code() == MQTTASYNC_MAX_BUFFERED_MESSAGES ||
        e.get_return_code() == MQTTASYNC_NO_MORE_MSGIDS) {
      return absl::ResourceExhaustedError(e.what());
    }
    // The connection is gone; OnDisconnected follows.
    return absl::FailedPreconditionError(e.what());
  } catch (const std::exception& e) {  // no memory
    in_flight_.Take(*slot);
    return absl::ResourceExhaustedError(e.what());
  }
}

void Connection::on_success(const mqtt::token& token) {
  switch (token.get_type()) {
    case mqtt::token::CONNECT:
      return gate_->Connected(number_, token.get_connect_response().is_session_present());
    case mqtt::token::PUBLISH:
      return gate_->Published(number_, in_flight_.Take(SlotOf(token)), absl::OkStatus());
    case mqtt::token::SUBSCRIBE: {
      absl::Status status;
      const mqtt::subscribe_response response = token.get_subscribe_response();
      for (const mqtt::ReasonCode code : response.get_reason_codes()) {
        if (static_cast<int>(code) >= 0x80) status = SubscriptionRefused();
      }
      return SubscriptionAnswered(in_flight_.Take(SlotOf(token)), status);
    }
    default:
      return;
  }
}

void Connection::on_failure(const mqtt::token& token) {
  if (token.get_type() == mqtt::token::CONNECT) return ConnectFailed(token);
  const MqttToken failed = in_flight_.Take(SlotOf(token));
  // What a lost connection had under way is void as a whole: OnDisconnected
  // says so once.
  if (token.get_return_code() == MQTTASYNC_OPERATION_INCOMPLETE) return;
  if (token.get_type() == mqtt::token::PUBLISH) {
    gate_->Published(number_, failed, absl::UnavailableError("the message could not be sent"));
  } else {
    SubscriptionAnswered(failed, SubscriptionRefused());
  }
}

void Connection::ConnectFailed(const mqtt::token& token) {
  const std::string tls_error = TakeTlsError();
  const std::string read_error = TakeReadError();
  const int code = token.get_return_code();
  if (code > 0) return gate_->Disconnected(number_, ConnackError(code));
  std::string why = "can't connect";
  try {
    token.get_connect_response();  // the only way to the message
  } catch (const mqtt::exception& e) {
    if (!e.get_message().empty()) why = e.get_message();
  }
  if (endpoint_.tls && !tls_error.empty()) {
    return gate_->Disconnected(number_,
                               absl::FailedPreconditionError(absl::StrCat("TLS: ", tls_error)));
  }
  // It was there, and went without an answer.
  if (!read_error.empty()) {
    return gate_->Disconnected(number_, absl::FailedPreconditionError(read_error));
  }
  gate_->Disconnected(number_, absl::UnavailableError(why));
}

void Connection::OnMessage(const mqtt::message& message) {
  const std::string& topic = message.get_topic();
  if (absl::Status s = CheckTopicName(topic); !s.ok()) {
    log::Warning("a message from the broker was dropped", {{"why", std::string(s.message())}});
    return;
  }
  MqttMessage out;
  out.topic = topic;
  out.payload = message.get_payload().substr(0, kMaxPayload);
  out.qos = static_cast<Qos>(message.get_qos());
  out.retained = message.is_retained();
  gate_->Message(number_, std::move(out));
}

class PahoMqttClient : public MqttClient {
 public:
  explicit PahoMqttClient(MqttListener& listener) : gate_(std::make_shared<EventGate>(listener)) {}
  ~PahoMqttClient() override { Disconnect(); }

  absl::Status Connect(const MqttOptions& options) override {
    Disconnect();
    absl::StatusOr<Endpoint> endpoint = ParseEndpoint(options.url);
    if (!endpoint.ok()) return endpoint.status();
    if (endpoint->tls && options.server_auth != MqttOptions::ServerAuth::kNone) {
      const bool file = options.server_auth == MqttOptions::ServerAuth::kFile;
      absl::Status s = CheckReadable(file ? options.ca_file : kCaBundle);
      if (!s.ok()) return s;
    }
    if (options.client_id.empty() && !options.clean_session) {
      return absl::InvalidArgumentError("a kept session needs a client id");
    }
    connection_ = std::make_shared<Connection>(gate_, gate_->Open(), options, *std::move(endpoint),
                                               attempts_++);
    thread_.Post([connection = connection_] { connection->Start(); });
    if (!options.route.interface.empty()) {
      thread_.SetWatch([weak = std::weak_ptr<Connection>(connection_)] {
        const std::shared_ptr<Connection> connection = weak.lock();
        return connection != nullptr && connection->KeepsItsInterface();
      });
    }
    return absl::OkStatus();
  }

  void Disconnect() override {
    gate_->Close();
    if (connection_ == nullptr) return;
    thread_.SetWatch(nullptr);
    // Its last owner is the task: it ends on the worker's thread.
    thread_.Post(
        [connection = std::exchange(connection_, nullptr)]() mutable { connection.reset(); });
  }

  absl::Status Subscribe(MqttToken token, const std::vector<std::string>& topics,
                         Qos qos) override {
    if (topics.empty()) return absl::InvalidArgumentError("no topics");
    for (const std::string& topic : topics) {
      if (absl::Status s = CheckTopicFilter(topic); !s.ok()) return Annotate(s, topic);
    }
    if (!gate_->connected()) return absl::FailedPreconditionError("not connected");
    return connection_->Subscribe(token, topics, qos);
  }

  absl::Status Publish(MqttToken token, absl::string_view topic, std::string payload,
                       Qos qos) override {
    if (absl::Status s = CheckTopicName(topic); !s.ok()) return s;
    if (!gate_->connected()) return absl::FailedPreconditionError("not connected");
    return connection_->Publish(token, topic, std::move(payload), qos);
  }

 private:
  const std::shared_ptr<EventGate> gate_;
  ClientThread thread_;
  size_t attempts_ = 0;
  std::shared_ptr<Connection> connection_;
};

}  // namespace

std::unique_ptr<MqttClient> MakePahoMqttClient(MqttListener& listener) {
  GuardTls();
  return std::make_unique<PahoMqttClient>(listener);
}

}  // namespace fieldgate::cloud_link
