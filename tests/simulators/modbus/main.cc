// modbus_simulator: devices at a Modbus TCP port, without hardware.
#include <signal.h>

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/cli/options.h"
#include "tests/simulators/modbus/modbus_simulator.h"

namespace fieldgate {
namespace {

// "hang", "exception:2", "drop", "slow:200", "garbage", "unit".
absl::StatusOr<ModbusFault> ParseFault(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  const std::pair<const char*, ModbusFault::Kind> kinds[] = {
      {"", ModbusFault::Kind::kNone},
      {"hang", ModbusFault::Kind::kHang},
      {"exception", ModbusFault::Kind::kException},
      {"drop", ModbusFault::Kind::kDrop},
      {"slow", ModbusFault::Kind::kSlow},
      {"garbage", ModbusFault::Kind::kGarbage},
      {"unit", ModbusFault::Kind::kOtherUnit},
  };
  int parameter = 2;
  const bool parameter_ok =
      parts.size() == 1 || (parts.size() == 2 && absl::SimpleAtoi(parts[1], &parameter) &&
                            parameter > 0 && parameter < 65536);
  for (const auto& [name, kind] : kinds) {
    if (parts[0] != name || !parameter_ok) continue;
    return ModbusFault{.kind = kind,
                       .exception = static_cast<uint8_t>(parameter),
                       .delay = absl::Milliseconds(parameter)};
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--fault '", text, "': write hang, exception:CODE, drop, slow:MS, garbage or unit"));
}

int Fail(const std::string& message, int exit_status) {
  std::fprintf(stderr, "modbus_simulator: %s\n", message.c_str());
  return exit_status;
}

int Main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);

  ModbusSimulator::Options options;
  std::string port = "0";
  std::string changing = "0";
  std::string fault_text;
  const cli::Command command = {
      .name = "modbus_simulator",
      .summary = "Serves Modbus TCP devices without hardware until SIGTERM or SIGINT comes.",
      .usage = "[--address=ADDRESS] [--port=PORT] [--changing=COUNT] [--fault=FAULT]",
      .options =
          {
              {.name = "address",
               .placeholder = "ADDRESS",
               .help = "Where to listen, 127.0.0.1 by default.",
               .text = &options.address},
              {.name = "port",
               .placeholder = "PORT",
               .help = "0, the default, takes a free one.",
               .text = &port},
              {.name = "changing",
               .placeholder = "COUNT",
               .help = "Holding registers from 0 that change with each read; 0 by default.",
               .text = &changing},
              {.name = "fault",
               .placeholder = "FAULT",
               .help = "From the start: hang, exception:CODE, drop, slow:MS, garbage or unit\n"
                       "(answers of another unit).",
               .text = &fault_text},
          },
      .positional = nullptr,
      .details =
          "Every unit has: holding registers and coils that keep what is written; input\n"
          "registers with waveforms by address modulo 5 (counter, sine, square, ramp, random\n"
          "walk); discrete inputs with square waves; Unix time in us (uint64, ABCDEFGH) at\n"
          "registers 30000 to 30003.\n"
          "\n"
          "Faults at run time, by writing holding registers: 65001 parameter (exception code\n"
          "or ms), 65002 unit (0: all), 65003 first address, 65004 addresses (0: all), and at\n"
          "last 65000: 0 none, 1 hang, 2 exception, 3 drop, 4 slow, 5 garbage, 6 answers of\n"
          "another unit.",
  };
  const absl::Status parsed = cli::Parse(command, argc, argv);
  if (absl::IsCancelled(parsed)) {
    std::fputs(cli::Help(command).c_str(), stdout);
    return 0;
  }
  if (!parsed.ok()) return Fail(std::string(parsed.message()), 2);
  if (!absl::SimpleAtoi(port, &options.port) || options.port < 0 || options.port > 65535) {
    return Fail("--port is 0 to 65535", 2);
  }
  if (!absl::SimpleAtoi(changing, &options.changing) || options.changing > 30000) {
    return Fail("--changing is 0 to 30000", 2);
  }
  const absl::StatusOr<ModbusFault> fault = ParseFault(fault_text);
  if (!fault.ok()) return Fail(std::string(fault.status().message()), 2);
  const absl::StatusOr<std::unique_ptr<ModbusSimulator>> simulator =
      ModbusSimulator::Start(options);
  if (!simulator.ok()) return Fail(std::string(simulator.status().message()), 1);
  (*simulator)->SetFault(*fault);
  std::printf("listening on %s:%d\n", options.address.c_str(), (*simulator)->port());
  std::fflush(stdout);
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  return 0;
}

}  // namespace
}  // namespace fieldgate

int main(int argc, char** argv) { return fieldgate::Main(argc, argv); }
