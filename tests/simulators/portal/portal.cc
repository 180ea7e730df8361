#include "tests/simulators/portal/portal.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace fieldgate::portal {
namespace {

constexpr absl::string_view kRolloutTopic = "fp/gatewayRollout";
constexpr absl::string_view kGarbage = "{ <error_code _=\"0\" \x01 this is no body";

// n of "<serial>_<n>", or 0.
int64_t RolloutNumber(absl::string_view request_id, absl::string_view serial) {
  if (!absl::ConsumePrefix(&request_id, serial) || !absl::ConsumePrefix(&request_id, "_")) return 0;
  int64_t n = 0;
  const char* end = request_id.data() + request_id.size();
  const std::from_chars_result result = std::from_chars(request_id.data(), end, n);
  return result.ec == std::errc() && result.ptr == end ? n : 0;
}

absl::string_view Name(Fault::Kind kind) {
  switch (kind) {
    case Fault::Kind::kErrorCode:
      return "an error code";
    case Fault::Kind::kWrongResponseId:
      return "a wrong response_id";
    case Fault::Kind::kGarbage:
      return "garbage";
    case Fault::Kind::kMissingField:
      return "a missing field";
    case Fault::Kind::kLate:
      return "a late answer";
    case Fault::Kind::kNever:
      return "no answer";
  }
  return "";
}

// The fault to apply to the n-th request (from 1), or nullptr.
const Fault* Applies(const Fault& fault, int64_t n) { return n <= fault.first ? &fault : nullptr; }

// Changes an answer as the fault says. `Answer` has error_code and response_id.
template <typename Answer>
void Spoil(const Fault& fault, Answer& answer) {
  if (fault.kind == Fault::Kind::kErrorCode) answer.error_code = fault.error_code;
  if (fault.kind == Fault::Kind::kWrongResponseId) answer.response_id = "not-your-request";
}

void Send(const Fault* fault, std::string topic, std::string body, Portal::Reaction& reaction) {
  absl::Duration delay = absl::ZeroDuration();
  if (fault != nullptr) {
    reaction.steps.back() += absl::StrCat(" (on purpose: ", Name(fault->kind), ")");
    if (fault->kind == Fault::Kind::kNever) return;
    if (fault->kind == Fault::Kind::kGarbage) body = std::string(kGarbage);
    if (fault->kind == Fault::Kind::kLate) delay = fault->delay;
  }
  reaction.replies.push_back({std::move(topic), std::move(body), delay});
}

absl::string_view Name(tixml::Format format) {
  switch (format) {
    case tixml::Format::kTiXml:
      return "TiXML";
    case tixml::Format::kXml:
      return "XML";
    case tixml::Format::kJson:
      return "JSON";
  }
  return "";
}

}  // namespace

const StreamStats* PortalStats::Stream(absl::string_view gateway) const {
  for (const StreamStats& stream : streams) {
    if (stream.gateway == gateway) return &stream;
  }
  return nullptr;
}

std::vector<std::string> Portal::Topics() {
  return {std::string(kRolloutTopic), "+/fp/+/gatewayInit", "+/fp/+/data",
          "+/fp/+/configResult",      "+/fp/+/cmdResult",   "+/fp/+/stateResult"};
}

Portal::Reaction Portal::OnMessage(absl::string_view topic, absl::string_view body,
                                   absl::Time now) {
  Reaction reaction;
  if (topic == kRolloutTopic) {
    OnRollout(body, reaction);
    return reaction;
  }
  const std::vector<absl::string_view> levels = absl::StrSplit(topic, '/');
  if (levels.size() != 4 || levels[1] != "fp") {
    Error(absl::StrCat("message on unexpected topic ", topic), reaction);
    return reaction;
  }
  const std::string gateway = absl::StrCat(levels[0], "/", levels[2]);
  if (levels[3] == "gatewayInit") {
    OnInit(gateway, body, reaction);
  } else if (levels[3] == "data") {
    OnData(gateway, body, now, reaction);
  } else if (levels[3] == "cmdResult") {
    OnResult(CommandKind::kCmd, gateway, body, reaction);
  } else if (levels[3] == "configResult") {
    OnResult(CommandKind::kConfig, gateway, body, reaction);
  } else if (levels[3] == "stateResult") {
    OnResult(CommandKind::kState, gateway, body, reaction);
  } else {
    Error(absl::StrCat("message on unexpected topic ", topic), reaction);
  }
  return reaction;
}

PortalStats Portal::Snapshot() const {
  PortalStats stats{rollout_requests_, init_requests_, {}, results_, errors_};
  for (const auto& [gateway, checker] : streams_) stats.streams.push_back(checker.stats());
  return stats;
}

void Portal::Error(std::string text, Reaction& reaction) {
  reaction.steps.push_back("ERROR " + text);
  if (errors_.size() < kMaxErrors) errors_.push_back(std::move(text));
}

void Portal::OnRollout(absl::string_view body, Reaction& reaction) {
  const Fault* fault = Applies(policy_.rollout_fault, ++rollout_requests_);
  absl::StatusOr<RolloutRequest> request = ParseRolloutRequest(body);
  if (!request.ok()) {
    Error(absl::StrCat("rollout request: ", request.status().message()), reaction);
    return;
  }
  const int64_t n = RolloutNumber(request->request_id, request->serial_number);
  int64_t& last = last_rollout_[request->serial_number];
  if (n <= last) {
    Error(absl::StrCat("rollout request_id ", request->request_id, " is not <serial>_<n> with n > ",
                       last),
          reaction);
  }
  last = std::max(last, n);

  RolloutAnswer answer;
  answer.response_id = request->request_id;
  answer.gateway_id =
      policy_.gateway_id.empty() ? "gw-" + request->serial_number : policy_.gateway_id;
  answer.customer_id = policy_.customer_id;
  answer.data_broker = policy_.data_broker;
  answer.configuration = policy_.gateway_configuration;
  reaction.steps.push_back(absl::StrCat(
      "rollout request ", request->request_id, " of ", request->product_name, " (",
      Name(request->format), ") -> gateway_id ", *answer.gateway_id, ", customer_id ",
      *answer.customer_id,
      policy_.data_broker.has_value() ? absl::StrCat(", broker ", policy_.data_broker->url) : ""));
  if (fault != nullptr) {
    Spoil(*fault, answer);
    if (fault->kind == Fault::Kind::kMissingField) answer.gateway_id.reset();
  }
  Send(fault, absl::StrCat("fp/gatewayRolloutResult/", request->serial_number),
       WriteRolloutAnswer(request->format, answer), reaction);
}

void Portal::OnInit(const std::string& gateway, absl::string_view body, Reaction& reaction) {
  const Fault* fault = Applies(policy_.init_fault, ++init_requests_);
  absl::StatusOr<InitRequest> request = ParseInitRequest(body);
  if (!request.ok()) {
    Error(absl::StrCat("gatewayInit of ", gateway, ": ", request.status().message()), reaction);
    return;
  }
  Stream(gateway).Announce(request->sensors);
  InitAnswer answer;
  answer.response_id = request->request_id;
  answer.portal_version = policy_.portal_version;
  reaction.steps.push_back(absl::StrCat("init request ", request->request_id, " of ", gateway, " (",
                                        Name(request->format), ", ", request->sensors.size(),
                                        " sensors) -> portal_version ", *answer.portal_version));
  if (fault != nullptr) {
    Spoil(*fault, answer);
    if (fault->kind == Fault::Kind::kMissingField) answer.response_id.reset();
  }
  Send(fault,
       gateway.substr(0, gateway.find('/')) + "/fp/" + gateway.substr(gateway.find('/') + 1) +
           "/gatewayInitResult",
       WriteInitAnswer(request->format, answer), reaction);
}

void Portal::OnData(const std::string& gateway, absl::string_view body, absl::Time now,
                    Reaction& reaction) {
  StreamChecker& stream = Stream(gateway);
  const bool first = stream.stats().messages == 0;
  for (const Finding& finding : stream.OnData(body, now)) {
    const bool harmless = finding.kind == Finding::Kind::kRedelivery;
    reaction.steps.push_back(
        absl::StrCat(harmless ? "" : "ERROR ", "data of ", gateway, ": ", finding.text));
  }
  if (first && stream.stats().messages > 0) {
    reaction.steps.push_back(
        absl::StrCat("first data of ", gateway, ", message_id ", stream.stats().first_id));
  }
}

void Portal::OnResult(CommandKind kind, const std::string& gateway, absl::string_view body,
                      Reaction& reaction) {
  absl::StatusOr<CommandResult> result = ParseCommandResult(kind, body);
  if (!result.ok()) {
    Error(absl::StrCat("command result of ", gateway, ": ", result.status().message()), reaction);
    return;
  }
  result->gateway = gateway;
  reaction.steps.push_back(absl::StrCat("result of command ", result->response_id, " of ", gateway,
                                        ": error_code ", result->error_code));
  if (results_.size() < kMaxResults) results_.push_back(*std::move(result));
}

StreamChecker& Portal::Stream(const std::string& gateway) {
  return streams_.try_emplace(gateway, gateway).first->second;
}

}  // namespace fieldgate::portal
