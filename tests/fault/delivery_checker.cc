#include "tests/fault/delivery_checker.h"

#include <chrono>

#include "absl/hash/hash.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

namespace fieldgate::fault {
namespace {

constexpr size_t kMaxProblems = 100;
// error_code: can't be executed now.
constexpr int kNotNow = 409;

// What stands behind `mark`, up to a character of `end`; false without mark.
bool TextBehind(absl::string_view body, absl::string_view mark, absl::string_view end,
                std::string& text, size_t* after = nullptr) {
  const size_t at = body.find(mark);
  if (at == absl::string_view::npos) return false;
  const size_t begin = at + mark.size();
  const size_t stop = body.find_first_of(end, begin);
  if (stop == absl::string_view::npos) return false;
  text = std::string(body.substr(begin, stop - begin));
  if (after != nullptr) *after = stop;
  return true;
}

int64_t Number(absl::string_view text) {
  int64_t number = -1;
  return absl::SimpleAtoi(text, &number) ? number : -1;
}

std::string Unquoted(std::string text) {
  absl::string_view view = text;
  if (absl::ConsumePrefix(&view, "\"")) absl::ConsumeSuffix(&view, "\"");
  return std::string(view);
}

}  // namespace

std::string FieldOf(absl::string_view body, absl::string_view name) {
  std::string text;
  if (TextBehind(body, absl::StrCat("<", name, " _=\""), "\"", text)) return text;
  if (TextBehind(body, absl::StrCat("\"", name, "\":"), ",}", text)) return Unquoted(text);
  return "";
}

bool FindSensor(absl::string_view body, absl::string_view sensor, std::string& value, int& state) {
  size_t after = 0;
  std::string digit;
  if (TextBehind(body, absl::StrCat("<", sensor, " _=\""), "\"", value, &after)) {
    if (!TextBehind(body.substr(after), "state=\"", "\"", digit)) return false;
  } else if (TextBehind(body, absl::StrCat("\"external_sensor_id\":\"", sensor, "\",\"value\":"),
                        ",}", value, &after)) {
    value = Unquoted(std::move(value));
    if (!TextBehind(body.substr(after), "\"sensor_state\":", ",}", digit)) return false;
  } else {
    return false;
  }
  state = static_cast<int>(Number(digit));
  return true;
}

void DeliveryChecker::OnPacket(const MqttPacket& packet) {
  const std::lock_guard lock(mutex_);
  switch (packet.type) {
    case MqttPacket::kConnect:
      seen_.connects += packet.from_client ? 1 : 0;
      break;
    case MqttPacket::kSubscribe:
      seen_.subscriptions += packet.from_client ? 1 : 0;
      break;
    case MqttPacket::kPublish:
      OnPublish(packet);
      break;
    case MqttPacket::kPuback:
    case MqttPacket::kPubrec:  // it is the broker's from here on
      if (!packet.from_client) OnAcknowledged(packet);
      break;
    default:
      return;
  }
  changed_.notify_all();
}

void DeliveryChecker::OnPublish(const MqttPacket& packet) {
  const std::optional<MqttPublish> publish = ParsePublish(packet);
  if (!publish.has_value()) return Problem("a PUBLISH that can't be read");
  const absl::string_view topic = publish->topic;
  if (!packet.from_client) {
    for (const char* last : {"/cmd", "/config", "/state"}) {
      seen_.requests += absl::EndsWith(topic, last) ? 1 : 0;
    }
    return;
  }
  UnderWay under_way;
  under_way.topic = std::string(topic);
  if (absl::EndsWith(topic, "/data")) {
    OnData(*publish, under_way);
  } else if (absl::EndsWith(topic, "Result")) {
    OnAnswer(*publish, under_way);
  } else if (absl::EndsWith(topic, "/gatewayInit")) {
    ++seen_.inits;
  } else if (topic == "fp/gatewayRollout") {
    ++seen_.rollouts;
  } else {
    Problem(absl::StrCat("a message on the topic ", topic));
  }
  if (publish->qos > 0) {
    under_way_[{packet.connection, publish->packet_id}] = std::move(under_way);
  }
}

void DeliveryChecker::OnData(const MqttPublish& publish, UnderWay& under_way) {
  ++seen_.data;
  const int64_t id = Number(FieldOf(publish.payload, "message_id"));
  const int64_t timestamp = Number(FieldOf(publish.payload, "timestamp"));
  if (id <= 0 || timestamp <= 0) {
    return Problem(absl::StrCat(publish.topic, ": no message_id or timestamp"));
  }
  under_way.message_id = id;
  Stream& stream = streams_[std::string(publish.topic)];
  const auto next = static_cast<int64_t>(stream.messages.size()) + 1;
  // QoS is part of the content.
  const uint64_t content = absl::HashOf(publish.payload, publish.qos);
  if (id < next) {
    ++redeliveries_;
    if (stream.messages[static_cast<size_t>(id - 1)].content != content) {
      Problem(absl::StrCat(publish.topic, ": message_id ", id, " with another content"));
    }
    return;
  }
  if (id > next) {
    Problem(absl::StrCat(publish.topic, ": message_id ", id, " before ", next));
    // Whatever comes late is then a redelivery with another content.
    stream.messages.resize(static_cast<size_t>(id - 1));
  }
  ++seen_.new_data;
  stream.messages.push_back({content, timestamp, false});
  for (const std::string& sensor : sensors_) {
    Reading reading{.message_id = id, .timestamp = timestamp};
    if (!FindSensor(publish.payload, sensor, reading.value, reading.state)) continue;
    stream.readings[sensor].push_back(std::move(reading));
  }
}

void DeliveryChecker::OnAnswer(const MqttPublish& publish, UnderWay& under_way) {
  ++seen_.answers;
  under_way.response_id = FieldOf(publish.payload, "response_id");
  Answer& answer = answers_[under_way.response_id];
  if (answer.body == publish.payload && answer.topic == publish.topic) return;
  const auto code = static_cast<int>(Number(FieldOf(publish.payload, "error_code")));
  if (code == kNotNow) ++seen_.refused;
  // Only what was refused for now may be executed later, or the other way round
  // by a second delivery that found the queue full.
  if (answer.error_code == -1 || answer.error_code == kNotNow) {
    answer.topic = std::string(publish.topic);
    answer.body = std::string(publish.payload);
    answer.error_code = code;
  } else if (code != kNotNow) {
    Problem(absl::StrCat("request ", under_way.response_id, " has two answers: ", answer.body,
                         " and ", publish.payload));
  }
}

void DeliveryChecker::OnAcknowledged(const MqttPacket& packet) {
  const auto found = under_way_.find({packet.connection, PacketId(packet)});
  if (found == under_way_.end()) return;
  const UnderWay under_way = std::move(found->second);
  under_way_.erase(found);
  ++seen_.acknowledged;
  if (!under_way.response_id.empty()) answers_[under_way.response_id].acknowledged = true;
  if (under_way.message_id == 0) return;
  Stream& stream = streams_[under_way.topic];
  stream.messages[static_cast<size_t>(under_way.message_id - 1)].acknowledged = true;
  auto& until = stream.acknowledged_until;
  while (until < static_cast<int64_t>(stream.messages.size()) &&
         stream.messages[static_cast<size_t>(until)].acknowledged) {
    ++until;
  }
}

void DeliveryChecker::Problem(std::string text) {
  if (problems_.size() < kMaxProblems) problems_.push_back(std::move(text));
}

Sightings DeliveryChecker::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

bool DeliveryChecker::Await(absl::Duration deadline,
                            const std::function<bool(const Sightings&)>& done) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, absl::ToChronoNanoseconds(deadline), [&] { return done(seen_); });
}

int64_t DeliveryChecker::AcknowledgedUntil(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(topic);
  return found == streams_.end() ? 0 : found->second.acknowledged_until;
}

int64_t DeliveryChecker::HighestId(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(topic);
  return found == streams_.end() ? 0 : static_cast<int64_t>(found->second.messages.size());
}

int64_t DeliveryChecker::TimestampOf(const std::string& topic, int64_t message_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = streams_.find(topic);
  if (found == streams_.end() || message_id < 1) return 0;
  const auto index = static_cast<size_t>(message_id - 1);
  return index < found->second.messages.size() ? found->second.messages[index].timestamp : 0;
}

std::vector<Reading> DeliveryChecker::Readings(const std::string& topic,
                                               absl::string_view sensor) const {
  const std::lock_guard lock(mutex_);
  const auto stream = streams_.find(topic);
  if (stream == streams_.end()) return {};
  const auto found = stream->second.readings.find(sensor);
  return found == stream->second.readings.end() ? std::vector<Reading>() : found->second;
}

std::map<std::string, Answer> DeliveryChecker::answers() const {
  const std::lock_guard lock(mutex_);
  return answers_;
}

bool DeliveryChecker::AnswerTaken(const std::string& request_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(request_id);
  return found != answers_.end() && found->second.acknowledged;
}

int64_t DeliveryChecker::messages() const {
  const std::lock_guard lock(mutex_);
  int64_t count = 0;
  for (const auto& [topic, stream] : streams_) {
    count += static_cast<int64_t>(stream.messages.size());
  }
  return count;
}

int64_t DeliveryChecker::redeliveries() const {
  const std::lock_guard lock(mutex_);
  return redeliveries_;
}

std::vector<std::string> DeliveryChecker::problems() const {
  const std::lock_guard lock(mutex_);
  return problems_;
}

}  // namespace fieldgate::fault
