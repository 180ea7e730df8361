#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/testing/mosquitto.h"
#include "common/testing/process.h"
#include "tests/simulators/modbus/modbus_simulator.h"
#include "tests/simulators/portal/portal_simulator.h"
#include "tests/system/gateway_config.h"

// The real binaries around a real broker, for tests of the whole.
namespace fieldgate::system_test {

// How long a test waits before it fails; nothing is expected to take this long.
inline constexpr absl::Duration kPatience = absl::Seconds(60);

// Sanitizers and loaded machines stretch a time that is a requirement.
absl::Duration Scaled(absl::Duration requirement);

inline constexpr char kGateway[] = "customer-1/gw-01234567";  // what the portal names it

// A run of a program to its end.
struct Outcome {
  int exit_status = -1;  // -1: killed or still running
  std::string output;    // stdout and stderr
};

struct ConnectorState {
  std::string state;  // "running"
  std::string detail;
  int64_t messages_waiting = 0;
  int64_t inbound_ignored = 0;
};

// What `fieldgate status` says.
struct GatewayStatus {
  Outcome outcome;
  std::map<std::string, ConnectorState> connectors;  // by name
  // Those of CloudConn.
  std::string connector_state;
  std::string connector_detail;
  int64_t messages_waiting = 0;
  bool devices_ok = false;

  // All services are up, the connector is running, every device answers.
  bool AllIsWell() const {
    return outcome.exit_status == 0 && connector_state == "running" && devices_ok;
  }
};

class GatewayHarness {
 public:
  struct Options {
    Mosquitto::Options broker = {};
    portal::PortalPolicy portal = {};
    // As PortalOptions.on_message.
    std::function<void(const std::string& topic, const std::string& body)> on_message = {};
    int modbus_devices = 1;
    // The field is filled in, and the broker's URL if it is empty.
    CloudConfig cloud = {};
    // Added to the environment of the gateway.
    std::vector<std::pair<std::string, std::string>> env = {};
    // A shell command that becomes the gateway, `exec "$@"` with redirections; empty:
    // it is started without a shell.
    std::string shell = {};
  };

  // Starts the broker, the Modbus devices and the portal, and writes the
  // configuration files; the gateway is not started.
  explicit GatewayHarness(Options options);
  GatewayHarness() : GatewayHarness(Options{}) {}
  ~GatewayHarness();

  Mosquitto& broker() { return broker_; }
  portal::PortalSimulator& portal() { return *portal_; }

  // `fieldgate run` with device.json and the import of both files.
  void StartGateway();
  // The same on the state that is there, if any, without imports.
  void StartGatewayAgain();
  // SIGTERM; the exit status, or -1 when it doesn't end within kPatience.
  int StopGateway();
  // kill -9 of `fieldgate run` alone.
  void KillGateway();
  std::string GatewayOutput() const;
  // Shows what the gateway has to say; done by itself when a test failed.
  void Explain();
  pid_t gateway_pid() const { return gateway_->pid(); }

  // `fieldgate SUBCOMMAND --state-dir=DIR arguments...` to its end; it may be of
  // two words ("config show").
  Outcome Run(const std::string& subcommand, const std::vector<std::string>& arguments = {});
  GatewayStatus Status();
  // Waits until all is well; the status as text if it doesn't become so.
  testing::AssertionResult BecomesWell(absl::Duration deadline = kPatience);

  // The service's process, a child of `fieldgate run`; 0 if there is none.
  pid_t Pid(absl::string_view service) const;
  // Sends it to the service's process, for which it waits: it may be about to be
  // started again. Which it was; 0, and a failure, if there is none.
  pid_t Signal(absl::string_view service, int signal);
  // kill -9 of the service; the next one is up when this returns.
  void Kill(absl::string_view service);
  // Processes that `fieldgate run` has, itself excluded.
  std::vector<pid_t> Children() const;

  // What the portal knows of the gateway's data.
  portal::StreamStats Data() const;
  // Of one sensor; empty, with state -1, before it is announced.
  portal::SensorStats Sensor(absl::string_view controller, absl::string_view sensor) const;
  // Waits until the portal has got `count` more messages.
  bool MoreMessages(int64_t count);
  // Waits until data is complete: at least `count` more messages from now, no
  // gap, reorder or conflict, each sensor with a valid state. Empty, or why not.
  std::vector<std::string> WaitUntilComplete(int64_t count);

  ModbusSimulator& device(size_t index) { return *devices_[index]; }

  std::string file(absl::string_view name) const;
  // Writes a file below the test's directory and returns its path.
  std::string WriteFile(absl::string_view name, absl::string_view text) const;
  const std::string& state_dir() const { return state_dir_; }

 private:
  void StartGateway(const std::vector<std::string>& imports);

  const Options options_;
  const std::string dir_;
  const std::string state_dir_;
  Mosquitto broker_;
  std::vector<std::unique_ptr<ModbusSimulator>> devices_;
  std::unique_ptr<portal::PortalSimulator> portal_;
  std::unique_ptr<ChildProcess> gateway_;
};

}  // namespace fieldgate::system_test
