#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/time/threads.h"
#include "proto/config_store.pb.h"
#include "services/process_data/bus_lines.h"
#include "services/process_data/polling_status.h"
#include "services/process_data/process_image.h"
#include "services/process_data/variables.h"

namespace fieldgate::process_data {

// What changes the process: its configuration, writing to it, Run and Stop.
// Thread-safe.
class ProcessControl {
 public:
  // Nothing is configured at first, and the program runs.
  ProcessControl(ProcessImage& image, Threads& threads, std::unique_ptr<Variables> variables,
                 BusLines::BusFactory make_bus);

  // See Variables. Before Configure.
  void AdoptEpoch(int64_t factory_epoch) { variables_->AdoptEpoch(factory_epoch); }

  // Puts `acquisition` in force, if it is another one than that in force.
  // Blocks for as long as requests of changed lines take to be cancelled.
  void Configure(const config_store::v1::Acquisition& acquisition);

  // Writes the value at `path`: Set of the proto, whose errors it has.
  absl::Status Set(absl::string_view path, absl::string_view value, MonotonicTime deadline);

  std::string Mode() const;  // "Run" or "Stop"
  std::vector<DeviceStatus> Devices() const { return lines_.Status(); }
  PollingStatus Polling() const;

 private:
  absl::Status SetMode(absl::string_view mode);

  ProcessImage& image_;
  const Clock& clock_;
  const std::unique_ptr<Variables> variables_;
  std::mutex configure_mutex_;
  std::mutex mode_mutex_;  // the image shows the modes in the order of their coming into force
  bool configured_ = false;
  std::string configuration_;  // serialized
  BusLines lines_;
};

}  // namespace fieldgate::process_data
