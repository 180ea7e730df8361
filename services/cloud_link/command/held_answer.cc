#include "services/cloud_link/command/held_answer.h"

#include <algorithm>
#include <source_location>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/error.h"
#include "common/tixml/node_proto.h"
#include "proto/tixml.pb.h"

namespace fieldgate::cloud_link {
namespace {

using tixml::Node;

constexpr absl::string_view kVerbosities[] = {"n", "y", "v"};

Node ErrorAnswer(absl::string_view command, int number, absl::string_view why,
                 tixml::Verbosity verbosity,
                 std::source_location here = std::source_location::current()) {
  Node answer;
  answer.name = std::string(command);
  answer.Add(tixml::ErrorNode({.number = number,
                               .detail = why,
                               .class_name = command,
                               .line = static_cast<int>(here.line()),
                               .module = "held_answer.cc"},
                              verbosity));
  return answer;
}

}  // namespace

AnswerCode CodeOf(const Interpreter::Result& result) {
  return result.program_not_stopped ? AnswerCode::kNotNow
         : result.failed            ? AnswerCode::kFailed
                                    : AnswerCode::kDone;
}

HeldAnswer Held(const Interpreter::Result& result) {
  return {CodeOf(result), result.answers, result.on_probation};
}

bool Conclude(const std::function<Verdict(int64_t revision)>& verdict_on, HeldAnswer& held) {
  std::vector<Verdict> verdicts;
  for (const OnProbation& waiting : held.on_probation) {
    verdicts.push_back(verdict_on(waiting.revision));
    if (verdicts.back().state == Verdict::State::kPending) return false;
  }
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i].state == Verdict::State::kConfirmed) continue;
    const OnProbation& waiting = held.on_probation[i];
    if (waiting.answer >= held.answers.size()) continue;  // never: it is one of them
    const bool taken_back = verdicts[i].state == Verdict::State::kTakenBack;
    Node& answer = held.answers[waiting.answer];
    answer = ErrorAnswer(answer.name, taken_back ? tixml::kTakenBack : tixml::kInternal,
                         verdicts[i].text, waiting.verbosity);
    held.code = AnswerCode::kFailed;
  }
  return true;
}

// <held code="0"><answer><SetConfig/></answer><probation answer="0" .../></held>
std::string Serialize(const HeldAnswer& held) {
  tixml::v1::Node root;
  const auto set = [](absl::string_view name, const std::string& value, tixml::v1::Node& node) {
    tixml::v1::Node::Attribute& attribute = *node.add_attributes();
    attribute.set_name(std::string(name));
    attribute.set_value(value);
  };
  set("code", absl::StrCat(static_cast<int>(held.code)), root);
  for (const Node& answer : held.answers) {
    tixml::v1::Node& node = *root.add_children();
    node.set_name("answer");
    tixml::ToProto(answer, node.add_children());
  }
  for (const OnProbation& waiting : held.on_probation) {
    tixml::v1::Node& node = *root.add_children();
    node.set_name("probation");
    set("answer", absl::StrCat(waiting.answer), node);
    set("revision", absl::StrCat(waiting.revision), node);
    set("ver", std::string(kVerbosities[static_cast<size_t>(waiting.verbosity)]), node);
  }
  return root.SerializeAsString();
}

absl::StatusOr<HeldAnswer> ParseHeldAnswer(absl::string_view bytes) {
  const absl::Status damaged = absl::DataLossError("a held answer is damaged");
  tixml::v1::Node root;
  if (!root.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return damaged;
  const auto number = [](const tixml::v1::Node& node, int attribute, auto& value) {
    return node.attributes_size() > attribute &&
           absl::SimpleAtoi(node.attributes(attribute).value(), &value);
  };
  HeldAnswer held;
  int code = 0;
  if (!number(root, 0, code)) return damaged;
  held.code = static_cast<AnswerCode>(code);
  for (const tixml::v1::Node& node : root.children()) {
    if (node.name() == "answer") {
      if (node.children_size() != 1) return damaged;
      absl::StatusOr<Node> answer = tixml::FromProto(node.children(0));
      // Larger than a tree may be that another process sent.
      held.answers.push_back(answer.ok() ? *std::move(answer)
                                         : ErrorAnswer(node.children(0).name(), tixml::kTooLarge,
                                                       "it was executed, but its answer is too "
                                                       "large to be kept over a restart",
                                                       tixml::Verbosity::kShort));
      continue;
    }
    OnProbation waiting;
    if (!number(node, 0, waiting.answer) || !number(node, 1, waiting.revision) ||
        node.attributes_size() != 3) {
      return damaged;
    }
    waiting.verbosity = tixml::ParseVerbosity(node.attributes(2).value());
    held.on_probation.push_back(waiting);
  }
  const bool fits =
      std::all_of(held.on_probation.begin(), held.on_probation.end(),
                  [&](const OnProbation& waiting) { return waiting.answer < held.answers.size(); });
  if (!fits || held.on_probation.empty()) return damaged;
  return held;
}

}  // namespace fieldgate::cloud_link
