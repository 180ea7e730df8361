#include "services/cloud_link/payload/request.h"

#include <iterator>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "common/tixml/error.h"
#include "services/cloud_link/payload/guess_format.h"

namespace fieldgate::cloud_link {
namespace {

using tixml::Node;
using Nodes = std::vector<Node>;

// An id is kept for as long as 1,000 others follow, so it has a bound; a UUID
// has 36.
constexpr size_t kMaxRequestId = 256;

// Of commands as TiXML in a text; each is parsed by itself, which has its price.
constexpr int kMaxTexts = 100;

const Node* Find(const Nodes& nodes, absl::string_view name) {
  for (const Node& node : nodes) {
    if (node.name == name) return &node;
  }
  return nullptr;
}

// <name _="text"/>, or <name>text</name>
const std::string& TextOf(const Node& node) {
  const std::string* value = node.Find("_");
  return value != nullptr ? *value : node.text;
}

absl::Status Missing(absl::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat(name, " is missing"));
}

// What stands below a root of any name.
void LookThroughRoot(Nodes& nodes) {
  if (nodes.size() != 1) return;
  const Node& root = nodes[0];
  if (root.Child("serial_number") == nullptr && root.Child("request_id") == nullptr) return;
  Nodes inner = std::move(nodes[0].children);
  nodes = std::move(inner);
}

// Elements, or TiXML as a text. Several elements of the name are an array in
// JSON.
absl::Status ReadCommands(const Nodes& nodes, absl::string_view name, Nodes& commands) {
  int texts = 0;
  for (const Node& node : nodes) {
    if (node.name != name) continue;
    commands.insert(commands.end(), node.children.begin(), node.children.end());
    const std::string& text = TextOf(node);
    if (text.empty()) continue;
    if (!node.children.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " holds text beside its commands: '", text.substr(0, 40), "'"));
    }
    if (++texts > kMaxTexts) {
      return absl::InvalidArgumentError(absl::StrCat(name, " holds more than ", kMaxTexts,
                                                     " texts; put all commands into one of them"));
    }
    absl::StatusOr<tixml::Document> document = tixml::Parse(text);
    if (!document.ok()) return Annotate(document.status(), name);
    std::move(document->nodes.begin(), document->nodes.end(), std::back_inserter(commands));
  }
  if (!commands.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " holds no command"));
}

absl::Status ReadConfig(const Nodes& nodes, Request& request) {
  // The manual calls it config in TiXML and config_xml in JSON.
  const absl::string_view name = Find(nodes, "config") != nullptr ? "config" : "config_xml";
  if (Find(nodes, name) == nullptr) {
    return absl::InvalidArgumentError("config (config_xml) is missing");
  }
  absl::Status status = ReadCommands(nodes, name, request.commands);
  if (!status.ok()) return status;
  for (const Node& command : request.commands) {
    if (command.name == "SetConfig" || command.name == "Set") continue;
    request.error_number = tixml::kInvalidCommand;
    return absl::InvalidArgumentError(absl::StrCat("config takes SetConfig and Set only, not ",
                                                   command.name,
                                                   "; nothing was executed; send it as cmd"));
  }
  return absl::OkStatus();
}

absl::Status ReadCmd(const Nodes& nodes, Request& request) {
  if (Find(nodes, "cmd") == nullptr) return Missing("cmd");
  return ReadCommands(nodes, "cmd", request.commands);
}

// <Get ver="y"/>, <Get _="path/" ver="y"/>
void ReadState(const Nodes& nodes, Request& request) {
  Node get;
  get.name = "Get";
  const Node* path = Find(nodes, "path");
  if (path != nullptr && !TextOf(*path).empty()) {
    const std::string& text = TextOf(*path);
    get.Set("_", absl::EndsWith(text, "/") ? text : absl::StrCat(text, "/"));
  }
  get.Set("ver", "y");
  request.commands.push_back(std::move(get));
}

absl::Status Read(RequestKind kind, const Nodes& nodes, Request& request) {
  if (const Node* id = Find(nodes, "request_id")) request.request_id = TextOf(*id);
  if (request.request_id.size() > kMaxRequestId) {
    request.request_id.clear();
    return absl::InvalidArgumentError(
        absl::StrCat("request_id is longer than ", kMaxRequestId, " bytes"));
  }
  const Node* serial_number = Find(nodes, "serial_number");
  if (serial_number == nullptr) return Missing("serial_number");
  request.serial_number = TextOf(*serial_number);
  switch (kind) {
    case RequestKind::kConfig:
      return ReadConfig(nodes, request);
    case RequestKind::kCmd:
      return ReadCmd(nodes, request);
    case RequestKind::kState:
      ReadState(nodes, request);
      return absl::OkStatus();
  }
  return absl::InternalError("no such kind");
}

absl::string_view ResultName(RequestKind kind) {
  switch (kind) {
    case RequestKind::kConfig:
      return "config_result_xml";
    case RequestKind::kCmd:
      return "cmd_result";
    default:
      return "gateway_states";
  }
}

}  // namespace

absl::string_view RequestName(RequestKind kind) {
  switch (kind) {
    case RequestKind::kConfig:
      return "config";
    case RequestKind::kCmd:
      return "cmd";
    default:
      return "state";
  }
}

std::optional<RequestKind> RequestKindOf(absl::string_view topic) {
  const absl::string_view last = topic.substr(topic.rfind('/') + 1);  // npos + 1 is 0
  for (const RequestKind kind : {RequestKind::kConfig, RequestKind::kCmd, RequestKind::kState}) {
    if (last == RequestName(kind)) return kind;
  }
  return std::nullopt;
}

Request ParseRequest(RequestKind kind, absl::string_view body) {
  Request request;
  absl::StatusOr<tixml::Document> document = tixml::Parse(body, {RequestName(kind)});
  if (!document.ok()) {
    request.format = GuessFormat(body);
    request.request_id = GuessRequestId(body);
    request.valid = document.status();
    request.error_number =
        absl::IsResourceExhausted(document.status()) ? tixml::kTooLarge : tixml::kInvalidSyntax;
    return request;
  }
  request.format = document->format;
  LookThroughRoot(document->nodes);
  request.valid = Read(kind, document->nodes, request);
  if (!request.valid.ok() && request.error_number == 0) {
    request.error_number =
        absl::IsResourceExhausted(request.valid) ? tixml::kTooLarge : tixml::kInvalidSyntax;
  }
  return request;
}

std::string AnswerBody(RequestKind kind, tixml::Format format, AnswerCode code,
                       absl::string_view response_id, const Nodes& answers, bool braces) {
  Node result;
  if (kind == RequestKind::kConfig && format == tixml::Format::kJson) {
    // 3: "string with the result".
    std::string text;
    for (const Node& answer : answers) text += tixml::WriteElement(answer);
    result = tixml::ValueNode(ResultName(kind), absl::StripTrailingAsciiWhitespace(text));
  } else {
    result.name = std::string(ResultName(kind));
    result.children = answers;
  }
  return tixml::WriteBody(format,
                          {tixml::ValueNode("error_code", absl::StrCat(static_cast<int>(code))),
                           tixml::ValueNode("response_id", response_id), std::move(result)},
                          absl::StrCat(RequestName(kind), "Result"), braces);
}

}  // namespace fieldgate::cloud_link
