// What a portal sends: requests on config, cmd and state, carried out and
// answered, and the results of rollout and init.
#include "services/cloud_link/payload/request.h"

#include <algorithm>
#include <string>
#include <vector>

#include "common/tixml/error.h"
#include "services/cloud_link/command/fake_ports.h"
#include "services/cloud_link/command/interpreter.h"
#include "services/cloud_link/payload/messages.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/trees.h"

namespace fieldgate::fuzz {
namespace {

using cloud_link::RequestKind;
using tixml::Node;

bool IsKnownError(int number) {
  const absl::Span<const tixml::ErrorEntry> table = tixml::ErrorTable();
  return std::any_of(table.begin(), table.end(),
                     [=](const tixml::ErrorEntry& entry) { return entry.number == number; });
}

void CheckAnswer(RequestKind kind, const cloud_link::Request& request, cloud_link::AnswerCode code,
                 const std::vector<Node>& answers) {
  const std::string body =
      cloud_link::AnswerBody(kind, request.format, code, request.request_id, answers, true);
  if (body.size() > tixml::kMaxBytes || DepthOf(answers) > tixml::kMaxDepth - 3 ||
      CountOf(answers) > tixml::kMaxNodes - 5) {
    return;
  }
  const std::string root = absl::StrCat(cloud_link::RequestName(kind), "Result");
  const absl::StatusOr<tixml::Document> document = tixml::Parse(body, {root});
  Check(document.ok(), "an answer that can't be read");
  Check(document->format == request.format, "another format than the request's");
  Check(document->nodes.size() == 3, "not three fields");
  const Node& id = document->nodes[1];
  Check(id.name == "response_id" && *id.Find("_") == request.request_id, "another response_id");
}

std::vector<Node> Execute(const std::vector<Node>& commands) {
  cloud_link::FakeProcessPort process;
  cloud_link::FakeConfigPort config;
  cloud_link::FakeGatewayPort gateway;
  cloud_link::FakeEventPort events;
  events.Put("Alarm", "<Set _=\"/Process/PV/Alarm\" value=\"1\"/>");
  cloud_link::Interpreter interpreter({process, config, gateway, events});
  cloud_link::Interpreter::Result result =
      Bounded([&] { return interpreter.Execute(commands, {}); });
  Check(result.answers.size() == commands.size(), "not one answer a command");
  Check(result.failed != result.problems.empty(), "problems without a failure, or without any");
  for (size_t i = 0; i < commands.size(); ++i) {
    Check(result.answers[i].name == commands[i].name, "answers in another order");
  }
  return std::move(result.answers);
}

void CheckRequest(RequestKind kind, absl::string_view body) {
  const cloud_link::Request request = Bounded([&] { return cloud_link::ParseRequest(kind, body); });
  Check(request.request_id.size() <= 256, "a request_id without a bound");
  if (!request.valid.ok()) {
    CheckRefusal(request.valid);
    Check(IsKnownError(request.error_number), "a number outside of the table");
    const Node error =
        tixml::ErrorNode({.number = request.error_number, .detail = request.valid.message()},
                         tixml::Verbosity::kShort);
    return CheckAnswer(kind, request, cloud_link::AnswerCode::kFailed, {error});
  }
  Check(request.error_number == 0, "an error of a valid request");
  Check(!request.commands.empty(), "a valid request without a command");
  CheckLimits(request.commands);
  if (kind == RequestKind::kState) {
    Check(request.commands.size() == 1 && request.commands[0].name == "Get", "not one Get");
  }
  for (const Node& command : request.commands) {
    Check(kind != RequestKind::kConfig || command.name == "SetConfig" || command.name == "Set",
          "config takes SetConfig and Set only");
  }
  CheckAnswer(kind, request, cloud_link::AnswerCode::kDone, Execute(request.commands));
}

void CheckRollout(absl::string_view body) {
  const absl::StatusOr<cloud_link::RolloutMessage> message =
      Bounded([&] { return cloud_link::ParseRolloutResult(body); });
  if (!message.ok()) return CheckRefusal(message.status());
  const cloud_link::RolloutResult& result = message->result;
  Check(result.has_configuration == !message->configuration.empty(), "configuration or none");
  Check(result.data_broker_qos.value_or(0) >= 0 && result.data_broker_qos.value_or(0) <= 2, "QoS");
  if (result.error_code != 0) Check(message->configuration.empty(), "a refusal configures");
  CheckLimits(message->configuration);
  Execute(message->configuration);
}

void CheckInit(absl::string_view body) {
  const absl::StatusOr<cloud_link::InitResult> result =
      Bounded([&] { return cloud_link::ParseInitResult(body); });
  if (!result.ok()) CheckRefusal(result.status());
}

}  // namespace
}  // namespace fieldgate::fuzz

// The first byte says which topic the rest came on.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fieldgate::fuzz;
  Input input(data, size);
  switch (input.Byte()) {
    case 'c':
      CheckRequest(RequestKind::kConfig, input.Rest());
      break;
    case 'd':
      CheckRequest(RequestKind::kCmd, input.Rest());
      break;
    case 's':
      CheckRequest(RequestKind::kState, input.Rest());
      break;
    case 'r':
      CheckRollout(input.Rest());
      break;
    case 'i':
      CheckInit(input.Rest());
      break;
    default:
      return -1;  // not worth keeping
  }
  return 0;
}
