#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/tixml/codec.h"
#include "common/tixml/node.h"
#include "tests/simulation/broker.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/random.h"
#include "tests/simulation/scheduler.h"
#include "tests/simulation/trace.h"
#include "tests/simulators/portal/messages.h"

namespace fieldgate::simulation {

inline constexpr char kSerial[] = "01234567";

// How the portal answers rollout and init at the moment.
struct PortalMood {
  // Of one answer to be wrong: an error code, another response_id, garbage, twice,
  // late, or none.
  double wrong = 0;
};

// A request of the portal, and all that is known of it.
struct Job {
  portal::CommandKind kind = portal::CommandKind::kCmd;
  std::string connector;
  std::string request_id;
  std::string body;
  cloud_link::Qos qos = cloud_link::Qos::kAtLeastOnce;
  // What its execution leaves behind, each once: a value that nobody else sets.
  std::vector<std::string> marks;
  // It can't be valid, so nothing of it must be executed.
  bool invalid = false;

  int sent = 0;
  MonotonicTime sent_at{absl::ZeroDuration()};
  std::map<std::string, int> executed;  // by mark
  std::set<std::string> answers;        // bodies
  std::set<std::string> finals;         // those whose code is not 409
  int64_t code = -1;                    // of the last
};

// The cloud side: answers rollout and init, receives data, sends requests and
// compares answers. Checks what it sees at once. Thread-compatible.
class PortalModel {
 public:
  PortalModel(Scheduler& scheduler, Trace& trace, Random random);

  void SetBroker(Broker& broker) { broker_ = &broker; }
  // Of a connector, by its client id and its ids.
  void AddConnector(const std::string& name, const std::string& client_id,
                    const std::string& customer_id, const std::string& gateway_id);

  PortalMood mood;
  // A request is executed just now.
  std::function<void()> on_executed;
  // Commands that the next rollout result brings, once.
  std::vector<tixml::Node> configuration;

  void OnArrival(const Broker::Arrival& arrival);
  Ledger& ledger(const std::string& connector) { return *connectors_.at(connector).ledger; }

  // Takes over and sends it; again while it is not answered (Resend).
  void Send(Job job);
  void Resend(absl::Duration older_than);
  // A command was executed that sets this value, if it is a mark.
  void OnExecuted(const std::string& mark);

  // All requests are answered, and as they were executed.
  bool AllAnswered() const;
  void CheckAnswers();

  const std::map<std::string, Job>& jobs() const { return jobs_; }
  uint64_t data_messages() const { return data_messages_; }
  uint64_t rollouts() const { return rollouts_; }
  uint64_t inits() const { return inits_; }

 private:
  struct Connector {
    std::string name;
    std::string customer_id;
    std::string gateway_id;
    std::unique_ptr<Ledger> ledger;
    int64_t last_count = 0;  // of the counter in the data
    int64_t last_id = 0;     // of the message it came with
  };

  void OnRollout(const Broker::Arrival& arrival);
  void OnInit(const Connector& connector, const std::string& body);
  void OnData(Connector& connector, const std::string& body);
  void OnResult(Connector& connector, portal::CommandKind kind, const std::string& topic,
                const std::string& body);
  void Answer(const std::string& topic, const std::string& right, const std::string& wrong_code,
              const std::string& wrong_id);
  void Publish(const Job& job);

  Scheduler& scheduler_;
  Trace& trace_;
  Random random_;
  Broker* broker_ = nullptr;
  std::map<std::string, Connector> connectors_;      // by name
  std::map<std::string, std::string> by_client_id_;  // -> name
  std::map<std::string, std::string> by_topic_;      // "customer/fp/gateway/" -> name
  std::map<std::string, Job> jobs_;                  // by kind and request_id
  std::map<std::string, std::string> jobs_by_mark_;
  int64_t last_rollout_ = 0;
  uint64_t data_messages_ = 0;
  uint64_t rollouts_ = 0;
  uint64_t inits_ = 0;
};

}  // namespace fieldgate::simulation
