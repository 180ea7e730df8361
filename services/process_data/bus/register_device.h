#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proto/config_store.pb.h"
#include "services/process_data/bus/bus.h"
#include "services/process_data/bus/field_device.h"
#include "services/process_data/modbus/point_codec.h"
#include "services/process_data/poll_plan.h"

namespace fieldgate::process_data {

// A device whose points lie in registers behind a Bus, which several devices
// share. Reads them in as few requests as its configuration allows.
//
// A request that fails makes the points of its block invalid, no others. After
// two requests without an answer (each with its retries), or when there is no
// connection, the rest of the cycle is given up: a dead device must not hold
// up the others of its line with each of its blocks.
class RegisterDevice : public FieldDevice {
 public:
  // `path`: "/Process/Bus1/Device1", for the log. Points that no request can
  // read are logged and never valid.
  RegisterDevice(std::string path, const config_store::v1::BusDevice& config,
                 std::shared_ptr<Bus> bus);

  size_t points() const override { return points_.size(); }
  absl::Status Poll(bool retry, const std::atomic<bool>& give_up, Cycle& cycle) override;
  absl::Status CheckWrite(size_t point, absl::string_view text) const override;
  absl::StatusOr<Readback> Write(size_t point, absl::string_view text) override;
  void Cancel() override { bus_->Cancel(); }

 private:
  struct Point {
    absl::StatusOr<PointCodec> codec;
    bool writable = false;
  };

  absl::Status ReadWithRetries(bool retry, RegisterAddress first, absl::Span<uint16_t> words);
  // Logs a block that begins or ceases to fail while its device answers.
  void NoteBlocks();

  const std::string path_;
  const std::shared_ptr<Bus> bus_;
  Target target_;
  uint32_t retries_ = 0;
  std::vector<Point> points_;
  PollPlan plan_;
  std::vector<absl::Status> results_;  // one a block, of this cycle
  std::vector<uint64_t> failures_;     // one a block, since its last good read
  std::vector<uint16_t> words_;        // of the longest block
};

}  // namespace fieldgate::process_data
