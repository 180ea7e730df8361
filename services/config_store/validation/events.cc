#include "services/config_store/validation/events.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/cli/options.h"
#include "common/tixml/commands.h"
#include "common/tixml/node_proto.h"
#include "common/value/value.h"
#include "services/config_store/validation/fields.h"
#include "services/config_store/validation/formats.h"
#include "services/config_store/validation/handler_calls.h"

namespace fieldgate::config_store {
namespace {

using tixml::Node;
using Condition = v1::EventState::Condition;

constexpr size_t kMaxStates = 500;
constexpr size_t kMaxHandlers = 200;
constexpr size_t kMaxCommands = 100;  // of a handler
// Every service gets the whole configuration in one message.
constexpr size_t kMaxBytes = 1 << 20;
constexpr size_t kMaxName = 64;
constexpr int64_t kMaxMs = 31'536'000'000;  // a year

constexpr std::pair<absl::string_view, Condition> kConditions[] = {
    {"equal", v1::EventState::EQUAL},      {"notequal", v1::EventState::NOT_EQUAL},
    {"above", v1::EventState::ABOVE},      {"below", v1::EventState::BELOW},
    {"atleast", v1::EventState::AT_LEAST}, {"atmost", v1::EventState::AT_MOST},
    {"rising", v1::EventState::RISING},    {"falling", v1::EventState::FALLING},
    {"change", v1::EventState::CHANGE},    {"invalid", v1::EventState::INVALID},
    {"valid", v1::EventState::VALID}};

bool IsEqual(Condition c) { return c == v1::EventState::EQUAL || c == v1::EventState::NOT_EQUAL; }

bool IsOrder(Condition c) {
  return c == v1::EventState::ABOVE || c == v1::EventState::BELOW ||
         c == v1::EventState::AT_LEAST || c == v1::EventState::AT_MOST;
}

// It holds for a while and ends; others are moments.
bool Lasts(Condition c) {
  return IsEqual(c) || IsOrder(c) || c == v1::EventState::INVALID || c == v1::EventState::VALID;
}

// An element that removes what had its name.
bool IsEmpty(const Node& node) {
  return node.attributes.empty() && node.children.empty() && node.text.empty();
}

class EventsReader {
 public:
  EventsReader(const Origins& origins, Problems& problems, Problems& unknown_paths)
      : origins_(origins), problems_(problems), unknown_paths_(unknown_paths) {}

  v1::Events Read(const Node& database) {
    const Place root = {"/EVENTS", 0};
    std::vector<Element> handlers;
    std::vector<Element> states;
    for (const Node& child : database.children) {
      const Place place = root.Child(child);
      if (child.name == "EventHandler") {
        Collect(child, place, handlers);
      } else if (child.name == "EventStates") {
        Collect(child, place, states);
      } else {
        WarnIfMisspelt(child, place);
      }
    }
    // No look at more than could be right.
    const bool few_handlers = CheckCount(root, "handlers", handlers.size(), kMaxHandlers);
    const bool few_states = CheckCount(root, "states", states.size(), kMaxStates);
    if (!few_handlers || !few_states) return {};
    for (const Element& handler : handlers) ReadHandler(*handler.node, handler.place);
    CheckCalls(calls_, handlers_, problems_);
    for (const Element& state : states) ReadState(*state.node, state.place);
    if (events_.ByteSizeLong() > kMaxBytes) {
      problems_.Error(root, absl::StrCat("it takes ", events_.ByteSizeLong(), " bytes"),
                      absl::StrCat("use shorter commands, at most ", kMaxBytes, " bytes in all"));
    }
    return std::move(events_);
  }

 private:
  struct Element {
    const Node* node;
    Place place;
  };

  static void Collect(const Node& parent, const Place& place, std::vector<Element>& elements) {
    for (const Node& child : parent.children) {
      if (!IsEmpty(child)) elements.push_back({&child, place.Child(child)});
    }
  }

  void WarnIfMisspelt(const Node& child, const Place& place) {
    const std::string nearest = cli::Nearest(child.name, {"EventHandler", "EventStates"});
    if (nearest.empty()) return;  // another part of EVENTS; stored as it came
    problems_.Warning(place, absl::StrCat(Quote(child.name), " is not known and has no effect"),
                      absl::StrCat("did you mean ", nearest, "?"));
  }

  bool CheckCount(const Place& place, absl::string_view what, size_t count, size_t max) {
    if (count <= max) return true;
    problems_.Error(place, absl::StrCat("it has ", count, " ", what),
                    absl::StrCat("use at most ", max));
    return false;
  }

  // As part of a path, or of what DoOn and the logs say.
  void CheckName(absl::string_view name, const Place& place) {
    if (IsPathLevel(name) && name.size() <= kMaxName) return;
    problems_.Error(
        place, absl::StrCat(Quote(name), " is no name of a handler or state"),
        absl::StrCat("write at most ", kMaxName, " of the characters A-Z a-z 0-9 _ . : -"));
  }

  void ReadHandler(const Node& node, const Place& place) {
    const int errors = problems_.errors();
    CheckName(node.name, place);
    if (!handlers_.Add(node.name)) {
      problems_.Error(place, absl::StrCat("there are two handlers ", node.name),
                      "rename one of them");
    }
    if (!node.text.empty()) {
      problems_.Error(place, absl::StrCat("it holds text outside its commands: ", Quote(node.text)),
                      "remove it");
    }
    Fields(Fields::Of::kAttributes, node, place, problems_).WarnAboutUnknown();
    if (!CheckCount(place, "commands", node.children.size(), kMaxCommands)) return;
    v1::EventHandler& handler = *events_.add_handlers();
    handler.set_name(node.name);
    for (const Node& command : node.children) {
      CheckCommand(node.name, command, place.Child(command));
      // Lines are those of the text that brought it: nobody has it any more
      // when the command is executed.
      Node kept = command;
      ClearLines(kept);
      tixml::ToProto(kept, handler.add_commands());
    }
    if (problems_.errors() > errors) events_.mutable_handlers()->RemoveLast();
  }

  static void ClearLines(Node& node) {
    node.line = 0;
    for (Node& child : node.children) ClearLines(child);
  }

  void CheckCommand(const std::string& handler, const Node& command, const Place& place) {
    if (!tixml::IsCommand(command.name)) {
      // A handler that can't do its work shows it when it is needed most.
      problems_.Error(place, absl::StrCat("there is no command ", command.name),
                      tixml::CommandRemedy(command.name));
      return;
    }
    const std::string* const what = command.Find("_");
    if (command.name == "DoOn") {
      calls_.push_back({handler, what == nullptr ? "" : *what, place});
    } else {
      calls_.push_back({handler, std::nullopt, place});
    }
    if (command.name == "Set" && what != nullptr) {
      absl::string_view path = *what;
      while (absl::ConsumePrefix(&path, "/")) {
      }
      while (absl::ConsumeSuffix(&path, "/")) {
      }
      if (origins_.Find(absl::StrCat("/", path)) != v1::DataPoint::UNKNOWN) return;
      unknown_paths_.Warning(
          place, absl::StrCat("there is no value ", Quote(*what), " yet; the command would fail"),
          "mend the path, or configure the bus point or process variable in PROCCFG");
    }
  }

  void ReadState(const Node& node, const Place& place) {
    const int errors = problems_.errors();
    CheckName(node.name, place);
    if (!state_names_.insert(node.name).second) {
      problems_.Error(place, absl::StrCat("there are two states ", node.name),
                      "rename one of them");
    }
    v1::EventState& state = *events_.add_states();
    state.set_name(node.name);
    Fields f(Fields::Of::kAttributes, node, place, problems_);
    f.Require("_", absl::StrCat("<", node.name, " _=\"/Process/...\" .../>"));
    state.set_path(f.Path("_"));
    f.Require("condition", "condition=\"above\", equal, rising or another one");
    state.set_condition(
        f.Choice<Condition>("condition", kConditions, v1::EventState::CONDITION_UNSPECIFIED));
    // Without a condition the rest has nothing to be checked against.
    const bool known = state.condition() != v1::EventState::CONDITION_UNSPECIFIED;
    ReadValue(f, known, state);
    ReadHysteresis(f, known, state);
    state.set_delay_ms(ReadSeconds(f, "delay"));
    state.set_limit_ms(ReadSeconds(f, "limit"));
    f.Require("handler", "handler=\"NAME\", one of the EventHandler");
    state.set_handler(ReadHandlerName(f, "handler"));
    state.set_end_handler(ReadHandlerName(f, "endhandler"));
    if (known && !Lasts(state.condition()) && f.Has("endhandler")) {
      f.Error("endhandler",
              absl::StrCat("'", f.TextOr("condition", ""), "' is a moment, it has no end"),
              "remove it, or write a condition that lasts, such as above");
    }
    f.WarnAboutUnknown();
    for (const Node& child : node.children) {
      if (problems_.full()) break;
      problems_.Warning(place.Child(child),
                        absl::StrCat(Quote(child.name), " is not known here and has no effect"),
                        "remove it");
    }
    if (!state.path().empty() && origins_.Find(state.path()) == v1::DataPoint::UNKNOWN) {
      unknown_paths_.Warning(
          place, absl::StrCat("nothing gives the value ", Quote(state.path()), "; it is invalid"),
          "mend the path, or configure the bus point or process variable in PROCCFG");
    }
    if (problems_.errors() > errors) events_.mutable_states()->RemoveLast();
  }

  static void ReadValue(Fields& f, bool known, v1::EventState& state) {
    const std::string* const value = f.Text("value");
    const Condition condition = state.condition();
    if (!known) return;
    if (IsEqual(condition) || IsOrder(condition)) {
      f.Require("value", "value=\"80\", what to compare with");
    } else if (condition != v1::EventState::CHANGE) {
      if (value != nullptr) {
        f.Warning("value", absl::StrCat("'", f.TextOr("condition", ""), "' compares with nothing"),
                  "remove it");
      }
      return;
    }
    if (value == nullptr) return;
    const std::optional<double> number = ParseNumber(*value);
    if (IsOrder(condition) && !number.has_value()) {
      f.Error("value", absl::StrCat(Quote(*value), " is not a number"),
              "write a number such as 80.5, with a decimal point");
    }
    if (condition == v1::EventState::CHANGE && (!number.has_value() || *number < 0)) {
      f.Error("value", absl::StrCat(Quote(*value), " is no least change"),
              "write a number that is not negative, such as 0.5, or leave it out");
    }
    state.set_value(*value);
  }

  static void ReadHysteresis(Fields& f, bool known, v1::EventState& state) {
    const std::string* const text = f.Text("hysteresis");
    if (text == nullptr || !known) return;
    if (!IsOrder(state.condition())) {
      f.Warning("hysteresis", "only above, below, atleast and atmost have a hysteresis",
                "remove it");
      return;
    }
    const std::optional<double> number = ParseNumber(*text);
    if (!number.has_value() || *number < 0) {
      f.Error("hysteresis", absl::StrCat(Quote(*text), " is no hysteresis"),
              "write a number that is not negative, such as 0.5, with a decimal point");
      return;
    }
    state.set_hysteresis(*number);
  }

  static uint64_t ReadSeconds(Fields& f, absl::string_view name) {
    const std::string* const text = f.Text(name);
    if (text == nullptr) return 0;
    const std::optional<int64_t> ms = ParseDecimal(*text, 3);
    if (ms.has_value() && *ms <= kMaxMs) return static_cast<uint64_t>(*ms);
    f.Error(
        name, absl::StrCat(Quote(*text), ms ? " is out of range" : " is not a number of seconds"),
        absl::StrCat("write a number from 0 to ", kMaxMs / 1'000, ", with at most three decimals"));
    return 0;
  }

  std::string ReadHandlerName(Fields& f, absl::string_view name) {
    const std::string* const handler = f.Text(name);
    if (handler == nullptr) return {};
    if (!handlers_.Has(*handler)) {
      f.Error(name, absl::StrCat("there is no EventHandler ", Quote(*handler)),
              handlers_.Remedy(*handler));
    }
    return *handler;
  }

  const Origins& origins_;
  Problems& problems_;
  Problems& unknown_paths_;
  v1::Events events_;
  HandlerNames handlers_;
  absl::flat_hash_set<std::string> state_names_;
  std::vector<HandlerCall> calls_;
};

}  // namespace

v1::Events ReadEvents(const Node* events, const Origins& origins, Problems& problems,
                      Problems& unknown_paths) {
  if (events == nullptr) return {};
  return EventsReader(origins, problems, unknown_paths).Read(*events);
}

}  // namespace fieldgate::config_store
