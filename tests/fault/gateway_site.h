#pragma once

#include <sys/types.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/testing/mosquitto.h"
#include "common/testing/process.h"
#include "tests/fault/delivery_checker.h"
#include "tests/fault/kill_plan.h"
#include "tests/fault/mqtt_proxy.h"
#include "tests/simulators/modbus/modbus_simulator.h"
#include "tests/simulators/portal/portal_simulator.h"

namespace fieldgate::fault {

// Ends a failing test only.
inline constexpr absl::Duration kPatience = absl::Seconds(200);

// The topics of the three connectors: "customer-1/fp/gw-.../data".
inline constexpr int kConnectors = 3;
std::string GatewayOf(int connector);  // "customer-1/gw-2"
std::string DataTopic(int connector);

inline constexpr const char* kServices[] = {"config_store", "process_data", "cloud_link"};

// A gateway of real processes under full load, its broker behind a proxy, a
// device, and a portal: three connectors (TiXML with a rollout, JSON, XML) with
// cyclic sections, sections that send each change, and two logs.
//  - Clock: Unix time in microseconds at each poll, in a cyclic section
//  - LogClock: the same, in the log Fast, which records each change
//  - Cmd: a process variable, in the log Commands, which records on command
class GatewaySite {
 public:
  // Everything runs, the configuration is imported.
  static absl::StatusOr<std::unique_ptr<GatewaySite>> Start(const EpisodeOptions& options);
  // Stops everything and removes its files.
  ~GatewaySite();

  DeliveryChecker& checker() { return checker_; }
  portal::PortalSimulator& portal() { return *portal_; }
  MqttProxy& proxy() { return *proxy_; }

  // kill -9; they stay away until StartAgain.
  void KillVictim(Victim victim);
  absl::Status StartAgain(Victim victim);
  // All services, for sure and in no order; they stay away.
  void KillEverything();

  // 0: it doesn't run.
  pid_t Pid(const std::string& service);
  // `fieldgate SUBCOMMAND`'s output.
  std::string Run(const std::vector<std::string>& arguments);

  const std::string& dir() const { return dir_; }
  const std::string& state_dir() const { return state_dir_; }
  // What the processes had to say, the end of it.
  std::string Output() const;

 private:
  explicit GatewaySite(const EpisodeOptions& options);
  absl::Status StartAround();
  absl::Status StartGateway();
  absl::Status Spawn(const std::string& name, std::vector<std::string> arguments);

  const EpisodeOptions options_;
  const std::string dir_;
  const std::string state_dir_;
  DeliveryChecker checker_;
  std::unique_ptr<Mosquitto> broker_;
  std::unique_ptr<MqttProxy> proxy_;
  std::unique_ptr<ModbusSimulator> device_;
  std::unique_ptr<portal::PortalSimulator> portal_;
  // By name: the services, or "fieldgate".
  std::map<std::string, std::unique_ptr<ChildProcess>> processes_;
};

}  // namespace fieldgate::fault
