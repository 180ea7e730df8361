// A data message says exactly what was sampled: bodies of random connectors and
// samples, in each format, are read with the codec (and JSON with another
// parser) and compared value by value with the rules of PROTOCOL 3. A failure
// names its seed.
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "common/value/value.h"
#include "gtest/gtest.h"
#include "services/cloud_link/payload/columns.h"
#include "services/cloud_link/payload/data_layout.h"
#include "services/cloud_link/payload/test_connector.h"

namespace fieldgate::cloud_link {
namespace {

namespace json = boost::json;

// One sensor as the message must have it.
struct Expected {
  std::string value;
  std::string second;  // "lng=..." of a gps point in one element
  std::string state;
  bool quoted = false;  // in JSON

  friend bool operator==(const Expected&, const Expected&) = default;
};
using Message = std::map<std::pair<std::string, std::string>, Expected>;  // controller, sensor

bool IsFinite(const Value& value) {
  const auto* number = std::get_if<double>(&value);
  return number == nullptr || std::isfinite(*number);
}

// Values: numbers raw, true and false for switches, texts for custom.
Expected ValueOf(const Value& value, const std::string& type) {
  Expected expected;
  expected.value = IsFinite(value) ? ToText(value) : "";
  const bool text = !ToNumber(value).has_value() || !IsFinite(value);
  expected.quoted = text || type == "custom";
  if (type != "switch" || expected.value.empty()) return expected;
  if (!text) {
    expected.value = *ToNumber(value) != 0 ? "true" : "false";
  } else if (expected.value == "1" || expected.value == "true") {
    expected.value = "true";
  } else if (expected.value == "0" || expected.value == "false") {
    expected.value = "false";
  } else {
    return expected;
  }
  expected.quoted = false;
  return expected;
}

class Case {
 public:
  Case(uint64_t seed, PayloadFormat format) : random_(seed), connector_(ConnectorWith(format)) {
    connector_.set_gps_as_lng_attribute(Below(2) == 0);
    connector_.set_tixml_braces(Below(2) == 0);
    const bool one_element = connector_.gps_as_lng_attribute() && format != config_store::v1::JSON;
    for (uint64_t i = 0, points = 1 + Below(30); i < points; ++i) {
      Below(6) == 0 ? AddGpsPoint(i, one_element) : AddPlainPoint(i);
    }
  }

  const Connector& connector() const { return connector_; }
  const std::vector<Sample>& samples() const { return samples_; }
  const std::vector<uint32_t>& channels() const { return channels_; }
  const Message& message() const { return message_; }

 private:
  uint64_t Below(uint64_t n) { return random_() % n; }

  Value NextValue() {
    switch (Below(7)) {
      case 0:
        return Value();
      case 1:
        return Below(2) == 0;
      case 2:
        return static_cast<int64_t>(random_()) >> Below(63);
      case 3:
        return random_() >> Below(63);
      case 4:
        return static_cast<double>(static_cast<int64_t>(Below(2'000'000)) - 1'000'000) / 100;
      case 5:
        return std::ldexp(static_cast<double>(random_()), static_cast<int>(Below(200)) - 160);
      default: {
        constexpr const char* kTexts[] = {"",         "0",       "1",        "true",       "false",
                                          "a<b>&\"'", "\u00b0C", "a\r\n\tb", " x ",        "12.5",
                                          "null",     "\\",      "[{}]",     "\U0001F600", "nan"};
        return std::string(kTexts[Below(std::size(kTexts))]);
      }
    }
  }

  uint32_t AddSample(Value value, uint8_t state) {
    samples_.push_back({std::move(value), state, 1});
    return static_cast<uint32_t>(samples_.size() - 1);
  }

  void AddPlainPoint(uint64_t i) {
    constexpr const char* kTypes[] = {"temperature", "switch", "custom", ""};
    const std::string type = kTypes[Below(std::size(kTypes))];
    const std::string controller = absl::StrCat("C", Below(4));
    const std::string sensor = absl::StrCat("S", i);
    AddPoint(connector_, sensor, absl::StrCat("/", controller, "/", sensor),
             type.empty() ? Metadata{} : Metadata{{"type", type}});
    const auto state = static_cast<uint8_t>(Below(3));
    const uint32_t channel = AddSample(NextValue(), state);
    if (Below(4) == 0) return;  // not in this message
    channels_.push_back(channel);
    Expected expected = ValueOf(samples_[channel].value, type.empty() ? "custom" : type);
    expected.state = absl::StrCat(state);
    message_[{controller, sensor}] = expected;
  }

  // Always both values, and state 2.
  void AddGpsPoint(uint64_t i, bool one_element) {
    const std::string controller = absl::StrCat("G", i);
    AddGps(connector_, controller, absl::StrCat("/", controller, "/Latitude"),
           absl::StrCat("/", controller, "/Longitude"));
    const uint32_t latitude = AddSample(NextValue(), static_cast<uint8_t>(Below(3)));
    const uint32_t longitude = AddSample(NextValue(), static_cast<uint8_t>(Below(3)));
    if (Below(4) == 0) return;
    channels_.push_back(latitude);
    channels_.push_back(longitude);
    Expected first = ValueOf(samples_[latitude].value, "gps");
    Expected second = ValueOf(samples_[longitude].value, "gps");
    first.state = second.state = "2";
    if (one_element) {
      first.second = "lng=" + second.value;
    } else {
      message_[{controller, "Longitude"}] = second;
    }
    message_[{controller, "Latitude"}] = first;
  }

  std::mt19937_64 random_;
  Connector connector_;
  std::vector<Sample> samples_;
  std::vector<uint32_t> channels_;
  Message message_;
};

std::string BodyOf(const Case& c) {
  const absl::StatusOr<DataLayout> layout = DataLayout::Create(c.connector());
  EXPECT_TRUE(layout.ok()) << layout.status();
  std::string body;
  const absl::Status status =
      layout->AppendBody(PackColumns(c.channels(), c.samples()), kMessageId, kTimestamp, body);
  EXPECT_TRUE(status.ok()) << status;
  return body;
}

// The message that TiXML or XML says.
Message ReadElements(const std::vector<tixml::Node>& nodes) {
  EXPECT_EQ(nodes.at(0), tixml::ValueNode("message_id", absl::StrCat(kMessageId)));
  EXPECT_EQ(nodes.at(1), tixml::ValueNode("timestamp", absl::StrCat(kTimestamp)));
  EXPECT_EQ(nodes.at(2).name, "controllers");
  Message message;
  for (const tixml::Node& controller : nodes.at(2).children) {
    EXPECT_EQ(controller.children.at(0).name, "sensors");
    for (const tixml::Node& sensor : controller.children.at(0).children) {
      Expected& read = message[{controller.name, sensor.name}];
      read.value = *sensor.Find("_");
      read.state = *sensor.Find("state");
      if (const std::string* lng = sensor.Find("lng")) read.second = "lng=" + *lng;
    }
  }
  return message;
}

// The same of JSON, as the codec reads it: without knowing what was in quotes.
Message ReadMembers(const std::vector<tixml::Node>& nodes) {
  EXPECT_EQ(nodes.at(0), tixml::ValueNode("message_id", absl::StrCat(kMessageId)));
  EXPECT_EQ(nodes.at(1), tixml::ValueNode("timestamp", absl::StrCat(kTimestamp)));
  Message message;
  for (size_t i = 2; i < nodes.size(); ++i) {
    EXPECT_EQ(nodes[i].name, "controllers");
    for (const tixml::Node& sensor : nodes[i].children) {
      if (sensor.name != "sensors") continue;
      Expected& read = message[{*nodes[i].Child("external_controller_id")->Find("_"),
                                *sensor.Child("external_sensor_id")->Find("_")}];
      read.value = *sensor.Child("value")->Find("_");
      read.state = *sensor.Child("sensor_state")->Find("_");
    }
  }
  return message;
}

// Which values stand in quotes, by another parser.
std::map<std::pair<std::string, std::string>, bool> ReadQuoted(const std::string& body) {
  std::map<std::pair<std::string, std::string>, bool> quoted;
  const json::value message = json::parse(body);
  for (const json::value& controller : message.at("controllers").as_array()) {
    for (const json::value& sensor : controller.at("sensors").as_array()) {
      quoted[{std::string(controller.at("external_controller_id").as_string()),
              std::string(sensor.at("external_sensor_id").as_string())}] =
          sensor.at("value").is_string();
      EXPECT_TRUE(sensor.at("sensor_state").is_int64());
    }
  }
  return quoted;
}

void ExpectSame(const Message& read, const Message& sampled) {
  ASSERT_EQ(read.size(), sampled.size());
  for (const auto& [name, expected] : sampled) {
    ASSERT_EQ(read.count(name), 1u) << name.first << "/" << name.second;
    EXPECT_EQ(read.at(name).value, expected.value) << name.first << "/" << name.second;
    EXPECT_EQ(read.at(name).second, expected.second) << name.first << "/" << name.second;
    EXPECT_EQ(read.at(name).state, expected.state) << name.first << "/" << name.second;
  }
}

constexpr uint64_t kRounds = 150;

TEST(DataRoundTripTest, TiXmlAndXmlSayExactlyWhatWasSampled) {
  for (uint64_t seed = 0; seed < kRounds && !testing::Test::HasFailure(); ++seed) {
    for (const auto format : {config_store::v1::TIXML, config_store::v1::XML}) {
      const Case c(seed, format);
      const std::string body = BodyOf(c);
      SCOPED_TRACE(absl::StrCat("seed ", seed, "\n", body));
      const absl::StatusOr<tixml::Document> document = tixml::Parse(body, {"data"});
      ASSERT_TRUE(document.ok()) << document.status();
      EXPECT_EQ(document->format == tixml::Format::kXml, format == config_store::v1::XML);
      ExpectSame(ReadElements(document->nodes), c.message());
    }
  }
}

TEST(DataRoundTripTest, JsonSaysExactlyWhatWasSampledWithItsType) {
  for (uint64_t seed = 0; seed < kRounds && !testing::Test::HasFailure(); ++seed) {
    const Case c(seed, config_store::v1::JSON);
    const std::string body = BodyOf(c);
    SCOPED_TRACE(absl::StrCat("seed ", seed, "\n", body));
    const absl::StatusOr<tixml::Document> document = tixml::Parse(body);
    ASSERT_TRUE(document.ok()) << document.status();
    ExpectSame(ReadMembers(document->nodes), c.message());
    const auto quoted = ReadQuoted(body);
    for (const auto& [name, expected] : c.message()) {
      EXPECT_EQ(quoted.at(name), expected.quoted) << name.first << "/" << name.second;
    }
  }
}

}  // namespace
}  // namespace fieldgate::cloud_link
