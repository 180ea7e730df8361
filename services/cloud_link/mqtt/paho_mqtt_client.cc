#include "services/cloud_link/mqtt/paho_mqtt_client.h"

#include <mqtt/async_client.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/log/log.h"
#include "common/status/status.h"
#include "services/cloud_link/mqtt/event_gate.h"
#include "services/cloud_link/mqtt/tls_guard.h"
#include "services/cloud_link/mqtt/topic.h"

// Paho's destructor forgets the topic and payload of each message that it has
// not sent yet, up to our whole window with every link that stalls. The step
// that makes it forget them guards against freeing twice what its persistence
// restored, which we don't use: the linker puts this in its place (--wrap).
extern "C" void __wrap_MQTTAsync_NULLPublishCommands(void* /*client*/) {}

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

struct Endpoint {
  bool tls = false;
  std::string host;
  std::string port;
};

// "tcp://host:1883", "ssl://[::1]:8883"
absl::StatusOr<Endpoint> ParseUrl(absl::string_view url) {
  const absl::Status bad = absl::InvalidArgumentError(
      absl::StrCat("broker URL '", url, "' is not tcp://HOST:PORT or ssl://HOST:PORT"));
  Endpoint endpoint;
  absl::string_view rest = url;
  if (absl::ConsumePrefix(&rest, "ssl://")) {
    endpoint.tls = true;
  } else if (!absl::ConsumePrefix(&rest, "tcp://")) {
    return bad;
  }
  const size_t colon = rest.rfind(':');
  if (colon == absl::string_view::npos) return bad;
  absl::string_view host = rest.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[") && !absl::ConsumeSuffix(&host, "]")) return bad;
  int port = 0;
  if (host.empty() || !absl::SimpleAtoi(rest.substr(colon + 1), &port) || port < 1 ||
      port > 65535 || host.find_first_of("/?#@ ") != absl::string_view::npos) {
    return bad;
  }
  endpoint.host = std::string(host);
  endpoint.port = absl::StrCat(port);
  return endpoint;
}

absl::Status CheckReadable(const std::string& file) {
  if (access(file.c_str(), R_OK) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("can't read the certificates in ", file));
}

// Fails before Paho is asked: it resolves names with the lock held that every
// call of every client takes, so a dead name server would hold up all of them.
absl::Status Resolve(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("can't resolve ", endpoint.host, ": ", gai_strerror(error)));
  }
  freeaddrinfo(found);
  return absl::OkStatus();
}

// MQTT 3.1.1, 3.2.2.3
absl::Status ConnackError(int code) {
  switch (code) {
    case 1:
      return absl::UnavailableError("broker refused: unacceptable protocol version");
    case 2:
      return absl::UnavailableError("broker refused: client identifier rejected");
    case 3:
      return absl::UnavailableError("broker refused: server unavailable");
    case 4:
      return absl::UnauthenticatedError("broker refused: bad user name or password");
    case 5:
      return absl::PermissionDeniedError("broker refused: not authorised");
    default:
      return absl::UnavailableError(absl::StrCat("broker refused: code ", code));
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
  Connection(std::shared_ptr<EventGate> gate, uint64_t number, MqttOptions options,
             Endpoint endpoint)
      : gate_(std::move(gate)),
        number_(number),
        options_(std::move(options)),
        endpoint_(std::move(endpoint)) {}

  // May wait for Paho's lock. Paho calls back until it has returned.
  ~Connection() override { client_.reset(); }

  // Blocks on name resolution.
  void Start();

  // These need the connection to be up.
  absl::Status Subscribe(MqttToken token, const std::vector<std::string>& topics, Qos qos);
  absl::Status Publish(MqttToken token, absl::string_view topic, std::string payload, Qos qos);

  // Of Paho's threads.
  void on_success(const mqtt::token& token) override;
  void on_failure(const mqtt::token& token) override;

 private:
  mqtt::connect_options ConnectOptions() const;
  void OnMessage(const mqtt::message& message);
  void ConnectFailed(const mqtt::token& token);
  template <typename Call>
  absl::Status Send(MqttToken token, size_t bytes, Call call);

  const std::shared_ptr<EventGate> gate_;
  const uint64_t number_;
  const MqttOptions options_;
  const Endpoint endpoint_;
  mqtt::string_ref topic_;  // of the last publication
  InFlight in_flight_;
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
    ssl.set_verify(verify);
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

void Connection::Start() {
  if (absl::Status s = Resolve(endpoint_); !s.ok()) return gate_->Disconnected(number_, s);
  if (!gate_->IsCurrent(number_)) return;
  try {
    KeepPahoRunning();
    client_ = std::make_unique<mqtt::async_client>(
        options_.url, options_.client_id, mqtt::create_options(MQTTVERSION_3_1_1, kPahoBuffer),
        static_cast<mqtt::iclient_persistence*>(nullptr));
    client_->set_connection_lost_handler([this](const std::string& /*cause*/) {
      gate_->Disconnected(number_, absl::UnavailableError("connection lost"));
    });
    client_->set_message_callback(
        [this](const mqtt::const_message_ptr& message) { OnMessage(*message); });
    client_->connect(ConnectOptions(), /*userContext=*/nullptr, *this);
  } catch (const std::exception& e) {
    gate_->Disconnected(number_, absl::UnavailableError(absl::StrCat("connect: ", e.what())));
  }
}

absl::Status Connection::Subscribe(MqttToken token, const std::vector<std::string>& topics,
                                   Qos qos) {
  return Send(token, /*bytes=*/0, [&](void* context) {
    if (topics.size() == 1) {
      client_->subscribe(topics[0], static_cast<int>(qos), context, *this);
    } else {
      client_->subscribe(mqtt::string_collection::create(topics),
                         mqtt::iasync_client::qos_collection(topics.size(), static_cast<int>(qos)),
                         context, *this);
    }
  });
}

absl::Status Connection::Publish(MqttToken token, absl::string_view topic, std::string payload,
                                 Qos qos) {
  // Most messages go to the same topic as the one before.
  if (!topic_ || absl::string_view(topic_.data(), topic_.size()) != topic) {
    topic_ = mqtt::string_ref(std::string(topic));
  }
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
      return gate_->Subscribed(number_, in_flight_.Take(SlotOf(token)), status);
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
    gate_->Subscribed(number_, failed, SubscriptionRefused());
  }
}

void Connection::ConnectFailed(const mqtt::token& token) {
  const std::string tls_error = TakeTlsError();
  const int code = token.get_return_code();
  if (code > 0) return gate_->Disconnected(number_, ConnackError(code));
  std::string why = "can't connect";
  try {
    token.get_connect_response();  // the only way to the message
  } catch (const mqtt::exception& e) {
    if (!e.get_message().empty()) why = e.get_message();
  }
  if (endpoint_.tls && !tls_error.empty()) why = absl::StrCat("TLS: ", tls_error);
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

// Carries out, in order, what may block. Its thread ends by itself once the
// client is gone and all is done; nobody waits for it.
class Worker {
 public:
  using Task = std::function<void()>;

  Worker() : queue_(std::make_shared<Queue>()) {
    std::thread([queue = queue_] { Run(*queue); }).detach();
  }
  ~Worker() { Post(nullptr); }

  void Post(Task task) {
    const std::lock_guard lock(queue_->mutex);
    queue_->tasks.push_back(std::move(task));
    queue_->wake.notify_one();
  }

 private:
  struct Queue {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Task> tasks;  // an empty one: end
  };

  static void Run(Queue& queue) {
    for (;;) {
      std::unique_lock lock(queue.mutex);
      queue.wake.wait(lock, [&queue] { return !queue.tasks.empty(); });
      const Task task = std::move(queue.tasks.front());
      queue.tasks.pop_front();
      lock.unlock();
      if (!task) return;
      task();
    }
  }

  const std::shared_ptr<Queue> queue_;
};

class PahoMqttClient : public MqttClient {
 public:
  explicit PahoMqttClient(MqttListener& listener) : gate_(std::make_shared<EventGate>(listener)) {}
  ~PahoMqttClient() override { Disconnect(); }

  absl::Status Connect(const MqttOptions& options) override {
    Disconnect();
    absl::StatusOr<Endpoint> endpoint = ParseUrl(options.url);
    if (!endpoint.ok()) return endpoint.status();
    if (endpoint->tls && options.server_auth != MqttOptions::ServerAuth::kNone) {
      const bool file = options.server_auth == MqttOptions::ServerAuth::kFile;
      absl::Status s = CheckReadable(file ? options.ca_file : kCaBundle);
      if (!s.ok()) return s;
    }
    if (options.client_id.empty() && !options.clean_session) {
      return absl::InvalidArgumentError("a kept session needs a client id");
    }
    connection_ = std::make_shared<Connection>(gate_, gate_->Open(), options, *std::move(endpoint));
    worker_.Post([connection = connection_] { connection->Start(); });
    return absl::OkStatus();
  }

  void Disconnect() override {
    gate_->Close();
    if (connection_ == nullptr) return;
    // Its last owner is the task: it ends on the worker's thread.
    worker_.Post(
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
  Worker worker_;
  std::shared_ptr<Connection> connection_;
};

}  // namespace

std::unique_ptr<MqttClient> MakePahoMqttClient(MqttListener& listener) {
  GuardTls();
  return std::make_unique<PahoMqttClient>(listener);
}

}  // namespace fieldgate::cloud_link
