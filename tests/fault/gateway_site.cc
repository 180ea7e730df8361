#include "tests/fault/gateway_site.h"

#include <signal.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/system/gateway_config.h"

namespace fieldgate::fault {
namespace {

constexpr int kPoints = 40;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// All processes that were started on a state directory.
std::vector<pid_t> ProcessesOn(const std::string& state_dir) {
  std::vector<pid_t> pids;
  std::error_code error;
  const std::string argument = absl::StrCat("--state-dir=", state_dir);
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    if (absl::StrContains(ReadFile(entry.path() / "cmdline"), argument)) pids.push_back(pid);
  }
  return pids;
}

std::string ProcCfg(int port) {
  std::string out = absl::StrCat(
      "[<SetConfig _=\"PROCCFG\" ver=\"y\"><External><Field1 protocol=\"ModbusTCP\">"
      "<Dev address=\"127.0.0.1:",
      port, "\" unit=\"1\" poll=\"50\" timeout=\"300\" retries=\"0\" backoffmax=\"200\">\n");
  for (int i = 0; i < kPoints; ++i) {
    absl::StrAppend(&out, "<P", i, " register=\"holding\" offset=\"", i, "\" type=\"uint16\"/>\n");
  }
  for (const char* name : {"Clock", "LogClock"}) {
    absl::StrAppend(&out, "<", name, " register=\"holding\" offset=\"30000\" type=\"uint64\"/>\n");
  }
  return out +
         "</Dev></Field1></External><ProcessVars><Cmd value=\"0\"/><A value=\"1\"/>"
         "<B value=\"2\"/></ProcessVars></SetConfig>]\n";
}

std::string Log() {
  return "[<SetConfig _=\"LOG\" ver=\"y\"><Fast onchange=\"1\" maxmb=\"1000\">"
         "<LogClock _=\"/Process/Field1/Dev/LogClock\" meta_type=\"custom\"/></Fast>"
         "<Commands maxmb=\"1000\"><Cmd _=\"/Process/PV/Cmd\" meta_type=\"custom\"/></Commands>"
         "</SetConfig>]\n";
}

std::string Points(int first, int end) {
  std::string out;
  for (int i = first; i < end; ++i) {
    absl::StrAppend(&out, "<P", i, " _=\"/Process/Field1/Dev/P", i,
                    "\" meta_type=\"temperature\"/>\n");
  }
  return out;
}

std::string Connector(int number, int port, const std::string& format, bool clean_session,
                      const std::string& more) {
  const std::string name = number == 1 ? "CloudConn" : absl::StrCat("CloudConn", number);
  return absl::StrCat("<", name, "><CloudBaseUrl _=\"tcp://127.0.0.1:", port,
                      "\"/><CloudConnStart _=\"1\"/><CloudConnType _=\"FPIL_Tixi_MQTT_1\"/>"
                      "<CloudConnDataFormat _=\"",
                      format, "\"/><ResponseTimeout _=\"5\"/><RetryMaxTime _=\"1\"/>",
                      "<MQTTCleanSession _=\"", clean_session ? 1 : 0, "\"/>\n", more, "</", name,
                      ">\n");
}

std::string Ids(int number) {
  return absl::StrCat("<customer_id _=\"customer-1\"/><gateway_id _=\"gw-", number, "\"/>");
}

std::string Isp(int port, const EpisodeOptions& options) {
  const std::string clock = "<Clock _=\"/Process/Field1/Dev/Clock\" meta_type=\"custom\"/>\n";
  const std::string logs = "<Log1 _=\"Fast\"/><LogSendTime1 _=\"1\"/>";
  return absl::StrCat(
      "[<SetConfig _=\"ISP\" ver=\"y\">\n",
      Connector(1, port, "TiXML", options.clean_session,
                absl::StrCat("<RTSendTime1 _=\"0.1\"/><Realtime1>", Points(0, 20), clock,
                             "</Realtime1><RTSendTime2 _=\"-1\"/><UpdateRate2 _=\"0\"/><Realtime2>",
                             Points(20, 24), "</Realtime2>",
                             "<RTSendTime3 _=\"-1\"/><UpdateRate3 _=\"1\"/><Realtime3>"
                             "<A _=\"/Process/PV/A\" meta_type=\"custom\"/>"
                             "<B _=\"/Process/PV/B\" meta_type=\"custom\"/></Realtime3>",
                             logs, "<Log2 _=\"Commands\"/><LogSendTime2 _=\"1\"/>")),
      Connector(2, port, "JSON", options.clean_session,
                absl::StrCat(Ids(2), "<RTSendTime1 _=\"0.2\"/><Realtime1>", Points(0, kPoints),
                             clock, "</Realtime1>", logs)),
      Connector(3, port, "XML", options.clean_session,
                absl::StrCat(Ids(3), "<QoS _=\"", options.exactly_once ? 2 : 1,
                             "\"/><RTSendTime1 _=\"-1\"/><UpdateRate1 _=\"0\"/><Realtime1>",
                             Points(0, 4), clock, "</Realtime1>")),
      "</SetConfig>]\n");
}

// Of several sites at once: ports are free only until the next one asks.
std::mutex& StartMutex() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

std::string GatewayOf(int connector) {
  return connector == 1 ? absl::StrCat("customer-1/gw-", system_test::kSerialNumber)
                        : absl::StrCat("customer-1/gw-", connector);
}

std::string DataTopic(int connector) {
  std::string gateway = GatewayOf(connector);
  return absl::StrCat(gateway.insert(gateway.find('/'), "/fp"), "/data");
}

GatewaySite::GatewaySite(const EpisodeOptions& options)
    : options_(options),
      dir_(NewTempDir()),
      state_dir_(dir_ + "/state"),
      checker_({"Clock", "LogClock", "Cmd"}) {}

absl::StatusOr<std::unique_ptr<GatewaySite>> GatewaySite::Start(const EpisodeOptions& options) {
  std::unique_ptr<GatewaySite> site(new GatewaySite(options));
  if (absl::Status s = site->StartAround(); !s.ok()) return s;
  if (absl::Status s = site->StartGateway(); !s.ok()) return s;
  return site;
}

GatewaySite::~GatewaySite() {
  KillEverything();
  portal_.reset();
  proxy_.reset();
  broker_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
}

absl::Status GatewaySite::StartAround() {
  const std::lock_guard lock(StartMutex());
  broker_ = std::make_unique<Mosquitto>();
  if (absl::Status s = broker_->Start(); !s.ok()) return s;
  absl::StatusOr<std::unique_ptr<MqttProxy>> proxy = MqttProxy::Start(
      broker_->port(), [this](const MqttPacket& packet) { checker_.OnPacket(packet); });
  if (!proxy.ok()) return proxy.status();
  proxy_ = *std::move(proxy);
  ModbusSimulator::Options device_options;
  device_options.changing = kPoints;
  absl::StatusOr<std::unique_ptr<ModbusSimulator>> device = ModbusSimulator::Start(device_options);
  if (!device.ok()) return device.status();
  device_ = *std::move(device);
  absl::StatusOr<std::unique_ptr<portal::PortalSimulator>> portal =
      portal::PortalSimulator::Start({.broker_url = broker_->url()});
  if (!portal.ok()) return portal.status();
  portal_ = *std::move(portal);
  if (!Eventually(kPatience, [this] { return portal_->connected(); })) {
    return absl::UnavailableError("the portal doesn't connect");
  }
  return absl::OkStatus();
}

absl::Status GatewaySite::StartGateway() {
  const std::string program = RunfilePath("fieldgate/services/fieldgate/fieldgate");
  std::error_code error;
  for (const char* name : kServices) {
    std::filesystem::create_symlink(program, absl::StrCat(dir_, "/", name), error);
  }
  std::filesystem::create_symlink(program, dir_ + "/fieldgate", error);
  if (error) return absl::UnavailableError(error.message());
  std::ofstream(dir_ + "/device.json") << system_test::DeviceJson();
  std::ofstream(dir_ + "/gateway.tixml")
      << ProcCfg(device_->port()) << Log() << Isp(proxy_->port(), options_);
  for (const Victim victim : {Victim::kAll, Victim::kSupervisor}) {
    if ((victim == Victim::kSupervisor) != options_.supervised) continue;
    if (absl::Status s = StartAgain(victim); !s.ok()) return s;
  }
  const std::string imported =
      Run({"import", "--state-dir=" + state_dir_, "--", dir_ + "/gateway.tixml"});
  const bool flows = Eventually(kPatience, [this] {
    for (int i = 1; i <= kConnectors; ++i) {
      if (checker_.AcknowledgedUntil(DataTopic(i)) == 0) return false;
    }
    return true;
  });
  if (flows) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("no data: ", imported, Output()));
}

absl::Status GatewaySite::Spawn(const std::string& name, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), absl::StrCat(dir_, "/", name));
  absl::StatusOr<std::unique_ptr<ChildProcess>> process =
      ChildProcess::Start({.argv = std::move(arguments), .output_file = dir_ + "/log"});
  if (!process.ok()) return process.status();
  processes_[name] = *std::move(process);
  return absl::OkStatus();
}

void GatewaySite::KillVictim(Victim victim) {
  const auto kill_service = [this](const std::string& name) {
    const auto found = processes_.find(name);
    if (found != processes_.end()) {
      found->second->Kill(SIGKILL);
    } else if (const pid_t pid = Pid(name); pid != 0) {
      kill(pid, SIGKILL);
    }
  };
  switch (victim) {
    case Victim::kBroker:
      return broker_->Kill();
    case Victim::kAll:
      for (const char* name : kServices) kill_service(name);
      break;
    case Victim::kSupervisor:
      kill_service("fieldgate");
      break;
    default:
      kill_service(std::string(Name(victim)));
  }
  for (auto& [name, process] : processes_) {
    const bool killed =
        victim == Victim::kAll || victim == Victim::kSupervisor || Name(victim) == name;
    if (killed && !options_.supervised) process->WaitForExit(kPatience);
  }
  if (victim == Victim::kSupervisor) processes_.at("fieldgate")->WaitForExit(kPatience);
}

absl::Status GatewaySite::StartAgain(Victim victim) {
  if (victim == Victim::kBroker) return broker_->Start();
  const std::string state = "--state-dir=" + state_dir_;
  const std::string device = "--device=" + dir_ + "/device.json";
  if (victim == Victim::kSupervisor) return Spawn("fieldgate", {"run", state, device});
  if (options_.supervised) return absl::OkStatus();  // it does it
  for (const char* name : kServices) {
    if (victim != Victim::kAll && Name(victim) != name) continue;
    std::vector<std::string> arguments = {state};
    if (std::string(name) == "config_store") arguments.push_back(device);
    if (absl::Status s = Spawn(name, arguments); !s.ok()) return s;
  }
  return absl::OkStatus();
}

void GatewaySite::KillEverything() {
  // The supervisor first, which would start services again. Services of an
  // earlier one may still be shutting down, and are nobody's child here.
  for (auto& [name, process] : processes_) process->Kill(SIGKILL);
  for (auto& [name, process] : processes_) process->WaitForExit(kPatience);
  if (!options_.supervised) return;
  Eventually(kPatience, [this] {
    const std::vector<pid_t> pids = ProcessesOn(state_dir_);
    for (const pid_t pid : pids) kill(pid, SIGKILL);
    return pids.empty();
  });
}

pid_t GatewaySite::Pid(const std::string& service) {
  const auto own = processes_.find(service);
  if (own != processes_.end()) return own->second->pid();
  const auto supervisor = processes_.find("fieldgate");
  if (supervisor == processes_.end()) return 0;
  const pid_t parent = supervisor->second->pid();
  std::istringstream children(
      ReadFile(absl::StrCat("/proc/", parent, "/task/", parent, "/children")));
  for (pid_t pid; children >> pid;) {
    const std::string command = ReadFile(absl::StrCat("/proc/", pid, "/cmdline"));
    if (command.substr(0, command.find('\0')) == service) return pid;
  }
  return 0;
}

std::string GatewaySite::Run(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {dir_ + "/fieldgate"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  absl::StatusOr<std::unique_ptr<ChildProcess>> process =
      ChildProcess::Start({.argv = argv, .output_file = dir_ + "/run"});
  if (!process.ok()) return process.status().ToString();
  (*process)->WaitForExit(kPatience);
  std::string output = (*process)->Output();
  std::error_code ignored;
  std::filesystem::remove(dir_ + "/run", ignored);
  return output;
}

std::string GatewaySite::Output() const {
  constexpr size_t kEnd = 8000;
  const std::string log = ReadFile(dir_ + "/log");
  return log.size() <= kEnd ? log : log.substr(log.size() - kEnd);
}

}  // namespace fieldgate::fault
