#include "tests/simulation/broker.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fieldgate::simulation {

using cloud_link::MqttMessage;
using cloud_link::MqttOptions;
using cloud_link::MqttToken;
using cloud_link::Qos;

// One TCP connection. Each direction keeps its order.
struct Broker::Link {
  SimulatedMqttClient* client = nullptr;  // nullptr: it has gone
  Process* process = nullptr;
  std::string client_id;
  uint64_t number = 0;
  bool accepted = false;
  bool frozen = false;  // nothing passes
  bool broken = false;  // the broker has let go
  bool told = false;    // the client knows
  MonotonicTime last_to_broker{absl::ZeroDuration()};
  MonotonicTime last_to_client{absl::ZeroDuration()};

  // The client is there, and this is its connection.
  bool HasClient() const { return client != nullptr && process->alive(); }
};

Broker::Broker(std::string url, Scheduler& scheduler, Trace& trace, Random random,
               Receiver receiver)
    : url_(std::move(url)),
      scheduler_(scheduler),
      trace_(trace),
      random_(random),
      receiver_(std::move(receiver)) {}

void Broker::ToBroker(const std::shared_ptr<Link>& link, std::function<void()> event) {
  const MonotonicTime at =
      std::max(link->last_to_broker + absl::Microseconds(1),
               scheduler_.now() + random_.Between(absl::Microseconds(100), mood.latency));
  link->last_to_broker = at;
  scheduler_.At(at, [link, event = std::move(event)] {
    if (!link->broken && !link->frozen) event();
  });
}

void Broker::ToClient(const std::shared_ptr<Link>& link, absl::Duration later,
                      std::function<void()> event) {
  const MonotonicTime at =
      std::max(link->last_to_client + absl::Microseconds(1),
               scheduler_.now() + later + random_.Between(absl::Microseconds(100), mood.latency));
  link->last_to_client = at;
  scheduler_.At(at, [link, event = std::move(event)] {
    if (!link->broken && !link->frozen && link->HasClient()) event();
  });
}

std::shared_ptr<Broker::Link> Broker::Connect(SimulatedMqttClient& client,
                                              const MqttOptions& options) {
  const auto link = std::make_shared<Link>();
  link->client = &client;
  link->process = &client.process();
  link->client_id = options.client_id;
  link->number = ++last_connection_;
  if (mood.connects == BrokerMood::Connects::kAccept) {
    const bool clean = options.clean_session;
    ToBroker(link, [this, link, clean] { Accept(link, clean); });
    return link;
  }
  const bool refused = mood.connects == BrokerMood::Connects::kRefuse;
  scheduler_.After(refused ? mood.latency : options.connect_timeout, [link, refused] {
    if (link->broken || !link->HasClient()) return;
    link->broken = true;
    link->client->connected_ = false;
    link->client->listener().OnDisconnected(absl::UnavailableError(
        refused ? "connection refused" : "no answer within the connect timeout"));
  });
  return link;
}

void Broker::Accept(const std::shared_ptr<Link>& link, bool clean_session) {
  if (const auto old = connections_.find(link->client_id); old != connections_.end()) {
    Break(old->second, "another connection with this client id", /*client_knows=*/true);
  }
  connections_[link->client_id] = link;
  link->accepted = true;
  const bool known = sessions_.contains(link->client_id);
  if (clean_session) sessions_.erase(link->client_id);
  Session& session = sessions_[link->client_id];
  const bool present = known && !clean_session;
  trace_.Note("broker", link->client_id, " connects, #", link->number,
              present ? ", session present" : "");
  ToClient(link, absl::ZeroDuration(), [link, present] {
    link->client->connected_ = true;
    link->client->listener().OnConnected(present);
  });
  for (const Delivery& delivery : session.waiting) Deliver(link, delivery);
}

void Broker::Hangup(const std::shared_ptr<Link>& link) {
  link->client = nullptr;
  // The broker learns of it with what is under way before it.
  ToBroker(link, [this, link] { Break(link, "", /*client_knows=*/false); });
}

void Broker::Break(const std::shared_ptr<Link>& link, const std::string& why, bool client_knows) {
  if (link->broken) return;
  link->broken = true;
  if (const auto known = connections_.find(link->client_id);
      known != connections_.end() && known->second == link) {
    connections_.erase(known);
  }
  if (!client_knows) return;
  scheduler_.After(random_.Between(absl::Microseconds(100), mood.latency),
                   [link, why] { GiveUp(link, why); });
}

void Broker::Cut() {
  const auto open = connections_;
  for (const auto& [id, link] : open) Break(link, "connection lost", /*client_knows=*/true);
}

void Broker::Freeze() {
  const auto open = connections_;
  for (const auto& [id, link] : open) {
    link->frozen = true;
    frozen_.push_back(link);
    // The broker gives it up after one and a half times the keep alive.
    scheduler_.After(absl::Seconds(20), [this, link] { Break(link, "", /*client_knows=*/false); });
    // And the client, whatever it sends or not.
    scheduler_.After(absl::Seconds(40), [link] { GiveUp(link, "keep alive: no answer"); });
  }
}

void Broker::Heal() {
  mood = BrokerMood();
  Cut();
  for (const std::shared_ptr<Link>& link : std::exchange(frozen_, {})) {
    GiveUp(link, "keep alive: no answer");
  }
}

void Broker::GiveUp(const std::shared_ptr<Link>& link, const std::string& why) {
  if (!link->HasClient()) return;
  SimulatedMqttClient& client = *link->client;
  if (std::exchange(link->told, true)) return;
  client.connected_ = false;
  client.in_flight_.clear();
  client.listener().OnDisconnected(absl::UnavailableError(why));
}

void Broker::ForgetSessions() {
  Cut();
  sessions_.clear();
}

void Broker::Subscribe(const std::shared_ptr<Link>& link, MqttToken token,
                       std::vector<std::string> topics) {
  ToBroker(link, [this, link, token, topics = std::move(topics)] {
    absl::Status status;
    if (random_.Chance(mood.refuse_subscribe)) {
      status = absl::PermissionDeniedError("the broker refuses the subscription");
    } else {
      sessions_[link->client_id].topics.insert(topics.begin(), topics.end());
    }
    ToClient(link, absl::ZeroDuration(),
             [link, token, status] { link->client->listener().OnSubscribed(token, status); });
  });
}

void Broker::Publish(const std::shared_ptr<Link>& link, MqttToken token, MqttMessage message) {
  ToBroker(link, [this, link, token, message = std::move(message)] {
    // Exactly once takes two ways; that it may break between them, too, is in the
    // loss of the acknowledgement.
    const bool acknowledged = message.qos != Qos::kAtMostOnce;
    receiver_({link->client_id, message});
    if (!acknowledged) return;
    const absl::Duration later = random_.Between(absl::ZeroDuration(), mood.acknowledge_within);
    ToClient(link, later, [link, token] {
      link->client->in_flight_.erase(token);
      link->client->listener().OnPublished(token, absl::OkStatus());
    });
  });
}

void Broker::Handed(const std::shared_ptr<Link>& link, MqttToken token) {
  scheduler_.After(absl::Microseconds(50), [link, token] {
    if (link->HasClient()) link->client->listener().OnPublished(token, absl::OkStatus());
  });
}

void Broker::Publish(MqttMessage message) {
  for (auto& [client_id, session] : sessions_) {
    if (!session.topics.contains(message.topic)) continue;
    const Delivery delivery{++last_delivery_, message};
    const auto connection = connections_.find(client_id);
    if (message.qos != Qos::kAtMostOnce) session.waiting.push_back(delivery);
    if (connection == connections_.end()) continue;
    Deliver(connection->second, delivery);
    if (random_.Chance(mood.repeat)) Deliver(connection->second, delivery);
  }
}

void Broker::Deliver(const std::shared_ptr<Link>& link, const Delivery& delivery) {
  ToClient(link, absl::ZeroDuration(), [this, link, delivery] {
    link->client->listener().OnMessage(delivery.message);
    // The acknowledgement goes its own way.
    ToBroker(link, [this, link, number = delivery.number] {
      const auto session = sessions_.find(link->client_id);
      if (session == sessions_.end()) return;
      std::erase_if(session->second.waiting,
                    [number](const Delivery& d) { return d.number == number; });
    });
  });
}

// --- SimulatedMqttClient ----------------------------------------------------------

absl::Status SimulatedMqttClient::Connect(const MqttOptions& options) {
  Disconnect();
  if (!process_.alive()) return absl::OkStatus();
  broker_ = find_(options.url);
  if (broker_ == nullptr) return absl::InvalidArgumentError(absl::StrCat("URL ", options.url));
  link_ = broker_->Connect(*this, options);
  return absl::OkStatus();
}

void SimulatedMqttClient::Disconnect() {
  if (link_ == nullptr) return;
  broker_->Hangup(std::exchange(link_, nullptr));
  connected_ = false;
  in_flight_.clear();
}

absl::Status SimulatedMqttClient::Subscribe(MqttToken token, const std::vector<std::string>& topics,
                                            Qos) {
  if (!process_.alive()) return absl::OkStatus();
  if (!connected_) return absl::FailedPreconditionError("not connected");
  broker_->Subscribe(link_, token, topics);
  return absl::OkStatus();
}

absl::Status SimulatedMqttClient::Publish(MqttToken token, absl::string_view topic,
                                          std::string payload, Qos qos) {
  if (!process_.alive()) return absl::OkStatus();
  if (topic.empty()) return absl::InvalidArgumentError("an empty topic");
  if (!connected_) return absl::FailedPreconditionError("not connected");
  if (in_flight_.size() >= kMaxInFlight) return absl::ResourceExhaustedError("too much in flight");
  broker_->Publish(link_, token, {std::string(topic), std::move(payload), qos, false});
  if (qos == Qos::kAtMostOnce) {
    // Handed to the socket.
    broker_->Handed(link_, token);
  } else {
    in_flight_.insert(token);
  }
  return absl::OkStatus();
}

}  // namespace fieldgate::simulation
