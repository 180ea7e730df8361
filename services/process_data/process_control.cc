#include "services/process_data/process_control.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "services/process_data/paths.h"

namespace fieldgate::process_data {
namespace {

constexpr char kRun[] = "Run";
constexpr char kStop[] = "Stop";

}  // namespace

ProcessControl::ProcessControl(ProcessImage& image, Threads& threads,
                               std::unique_ptr<Variables> variables, BusLines::BusFactory make_bus)
    : image_(image),
      clock_(threads.clock()),
      variables_(std::move(variables)),
      lines_(image, threads, std::move(make_bus)) {}

void ProcessControl::Configure(const config_store::v1::Acquisition& acquisition) {
  std::lock_guard lock(configure_mutex_);
  std::string configuration = acquisition.SerializeAsString();
  if (configured_ && configuration == configuration_) return;
  configured_ = true;
  configuration_ = std::move(configuration);
  variables_->Configure(
      {acquisition.process_variables().begin(), acquisition.process_variables().end()});
  lines_.Configure({acquisition.buses().begin(), acquisition.buses().end()});
  image_.SetConfigured();
  log::Info("configured", {{"buses", std::to_string(acquisition.buses_size())},
                           {"devices", std::to_string(lines_.Status().size())},
                           {"variables", std::to_string(acquisition.process_variables_size())}});
}

absl::Status ProcessControl::Set(absl::string_view path, absl::string_view value,
                                 MonotonicTime deadline) {
  const std::string normalized = NormalizePath(path);
  const absl::StatusOr<ProcessImage::Location> location = image_.Locate(normalized);
  if (!location.ok()) return location.status();
  switch (location->kind) {
    case ProcessImage::Location::Kind::kVariable:
      return variables_->Set(normalized, value);
    case ProcessImage::Location::Kind::kProgramMode:
      return SetMode(value);
    case ProcessImage::Location::Kind::kBusPoint:
      return lines_.Write(*location, value, deadline);
    case ProcessImage::Location::Kind::kReadOnly:
      break;
  }
  return absl::PermissionDeniedError(absl::StrCat(normalized, " is read-only"));
}

absl::Status ProcessControl::SetMode(absl::string_view mode) {
  if (mode != kRun && mode != kStop) {
    return absl::InvalidArgumentError(absl::StrCat("'", mode, "' is neither Run nor Stop"));
  }
  std::lock_guard lock(mode_mutex_);
  lines_.SetRunning(mode == kRun);
  log::Info("program mode", {{"mode", std::string(mode)}});
  return image_.Put(kProgramMode, std::string(mode), clock_.WallNow());
}

PollingStatus ProcessControl::Polling() const {
  PollingStatus polling{.ethernet = lines_.PollsEthernet()};
  for (const DeviceStatus& device : lines_.Status()) {
    polling.last_cycle = std::max(polling.last_cycle, device.last_poll);
    polling.longest_cycle = std::max(polling.longest_cycle, device.longest_poll);
    polling.first_cycle |= device.polls == 0;
  }
  return polling;
}

std::string ProcessControl::Mode() const { return lines_.running() ? kRun : kStop; }

}  // namespace fieldgate::process_data
