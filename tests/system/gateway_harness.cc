#include "tests/system/gateway_harness.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/tixml/codec.h"

namespace fieldgate::system_test {
namespace {

std::string Program() { return RunfilePath("fieldgate/services/fieldgate/fieldgate"); }

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Parent and state of a process ("Z": it ended, but is not yet waited for).
struct ProcessState {
  pid_t parent = 0;
  char state = 0;
};

ProcessState StateOf(pid_t pid) {
  const std::string stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  // "pid (name) S ppid ...", and a name may hold anything.
  const size_t end = stat.rfind(')');
  ProcessState state;
  if (end == std::string::npos) return state;
  std::istringstream fields(stat.substr(end + 1));
  fields >> state.state >> state.parent;
  return state;
}

bool IsSanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#else
  return false;
#endif
}

}  // namespace

absl::Duration Scaled(absl::Duration requirement) {
  return IsSanitized() ? 4 * requirement : requirement;
}

GatewayHarness::GatewayHarness(Options options)
    : options_(std::move(options)),
      dir_(NewTempDir()),
      state_dir_(dir_ + "/state"),
      broker_(options_.broker) {
  EXPECT_TRUE(broker_.Start().ok());
  FieldConfig field = options_.cloud.field;
  for (int i = 0; i < options_.modbus_devices; ++i) {
    absl::StatusOr<std::unique_ptr<ModbusSimulator>> device =
        ModbusSimulator::Start(ModbusSimulator::Options());
    EXPECT_TRUE(device.ok()) << device.status();
    field.modbus_ports.push_back((*device)->port());
    devices_.push_back(*std::move(device));
  }
  portal::PortalOptions portal_options{.broker_url = broker_.url(),
                                       .username = options_.broker.username,
                                       .password = options_.broker.password,
                                       .connect_deadline = kPatience,
                                       .policy = options_.portal,
                                       .on_message = options_.on_message};
  absl::StatusOr<std::unique_ptr<portal::PortalSimulator>> portal =
      portal::PortalSimulator::Start(std::move(portal_options));
  EXPECT_TRUE(portal.ok()) << portal.status();
  portal_ = *std::move(portal);
  EXPECT_TRUE(Eventually(kPatience, [this] { return portal_->connected(); }));

  CloudConfig cloud = options_.cloud;
  if (cloud.broker_url.empty()) cloud.broker_url = broker_.url();
  cloud.field = field;
  WriteFile("device.json", DeviceJson());
  WriteFile("proccfg.tixml", ProcCfg(field));
  WriteFile("isp.tixml", Isp(cloud));
}

GatewayHarness::~GatewayHarness() {
  // What the gateway had to say is the first thing one needs to know.
  if (testing::Test::HasFailure()) Explain();
  if (gateway_ != nullptr) StopGateway();
}

void GatewayHarness::Explain() {
  if (gateway_ == nullptr) return;
  std::cerr << "---- fieldgate run\n"
            << gateway_->Output() << "---- fieldgate status\n"
            << Run("status").output << "----\n";
}

void GatewayHarness::StartGateway() {
  StartGateway({"--import=" + file("proccfg.tixml"), "--import=" + file("isp.tixml")});
}

void GatewayHarness::StartGatewayAgain() { StartGateway(std::vector<std::string>()); }

void GatewayHarness::StartGateway(const std::vector<std::string>& imports) {
  std::vector<std::string> argv = {Program(), "run", "--state-dir=" + state_dir_,
                                   "--device=" + file("device.json")};
  argv.insert(argv.end(), imports.begin(), imports.end());
  if (!options_.shell.empty()) {
    const std::vector<std::string> shell = {"/bin/sh", "-c", options_.shell, "sh"};
    argv.insert(argv.begin(), shell.begin(), shell.end());
  }
  absl::StatusOr<std::unique_ptr<ChildProcess>> gateway = ChildProcess::Start(
      {.argv = argv, .env = options_.env, .output_file = dir_ + "/fieldgate.log"});
  ASSERT_TRUE(gateway.ok()) << gateway.status();
  gateway_ = *std::move(gateway);
}

int GatewayHarness::StopGateway() {
  gateway_->Kill(SIGTERM);
  const std::optional<int> status = gateway_->WaitForExit(kPatience);
  return status.has_value() && WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
}

void GatewayHarness::KillGateway() {
  gateway_->Kill(SIGKILL);
  gateway_->WaitForExit(kPatience);
}

std::string GatewayHarness::GatewayOutput() const { return gateway_->Output(); }

Outcome GatewayHarness::Run(const std::string& subcommand,
                            const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = absl::StrSplit(subcommand, ' ');
  argv.insert(argv.begin(), Program());
  argv.push_back("--state-dir=" + state_dir_);
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = ChildProcess::Start({.argv = argv});
  EXPECT_TRUE(process.ok()) << process.status();
  const std::optional<int> status = (*process)->WaitForExit(kPatience);
  const bool exited = status.has_value() && WIFEXITED(*status);
  return {exited ? WEXITSTATUS(*status) : -1, (*process)->Output()};
}

GatewayStatus GatewayHarness::Status() {
  GatewayStatus status;
  status.outcome = Run("status", {"--json"});
  const absl::StatusOr<tixml::Document> document = tixml::Parse(status.outcome.output);
  if (!document.ok()) return status;
  const auto text = [](const tixml::Node& node, const char* name) -> std::string {
    const tixml::Node* child = node.Child(name);
    if (child == nullptr) return "";
    const std::string* value = child->Find("_");
    return value == nullptr ? child->text : *value;
  };
  int devices = 0;
  int failed = 0;
  for (const tixml::Node& node : document->nodes) {
    if (node.name == "devices") {
      ++devices;
      failed += text(node, "ok") == "true" ? 0 : 1;
    }
    if (node.name != "connectors") continue;
    status.connectors[text(node, "name")] = {
        .state = text(node, "state"),
        .detail = text(node, "detail"),
        .messages_waiting = std::atoi(text(node, "messages_waiting").c_str()),
        .inbound_ignored = std::atoi(text(node, "inbound_ignored").c_str())};
  }
  const ConnectorState& first = status.connectors["CloudConn"];
  status.connector_state = first.state;
  status.connector_detail = first.detail;
  status.messages_waiting = first.messages_waiting;
  status.devices_ok = devices > 0 && failed == 0;  // each test configures at least one
  return status;
}

testing::AssertionResult GatewayHarness::BecomesWell(absl::Duration deadline) {
  if (Eventually(deadline, [this] { return Status().AllIsWell(); })) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << Run("status").output;
}

std::vector<pid_t> GatewayHarness::Children() const {
  std::vector<pid_t> children;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    std::from_chars(name.data(), name.data() + name.size(), pid);
    if (pid == 0) continue;
    const ProcessState state = StateOf(pid);
    if (state.parent == gateway_->pid() && state.state != 'Z') children.push_back(pid);
  }
  return children;
}

pid_t GatewayHarness::Pid(absl::string_view service) const {
  for (const pid_t pid : Children()) {
    const std::string command = ReadFile(absl::StrCat("/proc/", pid, "/cmdline"));
    if (command.substr(0, command.find('\0')) == service) return pid;
  }
  return 0;
}

pid_t GatewayHarness::Signal(absl::string_view service, int signal) {
  pid_t pid = 0;
  EXPECT_TRUE(Eventually(kPatience, [&] { return (pid = Pid(service)) != 0; })) << service;
  // To 0 it would go to this very test.
  if (pid != 0) {
    EXPECT_EQ(kill(pid, signal), 0) << service;
  }
  return pid;
}

void GatewayHarness::Kill(absl::string_view service) {
  const pid_t killed = Signal(service, SIGKILL);
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const pid_t next = Pid(service);
    return next != 0 && next != killed;
  })) << service;
}

portal::StreamStats GatewayHarness::Data() const {
  const portal::PortalStats stats = portal_->Snapshot();
  const portal::StreamStats* stream = stats.Stream(kGateway);
  return stream == nullptr ? portal::StreamStats() : *stream;
}

portal::SensorStats GatewayHarness::Sensor(absl::string_view controller,
                                           absl::string_view sensor) const {
  const portal::StreamStats data = Data();
  const portal::SensorStats* stats = data.Find(controller, sensor);
  return stats == nullptr ? portal::SensorStats() : *stats;
}

bool GatewayHarness::MoreMessages(int64_t count) {
  const int64_t before = Data().messages;
  return Eventually(kPatience, [&] { return Data().messages >= before + count; });
}

std::vector<std::string> GatewayHarness::WaitUntilComplete(int64_t count) {
  const int64_t wanted = Data().messages + count;
  Eventually(kPatience, [&] { return portal::WhyIncomplete(Data(), wanted).empty(); });
  std::vector<std::string> reasons = portal::WhyIncomplete(Data(), wanted);
  const portal::PortalStats stats = portal_->Snapshot();
  reasons.insert(reasons.end(), stats.errors.begin(), stats.errors.end());
  return reasons;
}

std::string GatewayHarness::file(absl::string_view name) const {
  return absl::StrCat(dir_, "/", name);
}

std::string GatewayHarness::WriteFile(absl::string_view name, absl::string_view text) const {
  std::ofstream(file(name)) << text;
  return file(name);
}

}  // namespace fieldgate::system_test
