#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/fault/mqtt_proxy.h"

namespace fieldgate::fault {

// A value in a data message.
struct Reading {
  int64_t message_id = 0;
  int64_t timestamp = 0;
  std::string value = {};
  int state = 0;
};

// What came as the answer to one request. One that was refused for now (409) and
// sent again may have another one after that.
struct Answer {
  std::string topic;
  std::string body;
  int error_code = -1;
  bool acknowledged = false;
};

// How often each thing was seen so far; those of the gateway but for `requests`.
struct Sightings {
  int64_t connects = 0;
  int64_t subscriptions = 0;
  int64_t rollouts = 0;
  int64_t inits = 0;
  int64_t data = 0;      // also again
  int64_t new_data = 0;  // for the first time
  int64_t acknowledged = 0;
  int64_t answers = 0;
  int64_t requests = 0;  // delivered to the gateway
  int64_t refused = 0;   // answers that say: not now (409)
};

// Watches what goes between the gateway and its broker, and holds it to the
// promises of the outbox: of each stream (a topic ".../data") every new message
// has the next id, an id has one content, and after all each was acknowledged by
// the broker. It reads packets and bodies with code of its own. Thread-safe.
class DeliveryChecker {
 public:
  // `sensors`: names whose values are kept.
  explicit DeliveryChecker(std::vector<std::string> sensors) : sensors_(std::move(sensors)) {}

  void OnPacket(const MqttPacket& packet);

  Sightings seen() const;
  // Waits until `done` of what was seen; false after `deadline`.
  bool Await(absl::Duration deadline, const std::function<bool(const Sightings&)>& done) const;

  // All ids from 1 up to this one were acknowledged.
  int64_t AcknowledgedUntil(const std::string& topic) const;
  int64_t HighestId(const std::string& topic) const;
  // 0: it never came.
  int64_t TimestampOf(const std::string& topic, int64_t message_id) const;
  // Of one sensor, in the order of the ids.
  std::vector<Reading> Readings(const std::string& topic, absl::string_view sensor) const;
  // By response_id.
  std::map<std::string, Answer> answers() const;
  // The broker has acknowledged it.
  bool AnswerTaken(const std::string& request_id) const;
  int64_t messages() const;      // different ones
  int64_t redeliveries() const;  // data messages that came again

  // Each broken promise, a line each, the first 100.
  std::vector<std::string> problems() const;

 private:
  struct Message {
    uint64_t content = 0;  // hash
    int64_t timestamp = 0;
    bool acknowledged = false;
  };
  struct Stream {
    std::vector<Message> messages;  // by id - 1
    int64_t acknowledged_until = 0;
    std::map<std::string, std::vector<Reading>, std::less<>> readings;
  };
  // A message under way: of a stream by id, or an answer.
  struct UnderWay {
    std::string topic;
    int64_t message_id = 0;
    std::string response_id;
  };

  void OnPublish(const MqttPacket& packet);
  void OnData(const MqttPublish& publish, UnderWay& under_way);
  void OnAnswer(const MqttPublish& publish, UnderWay& under_way);
  void OnAcknowledged(const MqttPacket& packet);
  void Problem(std::string text);

  const std::vector<std::string> sensors_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable changed_;
  Sightings seen_;
  std::map<std::string, Stream, std::less<>> streams_;
  std::map<std::string, Answer> answers_;
  std::map<std::pair<uint64_t, uint16_t>, UnderWay> under_way_;
  int64_t redeliveries_ = 0;
  std::vector<std::string> problems_;
};

// The text of an element or member of a body in any format: "message_id",
// "response_id". Empty: it has none.
std::string FieldOf(absl::string_view body, absl::string_view name);
// The value and state of a sensor. False: the body has none of that name.
bool FindSensor(absl::string_view body, absl::string_view sensor, std::string& value, int& state);

}  // namespace fieldgate::fault
