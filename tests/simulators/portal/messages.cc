#include "tests/simulators/portal/messages.h"

#include <charconv>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace fieldgate::portal {
namespace {

using tixml::Document;
using tixml::Format;
using tixml::Node;

// <name _="value"/> in TiXML and XML, "name": value in JSON.
std::string Scalar(const Node& node) {
  const std::string* value = node.Find("_");
  return value != nullptr ? *value : node.text;
}

const Node* Top(const std::vector<Node>& nodes, absl::string_view name) {
  for (const Node& node : nodes) {
    if (node.name == name) return &node;
  }
  return nullptr;
}

absl::StatusOr<std::string> Required(const std::vector<Node>& nodes, absl::string_view name) {
  const Node* node = Top(nodes, name);
  if (node == nullptr) return absl::InvalidArgumentError(absl::StrCat(name, " is missing"));
  std::string value = Scalar(*node);
  if (value.empty()) return absl::InvalidArgumentError(absl::StrCat(name, " is empty"));
  return value;
}

std::string Optional(const Node& node, absl::string_view name) {
  const Node* child = node.Child(name);
  return child == nullptr ? "" : Scalar(*child);
}

// Manual 2.3.1 says "decimal", PROTOCOL 3 integer: anything else is an error.
absl::StatusOr<int64_t> ToInteger(absl::string_view name, absl::string_view text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const std::from_chars_result result = std::from_chars(text.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) {
    return absl::InvalidArgumentError(absl::StrCat(name, " '", text, "' is no integer"));
  }
  return value;
}

absl::StatusOr<int64_t> RequiredInteger(const std::vector<Node>& nodes, absl::string_view name) {
  absl::StatusOr<std::string> text = Required(nodes, name);
  if (!text.ok()) return text.status();
  return ToInteger(name, *text);
}

absl::StatusOr<int> ToState(const std::string& sensor, absl::string_view text) {
  if (text == "0") return 0;
  if (text == "1") return 1;
  if (text == "2") return 2;
  return absl::InvalidArgumentError(
      absl::StrCat("state '", text, "' of ", sensor, " is none of 0, 1, 2"));
}

// One sensor of a body, with the node that describes it.
struct FoundSensor {
  std::string controller;
  std::string sensor;
  const Node* node = nullptr;
};

// TiXML and XML name elements by the ids; JSON has arrays with the ids inside.
absl::StatusOr<std::vector<FoundSensor>> FindSensors(const Document& document) {
  std::vector<FoundSensor> found;
  for (const Node& top : document.nodes) {
    if (top.name != "controllers") continue;
    if (document.format == Format::kJson) {
      const std::string controller = Optional(top, "external_controller_id");
      if (controller.empty()) {
        return absl::InvalidArgumentError("a controller without external_controller_id");
      }
      for (const Node& sensor : top.children) {
        if (sensor.name != "sensors") continue;
        std::string id = Optional(sensor, "external_sensor_id");
        if (id.empty()) {
          return absl::InvalidArgumentError(
              absl::StrCat("a sensor of ", controller, " without external_sensor_id"));
        }
        found.push_back({controller, std::move(id), &sensor});
      }
      continue;
    }
    for (const Node& controller : top.children) {
      const Node* sensors = controller.Child("sensors");
      if (sensors == nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat("controller ", controller.name, " without sensors"));
      }
      for (const Node& sensor : sensors->children) {
        found.push_back({controller.name, sensor.name, &sensor});
      }
    }
  }
  return found;
}

// --- Writing ----------------------------------------------------------------

Node Element(std::string name, absl::string_view value) {
  Node node;
  node.name = std::move(name);
  node.Set("_", value);
  return node;
}

void AddOptional(std::vector<Node>& nodes, const char* name,
                 const std::optional<std::string>& value) {
  if (value.has_value()) nodes.push_back(Element(name, *value));
}

Node Group(std::string name, const std::vector<Node>& children) {
  Node node;
  node.name = std::move(name);
  node.children = children;
  return node;
}

bool IsPlain(const Node& node) {
  return node.children.empty() && node.attributes.size() == 1 && node.attributes[0].name == "_";
}

void AppendJsonPlain(const Node& node, std::string& out) {
  absl::StrAppend(&out, "\"", node.name, "\": ");
  // The manual has these two as numbers, everything else as strings.
  const bool number = node.name == "error_code" || node.name == "qos";
  if (!number) out += '"';
  tixml::AppendJsonEscaped(Scalar(node), out);
  if (!number) out += '"';
}

// The manual's JSON bodies have plain members where TiXML has <name _=""/>;
// commands inside follow the codec's lossless mapping.
std::string JsonBody(const std::vector<Node>& nodes) {
  std::string out = "{\n";
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (i > 0) out += ",\n";
    const Node& node = nodes[i];
    if (IsPlain(node)) {
      AppendJsonPlain(node, out);
    } else if (node.name == "data_broker_details") {
      absl::StrAppend(&out, "\"", node.name, "\": {");
      for (size_t j = 0; j < node.children.size(); ++j) {
        if (j > 0) out += ", ";
        AppendJsonPlain(node.children[j], out);
      }
      out += '}';
    } else {
      const std::string object = tixml::WriteBody(Format::kJson, {node}, "");
      const size_t open = object.find('{');
      const size_t close = object.rfind('}');
      out += object.substr(open + 1, close - open - 1);
    }
  }
  out += "\n}";
  return out;
}

std::string Body(Format format, const std::vector<Node>& nodes, absl::string_view root) {
  if (format == Format::kJson) return JsonBody(nodes);
  return tixml::WriteBody(format, nodes, root);
}

}  // namespace

const char* CommandTopic(CommandKind kind) {
  switch (kind) {
    case CommandKind::kCmd:
      return "cmd";
    case CommandKind::kConfig:
      return "config";
    case CommandKind::kState:
      return "state";
  }
  return "";
}

absl::StatusOr<RolloutRequest> ParseRolloutRequest(absl::string_view body) {
  absl::StatusOr<Document> document = tixml::Parse(body, {"gatewayRollout"});
  if (!document.ok()) return document.status();
  RolloutRequest request;
  request.format = document->format;
  for (auto [name, field] : {std::pair{"request_id", &request.request_id},
                             {"prod_name", &request.product_name},
                             {"serial_number", &request.serial_number}}) {
    absl::StatusOr<std::string> value = Required(document->nodes, name);
    if (!value.ok()) return value.status();
    *field = *std::move(value);
  }
  return request;
}

absl::StatusOr<InitRequest> ParseInitRequest(absl::string_view body) {
  absl::StatusOr<Document> document = tixml::Parse(body, {"gatewayInit"});
  if (!document.ok()) return document.status();
  InitRequest request;
  request.format = document->format;
  absl::StatusOr<std::string> id = Required(document->nodes, "request_id");
  if (!id.ok()) return id.status();
  request.request_id = *std::move(id);
  absl::StatusOr<std::vector<FoundSensor>> found = FindSensors(*document);
  if (!found.ok()) return found.status();
  for (const FoundSensor& sensor : *found) {
    AnnouncedSensor announced{sensor.controller, sensor.sensor, Optional(*sensor.node, "name"),
                              Optional(*sensor.node, "type"), Optional(*sensor.node, "unit")};
    if (announced.name.empty() || announced.type.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("sensor ", announced.sensor, " without name or type"));
    }
    request.sensors.push_back(std::move(announced));
  }
  return request;
}

absl::StatusOr<DataMessage> ParseDataMessage(absl::string_view body) {
  absl::StatusOr<Document> document = tixml::Parse(body, {"data"});
  if (!document.ok()) return document.status();
  DataMessage message;
  message.format = document->format;
  for (auto [name, field] :
       {std::pair{"message_id", &message.message_id}, {"timestamp", &message.timestamp}}) {
    absl::StatusOr<int64_t> value = RequiredInteger(document->nodes, name);
    if (!value.ok()) return value.status();
    *field = *value;
  }
  absl::StatusOr<std::vector<FoundSensor>> found = FindSensors(*document);
  if (!found.ok()) return found.status();
  for (const FoundSensor& sensor : *found) {
    SensorValue value{sensor.controller, sensor.sensor, "", "", 0};
    std::string state_text;
    if (document->format == Format::kJson) {
      if (sensor.node->Child("value") == nullptr) {
        return absl::InvalidArgumentError(absl::StrCat("sensor ", value.sensor, " without value"));
      }
      value.value = Optional(*sensor.node, "value");
      value.second_value = Optional(*sensor.node, "lng");
      state_text = Optional(*sensor.node, "sensor_state");
    } else {
      const std::string* text = sensor.node->Find("_");
      const std::string* lng = sensor.node->Find("lng");
      const std::string* state = sensor.node->Find("state");
      if (text == nullptr) {
        return absl::InvalidArgumentError(absl::StrCat("sensor ", value.sensor, " without value"));
      }
      value.value = *text;
      if (lng != nullptr) value.second_value = *lng;
      if (state != nullptr) state_text = *state;
    }
    absl::StatusOr<int> state = ToState(value.sensor, state_text);
    if (!state.ok()) return state.status();
    value.state = *state;
    message.values.push_back(std::move(value));
  }
  if (message.values.empty()) return absl::InvalidArgumentError("a message without any sensor");
  return message;
}

absl::StatusOr<CommandResult> ParseCommandResult(CommandKind kind, absl::string_view body) {
  const absl::string_view root = kind == CommandKind::kCmd      ? "cmdResult"
                                 : kind == CommandKind::kConfig ? "configResult"
                                                                : "stateResult";
  absl::StatusOr<Document> document = tixml::Parse(body, {root});
  if (!document.ok()) return document.status();
  absl::StatusOr<int64_t> error_code = RequiredInteger(document->nodes, "error_code");
  if (!error_code.ok()) return error_code.status();
  const Node* response_id = Top(document->nodes, "response_id");
  if (response_id == nullptr) return absl::InvalidArgumentError("response_id is missing");
  CommandResult result;
  result.kind = kind;
  result.error_code = *error_code;
  result.response_id = Scalar(*response_id);
  result.body = std::string(body);
  return result;
}

std::string WriteRolloutAnswer(Format format, const RolloutAnswer& answer) {
  std::vector<Node> nodes = {Element("error_code", absl::StrCat(answer.error_code))};
  AddOptional(nodes, "response_id", answer.response_id);
  AddOptional(nodes, "gateway_id", answer.gateway_id);
  AddOptional(nodes, "customer_id", answer.customer_id);
  if (answer.data_broker.has_value()) {
    std::vector<Node> details = {Element("url", answer.data_broker->url)};
    if (answer.data_broker->qos.has_value()) {
      details.push_back(Element("qos", absl::StrCat(*answer.data_broker->qos)));
    }
    nodes.push_back(Group("data_broker_details", details));
  }
  if (!answer.configuration.empty()) {
    nodes.push_back(Group("gateway_configuration", answer.configuration));
  }
  return Body(format, nodes, "gatewayRolloutResult");
}

std::string WriteInitAnswer(Format format, const InitAnswer& answer) {
  std::vector<Node> nodes = {Element("error_code", absl::StrCat(answer.error_code))};
  AddOptional(nodes, "response_id", answer.response_id);
  AddOptional(nodes, "portal_version", answer.portal_version);
  return Body(format, nodes, "gatewayInitResult");
}

std::string WriteCommand(Format format, const Command& command) {
  std::vector<Node> nodes = {Element("request_id", command.request_id),
                             Element("serial_number", command.serial_number)};
  switch (command.kind) {
    case CommandKind::kCmd:
      nodes.push_back(Group("cmd", command.commands));
      return Body(format, nodes, "cmd");
    case CommandKind::kConfig:
      if (format == Format::kJson) {
        // Section 3 has a string of statements in JSON.
        std::string text;
        for (const Node& node : command.commands) text += tixml::WriteElement(node);
        nodes.push_back(Element("config_xml", text));
      } else {
        nodes.push_back(Group("config", command.commands));
      }
      return Body(format, nodes, "config");
    case CommandKind::kState:
      if (!command.path.empty()) nodes.push_back(Element("path", command.path));
      return Body(format, nodes, "state");
  }
  return "";
}

}  // namespace fieldgate::portal
