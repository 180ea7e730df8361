#include "services/cloud_link/payload/messages.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"

namespace fieldgate::cloud_link {
namespace {

using Nodes = std::vector<tixml::Node>;

const tixml::Node* Find(const Nodes& nodes, absl::string_view name) {
  for (const tixml::Node& node : nodes) {
    if (node.name == name) return &node;
  }
  return nullptr;
}

// <name _="text"/>, or <name>text</name>
const std::string& TextOf(const tixml::Node& node) {
  const std::string* value = node.Find("_");
  return value != nullptr ? *value : node.text;
}

absl::Status Missing(absl::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat(name, " is missing"));
}

// The fields of a result; of an XML root of any name those in it.
absl::StatusOr<Nodes> ParseResult(absl::string_view body) {
  absl::StatusOr<tixml::Document> document = tixml::Parse(body);
  if (!document.ok()) return document.status();
  Nodes nodes = std::move(document->nodes);
  if (nodes.size() == 1 && Find(nodes[0].children, "error_code") != nullptr) {
    Nodes inner = std::move(nodes[0].children);
    return inner;
  }
  return nodes;
}

// What both kinds of results have.
template <class Result>
absl::Status ReadCommon(const Nodes& nodes, Result& result) {
  const tixml::Node* error_code = Find(nodes, "error_code");
  if (error_code == nullptr) return Missing("error_code");
  if (!absl::SimpleAtoi(TextOf(*error_code), &result.error_code)) {
    return absl::InvalidArgumentError("error_code is not a number");
  }
  const tixml::Node* response_id = Find(nodes, "response_id");
  if (response_id == nullptr) return Missing("response_id");
  result.response_id = TextOf(*response_id);
  return absl::OkStatus();
}

absl::Status ReadBroker(const tixml::Node& details, RolloutResult& result) {
  if (const tixml::Node* url = details.Child("url")) result.data_broker_url = TextOf(*url);
  const tixml::Node* qos = details.Child("qos");
  if (qos == nullptr || TextOf(*qos).empty()) return absl::OkStatus();
  int number = 0;
  if (!absl::SimpleAtoi(TextOf(*qos), &number) || number < 0 || number > 2) {
    return absl::InvalidArgumentError("qos of data_broker_details is none of 0, 1, 2");
  }
  result.data_broker_qos = number;
  return absl::OkStatus();
}

// The commands as elements, or TiXML as text. Text that can't be read stays as
// it is: it fails when it is executed and is logged there.
Nodes ReadConfiguration(const tixml::Node& configuration) {
  if (!configuration.children.empty()) return configuration.children;
  const std::string& text = TextOf(configuration);
  if (text.empty()) return {};
  absl::StatusOr<tixml::Document> document = tixml::Parse(text);
  if (!document.ok()) return {configuration};
  return std::move(document->nodes);
}

}  // namespace

tixml::Format FormatOf(const config_store::v1::Connector& connector) {
  switch (connector.format()) {
    case config_store::v1::JSON:
      return tixml::Format::kJson;
    case config_store::v1::XML:
      return tixml::Format::kXml;
    default:
      return tixml::Format::kTiXml;
  }
}

std::string RolloutBody(const config_store::v1::Device& device,
                        const config_store::v1::Connector& connector,
                        absl::string_view request_id) {
  return tixml::WriteBody(FormatOf(connector),
                          {tixml::ValueNode("request_id", request_id),
                           tixml::ValueNode("prod_name", device.product_name()),
                           tixml::ValueNode("serial_number", device.serial_number())},
                          "gatewayRollout", connector.tixml_braces());
}

absl::StatusOr<RolloutMessage> ParseRolloutResult(absl::string_view body) {
  absl::StatusOr<Nodes> nodes = ParseResult(body);
  if (!nodes.ok()) return Annotate(nodes.status(), "rollout result");
  RolloutMessage message;
  RolloutResult& result = message.result;
  if (absl::Status s = ReadCommon(*nodes, result); !s.ok()) return Annotate(s, "rollout result");
  if (result.error_code != 0) return message;
  for (const auto& [name, field] : {std::pair("gateway_id", &result.gateway_id),
                                    std::pair("customer_id", &result.customer_id)}) {
    const tixml::Node* node = Find(*nodes, name);
    if (node == nullptr) return Annotate(Missing(name), "rollout result");
    *field = TextOf(*node);
  }
  if (const tixml::Node* details = Find(*nodes, "data_broker_details")) {
    if (absl::Status s = ReadBroker(*details, result); !s.ok()) {
      return Annotate(s, "rollout result");
    }
  }
  if (const tixml::Node* configuration = Find(*nodes, "gateway_configuration")) {
    message.configuration = ReadConfiguration(*configuration);
    result.has_configuration = !message.configuration.empty();
  }
  return message;
}

absl::StatusOr<InitResult> ParseInitResult(absl::string_view body) {
  absl::StatusOr<Nodes> nodes = ParseResult(body);
  if (!nodes.ok()) return Annotate(nodes.status(), "init result");
  InitResult result;
  if (absl::Status s = ReadCommon(*nodes, result); !s.ok()) return Annotate(s, "init result");
  if (const tixml::Node* version = Find(*nodes, "portal_version")) {
    result.portal_version = TextOf(*version);
  }
  return result;
}

}  // namespace fieldgate::cloud_link
