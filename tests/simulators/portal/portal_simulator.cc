#include "tests/simulators/portal/portal_simulator.h"

#include <mqtt/async_client.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/time/clock.h"

namespace fieldgate::portal {
namespace {

constexpr std::chrono::seconds kCallTimeout(5);
constexpr std::chrono::milliseconds kRetryPause(100);
// A message that arrives while this many wait is dropped and reported: the
// simulator is far too slow then.
constexpr size_t kMaxWaiting = 100'000;
// What the broker delivers keeps the QoS of the publisher.
constexpr int kSubscribeQos = 2;

}  // namespace

class PortalSimulator::Impl {
 public:
  explicit Impl(PortalOptions options)
      : options_(std::move(options)), portal_(options_.policy), client_(NewClient()) {
    thread_ = std::thread([this] { Run(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
      changed_.notify_all();
    }
    thread_.join();
    Drop();
  }

  bool connected() const {
    const std::lock_guard lock(mutex_);
    return subscribed_;
  }

  absl::Status health() const {
    const std::lock_guard lock(mutex_);
    return health_;
  }

  PortalStats Snapshot() const {
    const std::lock_guard lock(mutex_);
    PortalStats stats = portal_.Snapshot();
    if (overrun_) stats.errors.push_back("the portal simulator was too slow and lost messages");
    return stats;
  }

  void SetPolicy(PortalPolicy policy) {
    const std::lock_guard lock(mutex_);
    portal_.SetPolicy(std::move(policy));
  }

  absl::Status Publish(const std::string& topic, const std::string& body, bool retained = false) {
    try {
      mqtt::delivery_token_ptr token =
          client()->publish(topic, body.data(), body.size(), 1, retained);
      if (token->wait_for(kCallTimeout)) return absl::OkStatus();
      return absl::UnavailableError(absl::StrCat("no PUBACK for ", topic, " within 5 s"));
    } catch (const mqtt::exception& e) {
      return absl::UnavailableError(absl::StrCat("publish to ", topic, ": ", e.what()));
    }
  }

 private:
  struct Message {
    std::string topic;
    std::string body;
    absl::Time arrived;
  };
  struct DelayedReply {
    MonotonicTime due;
    Portal::Reply reply;
  };

  using ClientPtr = std::shared_ptr<mqtt::async_client>;

  ClientPtr client() const {
    const std::lock_guard lock(client_mutex_);
    return client_;
  }

  // One a connection: a Paho client whose broker was killed in the midst of
  // connecting may never connect again.
  ClientPtr NewClient() {
    auto client = std::make_shared<mqtt::async_client>(options_.broker_url, options_.client_id);
    client->set_message_callback([this](mqtt::const_message_ptr message) {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() < kMaxWaiting) {
        waiting_.push_back({message->get_topic(), message->to_string(), absl::Now()});
      } else {
        overrun_ = true;
      }
      changed_.notify_all();
    });
    const int number = ++clients_;
    client->set_connection_lost_handler([this, number](const std::string&) {
      const std::lock_guard lock(mutex_);
      if (number != clients_) return;  // a former one
      connected_ = subscribed_ = false;
      changed_.notify_all();
    });
    return client;
  }

  // Connects, handles messages and sends what is due until the end.
  void Run() {
    MonotonicTime lost_at = RealClock().Now();
    while (true) {
      bool connect = false;
      std::deque<Message> messages;
      std::vector<Portal::Reply> due;
      // Never call the client under mutex_: its callbacks take it while they
      // hold the client's own lock.
      const bool link = client()->is_connected();
      {
        std::unique_lock lock(mutex_);
        if (stop_) return;
        // The handler may have told a loss before connected_ was set.
        if (!link) connected_ = subscribed_ = false;
        if (waiting_.empty() && connected_) {
          changed_.wait_for(lock, Pause(),
                            [this] { return stop_ || !waiting_.empty() || !connected_; });
        }
        if (stop_) return;
        messages.swap(waiting_);
        connect = !connected_;
        if (connected_) {
          lost_at = RealClock().Now();
          due = TakeDue();
        }
      }
      for (const Message& message : messages) Handle(message);
      for (const Portal::Reply& reply : due) {
        const absl::Status status = Publish(reply.topic, reply.body);
        if (!status.ok()) Step(std::string(status.message()));
      }
      if (connect && !Connect()) {
        std::unique_lock lock(mutex_);
        if (RealClock().Now() - lost_at > options_.connect_deadline) {
          health_ = absl::UnavailableError(
              absl::StrCat("no broker at ", options_.broker_url, " for ",
                           absl::FormatDuration(options_.connect_deadline), ": ", connect_error_));
        }
        changed_.wait_for(lock, kRetryPause, [this] { return stop_; });
      }
    }
  }

  // How long there is nothing to do unless something happens; under mutex_.
  std::chrono::milliseconds Pause() const {
    absl::Duration pause = absl::Seconds(1);
    for (const DelayedReply& reply : replies_) {
      pause = std::min(pause, reply.due - RealClock().Now());
    }
    return absl::ToChronoMilliseconds(
        std::max(absl::ZeroDuration(), absl::Ceil(pause, absl::Milliseconds(1))));
  }

  // Under mutex_.
  std::vector<Portal::Reply> TakeDue() {
    const MonotonicTime now = RealClock().Now();
    std::vector<Portal::Reply> due;
    std::erase_if(replies_, [&](DelayedReply& delayed) {
      if (delayed.due > now) return false;
      due.push_back(std::move(delayed.reply));
      return true;
    });
    return due;
  }

  void Handle(const Message& message) {
    Portal::Reaction reaction;
    {
      const std::lock_guard lock(mutex_);
      reaction = portal_.OnMessage(message.topic, message.body, message.arrived);
      const MonotonicTime now = RealClock().Now();
      for (Portal::Reply& reply : reaction.replies) {
        replies_.push_back({now + reply.delay, std::move(reply)});
      }
    }
    for (const std::string& step : reaction.steps) Step(step);
    if (options_.on_message) options_.on_message(message.topic, message.body);
  }

  bool Connect() {
    if (used_) Drop();
    used_ = true;
    const ClientPtr client = this->client();
    try {
      auto builder = mqtt::connect_options_builder()
                         .clean_session(false)
                         .keep_alive_interval(std::chrono::seconds(10))
                         .connect_timeout(kCallTimeout);
      if (!options_.username.empty()) {
        builder.user_name(options_.username).password(options_.password);
      }
      if (!client->connect(builder.finalize())->wait_for(kCallTimeout)) {
        connect_error_ = "no CONNACK";
        return false;
      }
      {
        // A kept session may deliver, and lose the connection, from here on.
        const std::lock_guard lock(mutex_);
        connected_ = true;
      }
      const auto topics = mqtt::string_collection::create(Portal::Topics());
      const mqtt::iasync_client::qos_collection qos(topics->size(), kSubscribeQos);
      if (client->subscribe(topics, qos)->wait_for(kCallTimeout)) {
        {
          const std::lock_guard lock(mutex_);
          subscribed_ = connected_;
          health_ = absl::OkStatus();
        }
        Step("connected to " + options_.broker_url);
        return true;
      }
      connect_error_ = "no SUBACK";
    } catch (const mqtt::exception& e) {
      connect_error_ = e.what();
    }
    const std::lock_guard lock(mutex_);
    connected_ = subscribed_ = false;
    return false;
  }

  // Leaves a connection, or what was made of it, and takes another client.
  void Drop() {
    const ClientPtr old = client();
    try {
      if (old->is_connected()) old->disconnect(0)->wait_for(kCallTimeout);
    } catch (const mqtt::exception&) {
      // It is gone, which was the aim.
    }
    {
      const std::lock_guard lock(client_mutex_);
      client_ = NewClient();
    }
    const std::lock_guard lock(mutex_);
    connected_ = subscribed_ = false;
  }

  void Step(const std::string& text) {
    if (!options_.on_step) return;
    options_.on_step(
        absl::StrCat(absl::FormatTime("%H:%M:%S", absl::Now(), absl::LocalTimeZone()), " ", text));
  }

  const PortalOptions options_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Portal portal_;
  std::deque<Message> waiting_;
  std::vector<DelayedReply> replies_;
  bool overrun_ = false;
  bool connected_ = false;   // the connection is there
  bool subscribed_ = false;  // and everything is subscribed
  bool stop_ = false;
  absl::Status health_;

  std::string connect_error_;  // Run's own
  // Destroying the last client stops Paho's threads, which takes seconds. Not for
  // longer than the simulator, since they have its network namespace.
  mqtt::async_client keeper_{"tcp://127.0.0.1:1", "keeper"};
  std::atomic<int> clients_ = 0;
  bool used_ = false;                // Run's own: the client has tried to connect
  mutable std::mutex client_mutex_;  // guards client_; innermost
  ClientPtr client_;
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<PortalSimulator>> PortalSimulator::Start(PortalOptions options) {
  try {
    return std::unique_ptr<PortalSimulator>(
        new PortalSimulator(std::make_unique<Impl>(std::move(options))));
  } catch (const mqtt::exception& e) {
    return absl::InvalidArgumentError(absl::StrCat("broker URL: ", e.what()));
  }
}

PortalSimulator::PortalSimulator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
PortalSimulator::~PortalSimulator() = default;

bool PortalSimulator::connected() const { return impl_->connected(); }
absl::Status PortalSimulator::health() const { return impl_->health(); }
PortalStats PortalSimulator::Snapshot() const { return impl_->Snapshot(); }
void PortalSimulator::SetPolicy(PortalPolicy policy) { impl_->SetPolicy(std::move(policy)); }

absl::Status PortalSimulator::SendCommand(absl::string_view gateway, const Command& command,
                                          tixml::Format format) {
  const size_t slash = gateway.find('/');
  if (slash == absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(gateway, " is not customer_id/gateway_id"));
  }
  return impl_->Publish(absl::StrCat(gateway.substr(0, slash), "/fp/", gateway.substr(slash + 1),
                                     "/", CommandTopic(command.kind)),
                        WriteCommand(format, command));
}

absl::Status PortalSimulator::Publish(const std::string& topic, const std::string& body,
                                      bool retained) {
  return impl_->Publish(topic, body, retained);
}

}  // namespace fieldgate::portal
