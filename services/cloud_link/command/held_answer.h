#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/tixml/node.h"
#include "services/cloud_link/command/interpreter.h"
#include "services/cloud_link/payload/request.h"

// Answers that wait for what becomes of a configuration on probation. Pure.
namespace fieldgate::cloud_link {

// What became of a revision that was on probation.
struct Verdict {
  enum class State {
    kPending,
    kConfirmed,
    kTakenBack,
    kUnknown,  // it is not known any more
  };
  State state = State::kPending;
  // kTakenBack, kUnknown: for people, what is in force and why.
  std::string text;
};

// An answer as it will be if every revision of it is confirmed.
struct HeldAnswer {
  AnswerCode code = AnswerCode::kDone;
  std::vector<tixml::Node> answers;  // one a command
  std::vector<OnProbation> on_probation;
};

// Of what was executed: the error_code, leaving probations aside.
AnswerCode CodeOf(const Interpreter::Result& result);
HeldAnswer Held(const Interpreter::Result& result);

// True when no verdict is pending. Then the answers of what was taken back are
// errors (tixml::kTakenBack, at their command's verbosity), and so is the code;
// all others are as they were.
bool Conclude(const std::function<Verdict(int64_t revision)>& verdict_on, HeldAnswer& held);

// For the disk.
std::string Serialize(const HeldAnswer& held);
// kDataLoss: not what Serialize wrote.
absl::StatusOr<HeldAnswer> ParseHeldAnswer(absl::string_view bytes);

}  // namespace fieldgate::cloud_link
