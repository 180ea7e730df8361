#include "tests/bench/gateway_process.h"

#include <signal.h>

#include <fstream>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/bench/portal.h"

namespace fieldgate::bench {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr int kRegisters = 1000;
constexpr int kClock = 30000;  // uint64: Unix time in microseconds

std::string Binary() { return RunfilePath("fieldgate/services/fieldgate/fieldgate"); }

std::string DeviceJson() {
  return R"({"serial_number": "01234567", "product_name": "WT640", "hardware_id": "GM20-S1F2K-120"})"
         "\n";
}

std::string Tixml(const GatewayConfig& config) {
  std::string registers, points;
  const auto add = [&](absl::string_view name, int offset, absl::string_view type) {
    absl::StrAppend(&registers, "        <", name, " register=\"holding\" offset=\"", offset,
                    "\" type=\"", type, "\"/>\n");
    absl::StrAppend(&points, "      <", name, " _=\"/Process/Bus1/Device1/", name,
                    "\" meta_type=\"temperature\"/>\n");
  };
  for (int i = 0; i < kRegisters; ++i) add(absl::StrCat("DP", i), i, "uint16");
  add("Clock", kClock, "uint64");
  return absl::StrCat(
      "[<SetConfig _=\"PROCCFG\" ver=\"y\">\n"
      "  <External>\n"
      "    <Bus1 protocol=\"ModbusTCP\">\n"
      "      <Device1 address=\"127.0.0.1:",
      config.modbus_port, "\" unit=\"1\" poll=\"", config.poll_ms, "\" timeout=\"500\">\n",
      registers,
      "      </Device1>\n"
      "    </Bus1>\n"
      "  </External>\n"
      "</SetConfig>]\n"
      "[<SetConfig _=\"ISP\" ver=\"y\">\n"
      "  <CloudConn>\n"
      "    <CloudBaseUrl _=\"",
      config.broker_url, "\"/>\n    <customer_id _=\"", kCustomer, "\"/>\n    <gateway_id _=\"",
      kGateway,
      "\"/>\n"
      "    <QoS _=\"1\"/>\n"
      "    <CloudConnStart _=\"1\"/>\n"
      "    <CloudConnType _=\"FPIL_Tixi_MQTT_1\"/>\n"
      "    <CloudConnDataFormat _=\"TiXML\"/>\n",
      config.on_change ? "    <RTSendTime1 _=\"-1\"/>\n    <UpdateRate1 _=\"0\"/>\n"
                       : "    <RTSendTime1 _=\"1\"/>\n",
      "    <Realtime1>\n", points,
      "    </Realtime1>\n"
      "  </CloudConn>\n"
      "</SetConfig>]\n");
}

}  // namespace

absl::StatusOr<std::unique_ptr<GatewayProcess>> GatewayProcess::Start(const GatewayConfig& config) {
  const std::string dir = NewTempDir();
  std::ofstream(dir + "/device.json") << DeviceJson();
  std::ofstream(dir + "/bench.tixml") << Tixml(config);
  const std::string state_dir = dir + "/state";
  absl::StatusOr<std::unique_ptr<ChildProcess>> process =
      ChildProcess::Start({.argv = {Binary(), "run", "--state-dir=" + state_dir,
                                    absl::StrCat("--device=", dir, "/device.json"),
                                    absl::StrCat("--import=", dir, "/bench.tixml")}});
  if (!process.ok()) return process.status();
  return std::unique_ptr<GatewayProcess>(new GatewayProcess(state_dir, *std::move(process)));
}

GatewayProcess::~GatewayProcess() {
  process_->Kill(SIGTERM);
  process_->WaitForExit(kPatience);
}

absl::StatusOr<int64_t> GatewayProcess::MissedCycles() const {
  absl::StatusOr<std::unique_ptr<ChildProcess>> status =
      ChildProcess::Start({.argv = {Binary(), "status", "--state-dir=" + state_dir_, "--json"}});
  if (!status.ok()) return status.status();
  (*status)->WaitForExit(kPatience);
  const std::string output = (*status)->Output();
  const std::vector<std::string> parts = absl::StrSplit(output, "\"missed_cycles\":");
  int64_t missed = 0;
  for (size_t i = 1; i < parts.size(); ++i) {
    int64_t count = 0;
    if (!absl::SimpleAtoi(parts[i].substr(0, parts[i].find_first_of(",}")), &count)) {
      return absl::UnavailableError(absl::StrCat("fieldgate status: ", output));
    }
    missed += count;
  }
  if (parts.size() < 2) return absl::UnavailableError(absl::StrCat("fieldgate status: ", output));
  return missed;
}

}  // namespace fieldgate::bench
