#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tixml/codec.h"
#include "common/tixml/node.h"

// The portal's view of the bodies: what a gateway sends is parsed strictly,
// what a portal sends is written as the manual's bodies are (manual 2 to 5).
namespace fieldgate::portal {

// 2.1.1
struct RolloutRequest {
  tixml::Format format = tixml::Format::kTiXml;
  std::string request_id;
  std::string product_name;
  std::string serial_number;
};

// One data point of the model that a gatewayInit announces (2.2.1).
struct AnnouncedSensor {
  std::string controller;
  std::string sensor;
  std::string name;
  std::string type;
  std::string unit;
};

struct InitRequest {
  tixml::Format format = tixml::Format::kTiXml;
  std::string request_id;
  std::vector<AnnouncedSensor> sensors;
};

// 2.3
struct SensorValue {
  std::string controller;
  std::string sensor;
  std::string value;
  // Of the one-element form of gps values: the `lng` attribute.
  std::string second_value;
  int state = 0;
};

struct DataMessage {
  tixml::Format format = tixml::Format::kTiXml;
  int64_t message_id = 0;
  int64_t timestamp = 0;  // Unix seconds
  std::vector<SensorValue> values;
};

enum class CommandKind { kCmd, kConfig, kState };  // topics of sections 4, 3, 5
// Last level of its topic: "cmd".
const char* CommandTopic(CommandKind kind);

struct CommandResult {
  CommandKind kind = CommandKind::kCmd;
  std::string gateway;  // "customer_id/gateway_id", set by the portal
  int64_t error_code = 0;
  std::string response_id;
  // As received, with the commands' answers.
  std::string body;
};

// kInvalidArgument: unreadable, or a field is missing or of the wrong kind.
// kResourceExhausted: over a limit of the codec.
absl::StatusOr<RolloutRequest> ParseRolloutRequest(absl::string_view body);
absl::StatusOr<InitRequest> ParseInitRequest(absl::string_view body);
absl::StatusOr<DataMessage> ParseDataMessage(absl::string_view body);
absl::StatusOr<CommandResult> ParseCommandResult(CommandKind kind, absl::string_view body);

struct DataBroker {
  std::string url;
  std::optional<int> qos = {};
};

// 2.1.2; an empty optional leaves the field out.
struct RolloutAnswer {
  int error_code = 0;
  std::optional<std::string> response_id = {};
  std::optional<std::string> gateway_id = {};
  std::optional<std::string> customer_id = {};
  std::optional<DataBroker> data_broker = {};
  // SetConfig commands.
  std::vector<tixml::Node> configuration = {};
};
std::string WriteRolloutAnswer(tixml::Format format, const RolloutAnswer& answer);

// 2.2.2
struct InitAnswer {
  int error_code = 0;
  std::optional<std::string> response_id = {};
  std::optional<std::string> portal_version = {};
};
std::string WriteInitAnswer(tixml::Format format, const InitAnswer& answer);

struct Command {
  CommandKind kind = CommandKind::kCmd;
  std::string request_id = {};
  std::string serial_number = {};
  // Not for kState.
  std::vector<tixml::Node> commands = {};
  // Only for kState; empty: everything.
  std::string path = {};
};
std::string WriteCommand(tixml::Format format, const Command& command);

}  // namespace fieldgate::portal
