#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/simulators/portal/messages.h"

namespace fieldgate::portal {

// What a message told about the stream it is part of.
struct Finding {
  enum class Kind {
    kRedelivery,     // same id, same content: allowed, counted
    kGap,            // ids are missing before this one
    kOutOfOrder,     // a new id that is lower than one received before
    kConflict,       // same id, other content
    kUnknownSensor,  // not announced by gatewayInit
    kUnreadable,
  };
  Kind kind = Kind::kUnreadable;
  std::string text;
};

// One sensor of the data model and its newest value.
struct SensorStats {
  AnnouncedSensor announced;
  std::string value;
  int state = -1;  // -1: never received
  int64_t timestamp = 0;
  int64_t received = 0;
  int64_t received_valid = 0;  // with state 1 or 2
};

// All that is known of one stream. A plain value.
struct StreamStats {
  std::string gateway;  // "customer_id/gateway_id"
  tixml::Format format = tixml::Format::kTiXml;
  int64_t inits = 0;
  int64_t messages = 0;  // different ids
  int64_t redeliveries = 0;
  int64_t missing = 0;  // ids that never came
  int64_t out_of_order = 0;
  int64_t conflicts = 0;
  int64_t unknown_sensors = 0;
  int64_t unreadable = 0;
  int64_t first_id = 0;
  int64_t last_id = 0;  // the highest
  // now - timestamp of new messages.
  absl::Duration newest_age;
  absl::Duration highest_age = -absl::InfiniteDuration();
  std::vector<SensorStats> sensors;  // in the order of their announcement
  std::vector<std::string> errors;   // the first ones, at most kMaxErrors

  const SensorStats* Find(absl::string_view controller, absl::string_view sensor) const;
};

inline constexpr size_t kMaxErrors = 100;

// Empty if the data of a stream is complete: at least `min_messages`, no gap,
// reorder or conflict, nothing unreadable or unknown, and each announced sensor
// was received with a valid state. Otherwise the reasons.
std::vector<std::string> WhyIncomplete(const StreamStats& stats, int64_t min_messages);

// Checks the data messages of one gateway (connector): decides from what it is
// given alone. Thread-compatible.
class StreamChecker {
 public:
  explicit StreamChecker(std::string gateway) { stats_.gateway = std::move(gateway); }

  // A gatewayInit: the sensors that data may hold from now on. What is known
  // of sensors that stay is kept.
  void Announce(const std::vector<AnnouncedSensor>& sensors);

  std::vector<Finding> OnData(absl::string_view body, absl::Time now);

  const StreamStats& stats() const { return stats_; }

 private:
  void Count(const Finding& finding);
  // The order of ids; true if the message is new.
  bool CheckId(int64_t id, absl::string_view body, std::vector<Finding>& findings);
  void TakeValues(const DataMessage& message, std::vector<Finding>& findings);

  StreamStats stats_;
  // Index in stats_.sensors by (controller, sensor).
  std::map<std::pair<std::string, std::string>, size_t> index_;
  // A gps point announces one sensor and sends two in one controller (7.1).
  std::set<std::string> gps_controllers_;
  // Hash of the content of the newest ids, for comparing; 100,000 are a day of
  // a message a second.
  std::map<int64_t, size_t> contents_;
  // Ranges that never came: first -> last.
  std::map<int64_t, int64_t> missing_;
};

}  // namespace fieldgate::portal
