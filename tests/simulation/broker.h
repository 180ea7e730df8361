#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/cloud_link/mqtt/mqtt_client.h"
#include "tests/simulation/random.h"
#include "tests/simulation/scheduler.h"
#include "tests/simulation/trace.h"

namespace fieldgate::simulation {

class SimulatedMqttClient;

// How the network and the broker behave at the moment.
struct BrokerMood {
  enum class Connects { kAccept, kRefuse, kHang };
  Connects connects = Connects::kAccept;
  absl::Duration latency = absl::Milliseconds(30);
  // Acknowledgements of the broker take up to so much longer.
  absl::Duration acknowledge_within = absl::ZeroDuration();
  // Each delivery of the broker is sent twice, as after a lost PUBACK.
  double repeat = 0;
  // A subscription is refused.
  double refuse_subscribe = 0;
};

// A broker, the network to it, and what both know of each client: sessions,
// messages that wait. What the portal publishes and receives passes through it.
// Thread-compatible; all that happens in it is an event.
class Broker {
 public:
  struct Arrival {
    std::string client_id;
    cloud_link::MqttMessage message;
  };
  using Receiver = std::function<void(const Arrival&)>;

  Broker(std::string url, Scheduler& scheduler, Trace& trace, Random random, Receiver receiver);

  const std::string& url() const { return url_; }
  BrokerMood mood;

  // From the portal to whoever has subscribed.
  void Publish(cloud_link::MqttMessage message);
  // Connections end, and both sides know it soon.
  void Cut();
  // Nothing passes any more, and no side knows.
  void Freeze();
  // All that was wrong ends, and so do connections: what was half open, too.
  void Heal();
  // Like a restart of a broker that keeps nothing.
  void ForgetSessions();

  // For the client.
  struct Link;
  std::shared_ptr<Link> Connect(SimulatedMqttClient& client,
                                const cloud_link::MqttOptions& options);
  void Hangup(const std::shared_ptr<Link>& link);
  void Subscribe(const std::shared_ptr<Link>& link, cloud_link::MqttToken token,
                 std::vector<std::string> topics);
  void Publish(const std::shared_ptr<Link>& link, cloud_link::MqttToken token,
               cloud_link::MqttMessage message);
  // QoS 0: the socket has it.
  void Handed(const std::shared_ptr<Link>& link, cloud_link::MqttToken token);

 private:
  struct Delivery {
    uint64_t number = 0;
    cloud_link::MqttMessage message;
  };
  struct Session {
    std::set<std::string> topics;
    std::deque<Delivery> waiting;  // QoS 1 and 2, not acknowledged
  };

  // `event` happens at the other end, unless the link is dead by then.
  void ToBroker(const std::shared_ptr<Link>& link, std::function<void()> event);
  void ToClient(const std::shared_ptr<Link>& link, absl::Duration later,
                std::function<void()> event);
  void Accept(const std::shared_ptr<Link>& link, bool clean_session);
  void Deliver(const std::shared_ptr<Link>& link, const Delivery& delivery);
  void Break(const std::shared_ptr<Link>& link, const std::string& why, bool client_knows);
  // The client finds that nobody is at the other end.
  static void GiveUp(const std::shared_ptr<Link>& link, const std::string& why);

  const std::string url_;
  Scheduler& scheduler_;
  Trace& trace_;
  Random random_;
  const Receiver receiver_;
  std::map<std::string, Session> sessions_;                   // by client id
  std::map<std::string, std::shared_ptr<Link>> connections_;  // by client id
  std::vector<std::shared_ptr<Link>> frozen_;
  uint64_t last_connection_ = 0;
  uint64_t last_delivery_ = 0;
};

// The client of a connector, in a process that may die.
class SimulatedMqttClient : public cloud_link::MqttClient {
 public:
  using FindBroker = std::function<Broker*(const std::string& url)>;

  SimulatedMqttClient(Process& process, cloud_link::MqttListener& listener, FindBroker find)
      : process_(process), listener_(listener), find_(std::move(find)) {}
  ~SimulatedMqttClient() override { Disconnect(); }

  absl::Status Connect(const cloud_link::MqttOptions& options) override;
  void Disconnect() override;
  absl::Status Subscribe(cloud_link::MqttToken token, const std::vector<std::string>& topics,
                         cloud_link::Qos qos) override;
  absl::Status Publish(cloud_link::MqttToken token, absl::string_view topic, std::string payload,
                       cloud_link::Qos qos) override;

  Process& process() const { return process_; }
  cloud_link::MqttListener& listener() const { return listener_; }

 private:
  friend class Broker;
  static constexpr size_t kMaxInFlight = 100;

  Process& process_;
  cloud_link::MqttListener& listener_;
  const FindBroker find_;
  Broker* broker_ = nullptr;
  std::shared_ptr<Broker::Link> link_;
  bool connected_ = false;
  std::set<cloud_link::MqttToken> in_flight_;
};

}  // namespace fieldgate::simulation
