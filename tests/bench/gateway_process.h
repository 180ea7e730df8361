#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/testing/process.h"

namespace fieldgate::bench {

struct GatewayConfig {
  int modbus_port = 0;
  std::string broker_url;
  int poll_ms = 1000;
  // False: a message a second (RTSendTime1 = 1). True: one for each poll, as it
  // comes (UpdateRate1 = 0).
  bool on_change = true;
};

// The real gateway, `fieldgate run` and its services, with 1,000 holding
// registers and the device's clock in one realtime section.
// Ends with the object.
class GatewayProcess {
 public:
  // kUnavailable: can't be started. That it runs shows when messages arrive.
  static absl::StatusOr<std::unique_ptr<GatewayProcess>> Start(const GatewayConfig& config);
  ~GatewayProcess();

  // The supervisor; its children are the services.
  pid_t pid() const { return process_->pid(); }
  std::string Output() const { return process_->Output(); }

  // Polls that were left out, of all devices, as `fieldgate status --json` has it.
  absl::StatusOr<int64_t> MissedCycles() const;

 private:
  GatewayProcess(std::string state_dir, std::unique_ptr<ChildProcess> process)
      : state_dir_(std::move(state_dir)), process_(std::move(process)) {}

  const std::string state_dir_;
  const std::unique_ptr<ChildProcess> process_;
};

}  // namespace fieldgate::bench
