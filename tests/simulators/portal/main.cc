// portal_simulator: the cloud side at a broker, with a live view.
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/cli/options.h"
#include "common/status/status.h"
#include "common/time/clock.h"
#include "common/tixml/codec.h"
#include "tests/simulators/portal/command_options.h"
#include "tests/simulators/portal/live_view.h"
#include "tests/simulators/portal/portal_simulator.h"

namespace fieldgate::portal {
namespace {

constexpr absl::Duration kRefresh = absl::Seconds(1);

struct Arguments {
  PortalOptions portal;
  absl::Duration run_for = absl::InfiniteDuration();
  int64_t min_messages = 1;
  CommandPlan plan;
};

// "error:3" or "late:1:5s": kind, number of first requests, delay.
absl::StatusOr<Fault> ParseFault(const std::string& text) {
  Fault fault;
  if (text.empty()) return fault;
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  const std::vector<std::pair<std::string, Fault::Kind>> kinds = {
      {"error", Fault::Kind::kErrorCode}, {"wrong-id", Fault::Kind::kWrongResponseId},
      {"garbage", Fault::Kind::kGarbage}, {"missing", Fault::Kind::kMissingField},
      {"late", Fault::Kind::kLate},       {"never", Fault::Kind::kNever},
  };
  bool known = false;
  for (const auto& [name, kind] : kinds) {
    if (parts[0] != name) continue;
    fault.kind = kind;
    known = true;
  }
  const bool count_ok =
      parts.size() >= 2 && absl::SimpleAtoi(parts[1], &fault.first) && fault.first > 0;
  const bool delay_ok = parts.size() < 3 || absl::ParseDuration(parts[2], &fault.delay);
  if (!known || !count_ok || !delay_ok || parts.size() > 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text,
                     "' is no fault: write KIND:N or late:N:5s with KIND one of error, wrong-id, "
                     "garbage, missing, late, never"));
  }
  return fault;
}

absl::StatusOr<std::vector<tixml::Node>> ReadConfiguration(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) return absl::NotFoundError(absl::StrCat("can't read ", file));
  std::stringstream text;
  text << stream.rdbuf();
  absl::StatusOr<tixml::Document> document = tixml::Parse(text.str());
  if (!document.ok()) return Annotate(document.status(), file);
  return std::move(document->nodes);
}

cli::Command MakeCommand() {
  cli::Command command;
  command.name = "portal_simulator";
  command.summary =
      "Plays the portal at an MQTT broker: answers rollout and init, checks the data\n"
      "that arrives and shows it.";
  command.usage = "--broker=URL [--for=30s] [options]";
  command.details =
      "KIND:N answers the first N requests wrongly; KIND is error, wrong-id, garbage, missing,\n"
      "late or never (late:2:10s sets the delay).\n\n"
      "Exit status: 0 when the data arrived complete and commands succeeded, 1 with the reasons "
      "when not, 2 misuse.";
  return command;
}

// What the options give as text.
struct Texts {
  std::string run_for, min_messages, rollout_fault, init_fault, data_broker, data_broker_qos,
      configuration;
  CommandTexts commands;
};

absl::Status Interpret(const Texts& texts, Arguments& arguments) {
  PortalPolicy& policy = arguments.portal.policy;
  if (arguments.portal.broker_url.empty()) {
    return absl::InvalidArgumentError("--broker is missing; write --broker=tcp://127.0.0.1:1883");
  }
  if (!texts.run_for.empty() && (!absl::ParseDuration(texts.run_for, &arguments.run_for) ||
                                 arguments.run_for <= absl::ZeroDuration())) {
    return absl::InvalidArgumentError(
        absl::StrCat("--for: '", texts.run_for, "' is no duration; write --for=30s"));
  }
  if (!texts.min_messages.empty() &&
      !absl::SimpleAtoi(texts.min_messages, &arguments.min_messages)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--min-messages: '", texts.min_messages, "' is no number"));
  }
  for (auto [text, fault] : {std::pair{&texts.rollout_fault, &policy.rollout_fault},
                             {&texts.init_fault, &policy.init_fault}}) {
    absl::StatusOr<Fault> parsed = ParseFault(*text);
    if (!parsed.ok()) return parsed.status();
    *fault = *parsed;
  }
  if (!texts.data_broker.empty()) {
    policy.data_broker = DataBroker{texts.data_broker, {}};
    int qos = 0;
    if (!texts.data_broker_qos.empty()) {
      if (!absl::SimpleAtoi(texts.data_broker_qos, &qos)) {
        return absl::InvalidArgumentError("--data-broker-qos: write 0, 1 or 2");
      }
      policy.data_broker->qos = qos;
    }
  }
  if (!texts.configuration.empty()) {
    absl::StatusOr<std::vector<tixml::Node>> nodes = ReadConfiguration(texts.configuration);
    if (!nodes.ok()) return nodes.status();
    policy.gateway_configuration = *std::move(nodes);
  }
  absl::StatusOr<CommandPlan> plan = MakeCommandPlan(texts.commands);
  if (!plan.ok()) return plan.status();
  arguments.plan = *std::move(plan);
  return absl::OkStatus();
}

absl::Status ParseArguments(int argc, char** argv, Arguments& arguments) {
  PortalOptions& portal = arguments.portal;
  Texts texts;
  cli::Command command = MakeCommand();
  const auto add = [&command](const char* name, const char* placeholder, const char* help,
                              std::string* text) {
    command.options.push_back({name, placeholder, help, text});
  };
  add("broker", "URL", "The broker: tcp://127.0.0.1:1883.", &portal.broker_url);
  add("username", "NAME", "User name at the broker.", &portal.username);
  add("password", "WORD", "Password at the broker.", &portal.password);
  add("for", "TIME", "End by itself after this time, with a summary.", &texts.run_for);
  add("min-messages", "N", "Data is complete with at least N messages (default 1).",
      &texts.min_messages);
  add("customer-id", "ID", "Given at rollout (default customer-1).", &portal.policy.customer_id);
  add("gateway-id", "ID", "Given at rollout (default gw-<serial number>).",
      &portal.policy.gateway_id);
  add("data-broker", "URL", "Send data_broker_details with this url.", &texts.data_broker);
  add("data-broker-qos", "N", "And this qos.", &texts.data_broker_qos);
  add("gateway-configuration", "FILE", "Send these SetConfig commands at rollout.",
      &texts.configuration);
  add("rollout-fault", "KIND:N", "Answer the first N rollouts wrongly.", &texts.rollout_fault);
  add("init-fault", "KIND:N", "Answer the first N inits wrongly.", &texts.init_fault);
  add("config", "TIXML", "Send these SetConfig and Set commands once data arrives.",
      &texts.commands.config);
  add("cmd", "TIXML", "Send these commands: --cmd='[<Get _=\"/Process/PV/\"/>]'.",
      &texts.commands.cmd);
  add("state", "PATH", "Ask for the state below a path; / is everything.", &texts.commands.state);
  add("serial", "NUMBER", "The device that these are for.", &texts.commands.serial_number);
  add("command-format", "FORMAT", "TiXML (default), XML or JSON.", &texts.commands.format);
  const absl::Status parsed = cli::Parse(command, argc, argv);
  if (absl::IsCancelled(parsed)) std::cout << cli::Help(command);
  if (!parsed.ok()) return parsed;
  return Interpret(texts, arguments);
}

// Lifecycle steps that scroll, and below them, on a terminal, a table that is
// drawn over itself. Thread-safe.
class Screen {
 public:
  void Step(absl::string_view line) {
    const std::lock_guard lock(mutex_);
    Erase();
    std::cout << line << "\n" << table_ << std::flush;
    drawn_ = Lines(table_);
  }

  void Show(const PortalStats& stats) {
    const std::lock_guard lock(mutex_);
    if (!terminal_) {
      std::cout << SummaryLine(stats, absl::Now()) << std::endl;
      return;
    }
    Erase();
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 2;
    table_ = Table(stats, known ? size.ws_row - 2 : 22, known ? size.ws_col : 80);
    std::cout << table_ << std::flush;
    drawn_ = Lines(table_);
  }

 private:
  static int Lines(const std::string& text) {
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }
  // Up to the table's first line, and clear from there.
  void Erase() {
    if (drawn_ > 0) std::cout << "\x1b[" << drawn_ << "A\x1b[J";
    drawn_ = 0;
  }

  const bool terminal_ = isatty(STDOUT_FILENO) == 1;
  std::mutex mutex_;
  std::string table_;
  int drawn_ = 0;
};

// Sends the plan once and shows each result that came since the last call.
class Commands {
 public:
  Commands(const CommandPlan& plan, PortalSimulator& portal, Screen& screen)
      : plan_(plan), portal_(portal), screen_(screen) {}

  void Advance(const PortalStats& stats) {
    const std::string gateway = FirstGateway(stats);
    if (!sent_ && !gateway.empty()) {
      sent_ = true;
      for (const Command& command : plan_.commands) {
        const absl::Status status = portal_.SendCommand(gateway, command, plan_.format);
        screen_.Step(absl::StrCat("sent ", command.request_id, ": ", status.ToString()));
      }
    }
    for (; shown_ < stats.results.size(); ++shown_) screen_.Step(stats.results[shown_].body);
  }

 private:
  const CommandPlan& plan_;
  PortalSimulator& portal_;
  Screen& screen_;
  bool sent_ = false;
  size_t shown_ = 0;
};

int Main(int argc, char** argv) {
  Arguments arguments;
  const absl::Status parsed = ParseArguments(argc, argv, arguments);
  if (absl::IsCancelled(parsed)) return 0;
  if (!parsed.ok()) {
    std::cerr << "portal_simulator: " << parsed.message() << "\n";
    return 2;
  }
  // Blocked before a thread exists, so that only sigtimedwait gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  Screen screen;
  arguments.portal.on_step = [&screen](absl::string_view line) { screen.Step(line); };
  const MonotonicTime end = RealClock().Now() + arguments.run_for;
  absl::StatusOr<std::unique_ptr<PortalSimulator>> portal =
      PortalSimulator::Start(std::move(arguments.portal));
  if (!portal.ok()) {
    std::cerr << "portal_simulator: " << portal.status().message() << "\n";
    return 2;
  }
  Commands commands(arguments.plan, **portal, screen);
  while (RealClock().Now() < end && (*portal)->health().ok()) {
    const timespec wait =
        absl::ToTimespec(std::min(kRefresh, std::max(end - RealClock().Now(), absl::Seconds(0))));
    if (sigtimedwait(&signals, nullptr, &wait) > 0) break;
    const PortalStats stats = (*portal)->Snapshot();
    commands.Advance(stats);
    screen.Show(stats);
  }
  const PortalStats stats = (*portal)->Snapshot();
  commands.Advance(stats);
  std::vector<std::string> reasons = WhyNotPassed(stats, arguments.min_messages);
  for (std::string& reason : WhyNotExecuted(arguments.plan, stats)) {
    reasons.push_back(std::move(reason));
  }
  if (!(*portal)->health().ok()) {
    reasons.insert(reasons.begin(), std::string((*portal)->health().message()));
  }
  std::cout << FinalSummary(stats, reasons) << std::flush;
  return reasons.empty() ? 0 : 1;
}

}  // namespace
}  // namespace fieldgate::portal

int main(int argc, char** argv) { return fieldgate::portal::Main(argc, argv); }
