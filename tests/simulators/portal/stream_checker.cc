#include "tests/simulators/portal/stream_checker.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace fieldgate::portal {
namespace {

constexpr size_t kMaxContents = 100'000;

std::string Range(int64_t first, int64_t last) {
  return first == last ? absl::StrCat(first) : absl::StrCat(first, "..", last);
}

}  // namespace

const SensorStats* StreamStats::Find(absl::string_view controller, absl::string_view sensor) const {
  for (const SensorStats& candidate : sensors) {
    if (candidate.announced.controller == controller && candidate.announced.sensor == sensor) {
      return &candidate;
    }
  }
  return nullptr;
}

void StreamChecker::Announce(const std::vector<AnnouncedSensor>& sensors) {
  ++stats_.inits;
  std::vector<SensorStats> before = std::move(stats_.sensors);
  std::map<std::pair<std::string, std::string>, size_t> index_before = std::move(index_);
  stats_.sensors.clear();
  index_.clear();
  gps_controllers_.clear();
  for (const AnnouncedSensor& sensor : sensors) {
    const std::pair key(sensor.controller, sensor.sensor);
    if (!index_.emplace(key, stats_.sensors.size()).second) {
      Count({Finding::Kind::kUnreadable, absl::StrCat("gatewayInit announces ", sensor.controller,
                                                      "/", sensor.sensor, " twice")});
      continue;
    }
    const auto known = index_before.find(key);
    stats_.sensors.push_back(known == index_before.end() ? SensorStats()
                                                         : std::move(before[known->second]));
    stats_.sensors.back().announced = sensor;
    if (sensor.type == "gps") gps_controllers_.insert(sensor.controller);
  }
}

std::vector<Finding> StreamChecker::OnData(absl::string_view body, absl::Time now) {
  std::vector<Finding> findings;
  absl::StatusOr<DataMessage> message = ParseDataMessage(body);
  if (!message.ok()) {
    findings.push_back({Finding::Kind::kUnreadable, std::string(message.status().message())});
  } else if (CheckId(message->message_id, body, findings)) {
    stats_.format = message->format;
    stats_.newest_age = now - absl::FromUnixSeconds(message->timestamp);
    stats_.highest_age = std::max(stats_.highest_age, stats_.newest_age);
    TakeValues(*message, findings);
  }
  for (const Finding& finding : findings) Count(finding);
  return findings;
}

void StreamChecker::Count(const Finding& finding) {
  switch (finding.kind) {
    case Finding::Kind::kRedelivery:
      ++stats_.redeliveries;
      return;
    case Finding::Kind::kGap:
      break;  // counted by id, and taken back when one comes late
    case Finding::Kind::kOutOfOrder:
      ++stats_.out_of_order;
      break;
    case Finding::Kind::kConflict:
      ++stats_.conflicts;
      break;
    case Finding::Kind::kUnknownSensor:
      ++stats_.unknown_sensors;
      break;
    case Finding::Kind::kUnreadable:
      ++stats_.unreadable;
      break;
  }
  if (stats_.errors.size() < kMaxErrors) stats_.errors.push_back(finding.text);
}

bool StreamChecker::CheckId(int64_t id, absl::string_view body, std::vector<Finding>& findings) {
  const size_t content = std::hash<std::string_view>()({body.data(), body.size()});
  const auto seen = contents_.find(id);
  if (seen != contents_.end()) {
    if (seen->second == content) {
      findings.push_back({Finding::Kind::kRedelivery, absl::StrCat("message_id ", id, " again")});
    } else {
      findings.push_back({Finding::Kind::kConflict,
                          absl::StrCat("message_id ", id, " came again with other content")});
    }
    return false;
  }

  const bool first = stats_.messages == 0;
  if (first || id > stats_.last_id) {
    if (!first && id > stats_.last_id + 1) {
      const int64_t gap_first = stats_.last_id + 1;
      missing_[gap_first] = id - 1;
      stats_.missing += id - gap_first;
      findings.push_back({Finding::Kind::kGap, absl::StrCat("message_id ", Range(gap_first, id - 1),
                                                            " missing before ", id)});
    }
    if (first) stats_.first_id = id;
    stats_.last_id = id;
  } else {
    // Lower than the newest: late, if it is known to be missing or older than
    // the first; otherwise it came before and is too long ago to compare.
    auto range = missing_.upper_bound(id);
    const bool missing = range != missing_.begin() && std::prev(range)->second >= id;
    if (!missing && id > stats_.first_id) {
      findings.push_back({Finding::Kind::kRedelivery, absl::StrCat("message_id ", id, " again")});
      return false;
    }
    if (missing) {
      --range;
      const auto [from, to] = *range;
      missing_.erase(range);
      if (from < id) missing_[from] = id - 1;
      if (id < to) missing_[id + 1] = to;
      --stats_.missing;
    }
    findings.push_back({Finding::Kind::kOutOfOrder,
                        absl::StrCat("message_id ", id, " came after ", stats_.last_id)});
  }
  ++stats_.messages;
  contents_[id] = content;
  if (contents_.size() > kMaxContents) contents_.erase(contents_.begin());
  return true;
}

void StreamChecker::TakeValues(const DataMessage& message, std::vector<Finding>& findings) {
  for (const SensorValue& value : message.values) {
    const std::pair key(value.controller, value.sensor);
    auto found = index_.find(key);
    if (found == index_.end()) {
      if (gps_controllers_.count(value.controller) == 0) {
        findings.push_back(
            {Finding::Kind::kUnknownSensor,
             absl::StrCat("message_id ", message.message_id, " has ", value.controller, "/",
                          value.sensor, ", which no gatewayInit announced")});
        continue;
      }
      found = index_.emplace(key, stats_.sensors.size()).first;
      SensorStats partner;
      partner.announced = {value.controller, value.sensor, value.sensor, "gps", ""};
      stats_.sensors.push_back(std::move(partner));
    }
    SensorStats& sensor = stats_.sensors[found->second];
    ++sensor.received;
    if (value.state != 0) ++sensor.received_valid;
    if (message.message_id != stats_.last_id) continue;  // late: not the newest value
    sensor.value =
        value.second_value.empty() ? value.value : value.value + ", " + value.second_value;
    sensor.state = value.state;
    sensor.timestamp = message.timestamp;
  }
}

std::vector<std::string> WhyIncomplete(const StreamStats& stats, int64_t min_messages) {
  std::vector<std::string> reasons;
  const auto unless_none = [&reasons](int64_t count, absl::string_view what) {
    if (count > 0) reasons.push_back(absl::StrCat(count, " ", what));
  };
  if (stats.messages < min_messages) {
    reasons.push_back(
        absl::StrCat("only ", stats.messages, " of at least ", min_messages, " messages"));
  }
  unless_none(stats.missing, "message ids missing");
  unless_none(stats.out_of_order, "messages out of order");
  unless_none(stats.conflicts, "message ids with two contents");
  unless_none(stats.unknown_sensors, "values of sensors that were not announced");
  unless_none(stats.unreadable, "unreadable messages");
  if (stats.sensors.empty()) reasons.push_back("no sensor was announced");
  for (const SensorStats& sensor : stats.sensors) {
    if (sensor.received_valid > 0) continue;
    reasons.push_back(absl::StrCat(sensor.announced.controller, "/", sensor.announced.sensor,
                                   sensor.received == 0 ? " never came" : " was never valid"));
  }
  return reasons;
}

}  // namespace fieldgate::portal
