#include "services/process_data/simulated/simulated_device.h"

#include "services/process_data/modbus/point_codec.h"
#include "services/process_data/simulated/waveform.h"

namespace fieldgate::process_data {

SimulatedDevice::SimulatedDevice(const config_store::v1::BusDevice& config, const Clock& clock)
    : clock_(clock), points_(config.points().begin(), config.points().end()) {}

absl::Status SimulatedDevice::Poll(bool /*retry*/, const std::atomic<bool>& /*give_up*/,
                                   Cycle& cycle) {
  cycle.samples.resize(points_.size());
  cycle.texts.resize(points_.size());
  const absl::Duration since = clock_.Now().since_start;
  for (size_t i = 0; i < points_.size(); ++i) {
    const auto written = written_.find(i);
    if (written == written_.end()) {
      cycle.samples[i] = Waveform(points_[i], i, since, cycle.texts[i]);
    } else {
      cycle.samples[i] = written->second.sample;
      cycle.texts[i] = written->second.text;
    }
  }
  return absl::OkStatus();
}

absl::Status SimulatedDevice::CheckWrite(size_t point, absl::string_view text) const {
  const absl::StatusOr<PointCodec> codec = PointCodec::Create(points_[point]);
  if (!codec.ok()) return codec.status();
  if (!points_[point].writable()) return absl::PermissionDeniedError("the point is read-only");
  return codec->Encode(text).status();
}

absl::StatusOr<Readback> SimulatedDevice::Write(size_t point, absl::string_view text) {
  const absl::StatusOr<PointCodec> codec = PointCodec::Create(points_[point]);
  if (!codec.ok()) return codec.status();
  absl::StatusOr<std::vector<uint16_t>> words = codec->Encode(text);
  if (!words.ok()) return words.status();
  // Through the registers and back, so that it is rounded like a real one.
  if (codec->is_bit_of_register()) words->front() = codec->WithBit(0, words->front() != 0);
  Readback readback;
  readback.sample = codec->Decode(words->data(), readback.text);
  written_[point] = readback;
  return readback;
}

}  // namespace fieldgate::process_data
