#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/value/value.h"
#include "services/cloud_link/payload/data_model.h"
#include "services/cloud_link/payload/messages.h"

// gatewayInit (manual 2.2.1). TiXML and XML have an element a controller and a
// sensor, JSON an object with its id as a member, so each has its own writer.
namespace fieldgate::cloud_link {
namespace {

using config_store::v1::Connector;
using config_store::v1::ControllerMetadata;
using config_store::v1::DataPoint;
using tixml::Node;

struct Field {
  std::string name, value;
};

// JSON can't have two members of one name: the first counts.
class Fields {
 public:
  void Add(std::string name, std::string value) {
    if (names_.insert(name).second) fields_.push_back({std::move(name), std::move(value)});
  }
  std::vector<Field> Take() { return std::move(fields_); }

 private:
  std::vector<Field> fields_;
  absl::flat_hash_set<std::string> names_;
};

// Meta data in the manual's order, then others in configuration order.
std::vector<Field> FieldsOf(const DataPoint& point) {
  static constexpr std::array<absl::string_view, 8> kOrder = {
      "type",           "unit",           "set_point",        "virtual",
      "virtual_device", "receive_signal", "signal_frequency", "custom_fields"};
  Fields all;
  all.Add("type", std::string(TypeOf(point)));
  for (const DataPoint::Metadata& metadata : point.metadata()) {
    // These two are the sensor's own.
    if (metadata.name() == "name" || metadata.name() == "external_sensor_id") continue;
    all.Add(metadata.name(), metadata.value());
  }
  std::vector<Field> fields = all.Take();
  std::stable_sort(fields.begin(), fields.end(), [](const Field& a, const Field& b) {
    return std::find(kOrder.begin(), kOrder.end(), a.name) <
           std::find(kOrder.begin(), kOrder.end(), b.name);
  });
  return fields;
}

// "key=value;key=value"
std::vector<Field> CustomFields(absl::string_view text) {
  Fields fields;
  for (absl::string_view entry : absl::StrSplit(text, ';')) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(entry, absl::MaxSplits('=', 1));
    const absl::string_view key = absl::StripAsciiWhitespace(field.first);
    if (key.empty()) continue;
    fields.Add(std::string(key), std::string(absl::StripAsciiWhitespace(field.second)));
  }
  return fields.Take();
}

// What the configuration says about the controllers.
class ControllersMetadata {
 public:
  explicit ControllersMetadata(const Connector& connector) {
    for (const ControllerMetadata& metadata : connector.controllers()) {
      by_name_.try_emplace(metadata.name(), &metadata);
    }
  }

  // nullptr: nothing. Its tag is an XML name.
  const ControllerMetadata* Of(const DataModel::Controller& controller) const {
    auto found = by_name_.find(controller.raw_id);
    if (found == by_name_.end()) found = by_name_.find(tixml::ToXmlName(controller.raw_id));
    return found == by_name_.end() ? nullptr : found->second;
  }

 private:
  absl::flat_hash_map<std::string, const ControllerMetadata*> by_name_;
};

// --- TiXML and XML --------------------------------------------------------------

Node Element(absl::string_view name) {
  Node node;
  node.name = std::string(name);
  return node;
}

Node CustomFieldsElement(absl::string_view text) {
  Node node = Element("custom_fields");
  for (const Field& field : CustomFields(text)) {
    node.Add(tixml::ValueNode(field.name, field.value));
  }
  return node;
}

Node SensorElement(const DataModel::Sensor& sensor) {
  Node node = Element(sensor.id);
  node.Add(tixml::ValueNode("name", sensor.point->name()));
  for (const Field& field : FieldsOf(*sensor.point)) {
    if (field.name == "custom_fields") {
      node.Add(CustomFieldsElement(field.value));
    } else {
      node.Add(field.value.empty() ? Element(field.name)
                                   : tixml::ValueNode(field.name, field.value));
    }
  }
  return node;
}

std::string XmlBody(const Connector& connector, absl::string_view request_id) {
  std::vector<Node> nodes = {tixml::ValueNode("request_id", request_id)};
  if (connector.virtual_devices()) nodes.push_back(tixml::ValueNode("virtual_devices", "1"));
  Node controllers = Element("controllers");
  const DataModel model = DataModel::Of(connector);
  const ControllersMetadata all_metadata(connector);
  for (const DataModel::Controller& controller : model.controllers) {
    Node& node = controllers.Add(Element(controller.id));
    if (const ControllerMetadata* metadata = all_metadata.Of(controller)) {
      node.Add(CustomFieldsElement(metadata->custom_fields()));
      if (metadata->has_timeout_s()) {
        node.Add(tixml::ValueNode("timeout", absl::StrCat(metadata->timeout_s())));
      }
    }
    Node& sensors = node.Add(Element("sensors"));
    for (const DataModel::Sensor& sensor : controller.sensors) sensors.Add(SensorElement(sensor));
  }
  nodes.push_back(std::move(controllers));
  return tixml::WriteBody(FormatOf(connector), nodes, "gatewayInit", connector.tixml_braces());
}

// --- JSON -----------------------------------------------------------------------

void AppendString(absl::string_view text, std::string& out) {
  out += '"';
  tixml::AppendJsonEscaped(text, out);
  out += '"';
}

// A member's name, after a comma if it is not the first.
void AppendKey(absl::string_view key, std::string& out) {
  if (out.back() != '{') out += ',';
  AppendString(key, out);
  out += ':';
}

void AppendMember(absl::string_view key, absl::string_view value, std::string& out) {
  AppendKey(key, out);
  AppendString(value, out);
}

void AppendCustomFields(absl::string_view text, std::string& out) {
  AppendKey("custom_fields", out);
  const std::vector<Field> fields = CustomFields(text);
  if (fields.empty()) {
    out += "null";
    return;
  }
  out += '{';
  for (const Field& field : fields) AppendMember(field.name, field.value, out);
  out += '}';
}

void AppendField(const Field& field, std::string& out) {
  if (field.name == "custom_fields") return AppendCustomFields(field.value, out);
  const Value value = InferValue(field.value);
  if (field.name == "virtual" && std::holds_alternative<bool>(value)) {
    AppendKey(field.name, out);
    out += field.value;
  } else if (field.name == "signal_frequency" && !std::holds_alternative<bool>(value) &&
             ToNumber(value).has_value()) {
    AppendKey(field.name, out);
    out += ToText(value);
  } else {
    AppendMember(field.name, field.value, out);
  }
}

void AppendSensor(const DataModel::Sensor& sensor, std::string& out) {
  out += '{';
  AppendMember("external_sensor_id", sensor.id, out);
  AppendMember("name", sensor.point->name(), out);
  for (const Field& field : FieldsOf(*sensor.point)) AppendField(field, out);
  out += '}';
}

std::string JsonBody(const Connector& connector, absl::string_view request_id) {
  std::string out = "{";
  AppendMember("request_id", request_id, out);
  if (connector.virtual_devices()) AppendMember("virtual_devices", "1", out);
  AppendKey("controllers", out);
  out += '[';
  const DataModel model = DataModel::Of(connector);
  const ControllersMetadata all_metadata(connector);
  for (const DataModel::Controller& controller : model.controllers) {
    if (&controller != &model.controllers.front()) out += ',';
    out += '{';
    AppendMember("name", controller.id, out);
    AppendMember("external_controller_id", controller.id, out);
    if (const ControllerMetadata* metadata = all_metadata.Of(controller)) {
      AppendCustomFields(metadata->custom_fields(), out);
      if (metadata->has_timeout_s()) {
        AppendKey("timeout", out);
        absl::StrAppend(&out, metadata->timeout_s());
      }
    }
    AppendKey("sensors", out);
    out += '[';
    for (const DataModel::Sensor& sensor : controller.sensors) {
      if (&sensor != &controller.sensors.front()) out += ',';
      AppendSensor(sensor, out);
    }
    out += "]}";
  }
  out += "]}";
  return out;
}

}  // namespace

std::string GatewayInitBody(const Connector& connector, absl::string_view request_id) {
  return FormatOf(connector) == tixml::Format::kJson ? JsonBody(connector, request_id)
                                                     : XmlBody(connector, request_id);
}

}  // namespace fieldgate::cloud_link
