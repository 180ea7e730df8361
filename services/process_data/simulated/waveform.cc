#include "services/process_data/simulated/waveform.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "services/process_data/modbus/point_codec.h"

namespace fieldgate::process_data {
namespace {

using config_store::v1::BusPoint;

constexpr double kPi = 3.14159265358979323846;

}  // namespace

Sample Waveform(const BusPoint& point, size_t index, absl::Duration since, std::string& text) {
  const absl::StatusOr<PointCodec> codec = PointCodec::Create(point);
  if (!codec.ok()) return Sample();
  const double seconds = absl::ToDoubleSeconds(since);
  const auto whole = static_cast<int64_t>(std::floor(seconds));
  const auto shift = static_cast<int64_t>(index);
  switch (point.type()) {
    case BusPoint::BOOL:
      return Sample::Bool((whole / (2 + shift % 7) + shift) % 2 != 0);
    case BusPoint::FLOAT32:
    case BusPoint::FLOAT64: {
      const double period = 20 + 10 * static_cast<double>(index % 7);
      const double angle = 2 * kPi * (seconds / period) + static_cast<double>(index % 16);
      return Sample::Float(std::round((20 + 5 * std::sin(angle)) * 100) / 100);
    }
    case BusPoint::STRING:
      text = absl::StrCat("text ", (whole / 10 + shift) % 10).substr(0, point.length());
      return Sample::Text();
    default:
      return codec->Scaled((whole + shift * 7) % 100);
  }
}

}  // namespace fieldgate::process_data
