#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/time/clock.h"
#include "proto/config_store.pb.h"
#include "services/process_data/bus/field_device.h"

namespace fieldgate::process_data {

// A device without hardware: its points are waveforms, always answered. A
// writable point keeps what was written to it, until the device is made again.
class SimulatedDevice : public FieldDevice {
 public:
  SimulatedDevice(const config_store::v1::BusDevice& config, const Clock& clock);

  size_t points() const override { return points_.size(); }
  absl::Status Poll(bool retry, const std::atomic<bool>& give_up, Cycle& cycle) override;
  absl::Status CheckWrite(size_t point, absl::string_view text) const override;
  absl::StatusOr<Readback> Write(size_t point, absl::string_view text) override;
  void Cancel() override {}  // nothing blocks

 private:
  const Clock& clock_;
  std::vector<config_store::v1::BusPoint> points_;
  std::map<size_t, Readback> written_;
};

}  // namespace fieldgate::process_data
