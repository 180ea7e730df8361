#include "services/process_data/bus_lines.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "services/process_data/bus/register_device.h"
#include "services/process_data/paths.h"
#include "services/process_data/simulated/simulated_device.h"

namespace fieldgate::process_data {
namespace {

// How long Stop waits for running requests; longer ones hang.
constexpr absl::Duration kPauseTime = absl::Seconds(1);

// A value is kept as long as it comes from the same place with the same
// meaning.
uint64_t DefinitionOf(const config_store::v1::BusDevice& device,
                      const config_store::v1::BusPoint& point) {
  return std::hash<std::string>()(absl::StrCat(device.host(), " ", device.port(), " ",
                                               device.unit(), " ", point.SerializeAsString()));
}

DeviceLayout LayoutOf(const std::string& path, const config_store::v1::BusDevice& device) {
  DeviceLayout layout{path, {}};
  for (const config_store::v1::BusPoint& point : device.points()) {
    layout.points.push_back({point.name(), DefinitionOf(device, point)});
  }
  return layout;
}

}  // namespace

BusLines::BusLines(ProcessImage& image, Threads& threads, BusFactory make_bus)
    : image_(image), threads_(threads), clock_(threads.clock()), make_bus_(std::move(make_bus)) {}

BusLines::~BusLines() { StopAllBut({}); }

std::shared_ptr<Poller> BusLines::MakePoller(const LinePlan& plan,
                                             const std::vector<DeviceHandle>& handles,
                                             bool paused) const {
  std::shared_ptr<Bus> bus;
  if (!plan.simulated) {
    const config_store::v1::BusDevice& first = *plan.devices.front().config;
    bus = make_bus_(first.host(), static_cast<uint16_t>(first.port()));
  }
  std::vector<Poller::Device> devices;
  for (const LinePlan::Device& device : plan.devices) {
    std::unique_ptr<FieldDevice> io;
    if (plan.simulated) {
      io = std::make_unique<SimulatedDevice>(*device.config, clock_);
    } else {
      io = std::make_unique<RegisterDevice>(device.path, *device.config, bus);
    }
    devices.push_back({device.path,
                       handles[device.index],
                       {absl::Milliseconds(device.config->poll_ms()),
                        absl::Milliseconds(device.config->max_backoff_ms())},
                       std::move(io)});
  }
  return std::make_shared<Poller>(std::move(devices), image_, threads_, paused);
}

void BusLines::StopAllBut(const std::map<std::string, LinePlan>& plans) {
  std::vector<std::shared_ptr<Poller>> stopped;
  {
    std::lock_guard lock(mutex_);
    for (auto it = lines_.begin(); it != lines_.end();) {
      const auto plan = plans.find(it->first);
      if (plan != plans.end() && plan->second.configuration == it->second.configuration) {
        ++it;
        continue;
      }
      std::erase_if(places_,
                    [&it](const auto& place) { return place.second.poller == it->second.poller; });
      stopped.push_back(std::move(it->second.poller));
      it = lines_.erase(it);
    }
  }
  for (const auto& poller : stopped) poller->Cancel();
  for (const auto& poller : stopped) poller->Join();
}

void BusLines::Configure(const std::vector<config_store::v1::Bus>& buses) {
  std::map<std::string, LinePlan> plans;
  std::vector<DeviceLayout> layouts;
  for (const config_store::v1::Bus& bus : buses) {
    const bool simulated = bus.protocol() == config_store::v1::Bus::SIMULATED;
    if (!simulated && bus.protocol() != config_store::v1::Bus::MODBUS_TCP) {
      log::Error("bus has an unknown protocol", {{"bus", bus.name()}});
      continue;
    }
    for (const config_store::v1::BusDevice& device : bus.devices()) {
      const std::string path = absl::StrCat(kRoot, "/", bus.name(), "/", device.name());
      LinePlan& plan = plans[simulated ? absl::StrCat("simulated ", bus.name())
                                       : absl::StrCat("tcp ", device.host(), " ", device.port())];
      plan.simulated = simulated;
      plan.devices.push_back({layouts.size(), path, &device});
      absl::StrAppend(&plan.configuration, path, "\n", device.SerializeAsString(), "\n");
      layouts.push_back(LayoutOf(path, device));
    }
  }

  // Handles of changed devices end with ConfigureDevices, so their lines first.
  StopAllBut(plans);
  const std::vector<DeviceHandle> handles = image_.ConfigureDevices(layouts, clock_.WallNow());
  std::lock_guard lock(mutex_);
  for (const auto& [key, plan] : plans) {
    Line& line = lines_[key];
    if (line.poller != nullptr) continue;
    line = {plan.configuration, MakePoller(plan, handles, !running_), plan.simulated};
    for (size_t i = 0; i < plan.devices.size(); ++i) {
      places_[plan.devices[i].path] = {line.poller, i};
    }
  }
  order_.clear();
  for (const DeviceLayout& layout : layouts) order_.push_back(layout.path);
}

std::vector<std::shared_ptr<Poller>> BusLines::Pollers() const {
  std::vector<std::shared_ptr<Poller>> pollers;
  std::lock_guard lock(mutex_);
  for (const auto& [key, line] : lines_) pollers.push_back(line.poller);
  return pollers;
}

void BusLines::SetRunning(bool running) {
  {
    std::lock_guard lock(mutex_);
    running_ = running;
    for (const auto& [key, line] : lines_) {
      if (running) {
        line.poller->Resume();
      } else {
        line.poller->Pause();
      }
    }
  }
  if (running) return;
  const MonotonicTime deadline = clock_.Now() + kPauseTime;
  for (const auto& poller : Pollers()) poller->WaitUntilPaused(deadline);
}

bool BusLines::running() const {
  std::lock_guard lock(mutex_);
  return running_;
}

bool BusLines::PollsEthernet() const {
  std::lock_guard lock(mutex_);
  return running_ && std::any_of(lines_.begin(), lines_.end(),
                                 [](const auto& line) { return !line.second.simulated; });
}

absl::Status BusLines::Write(const ProcessImage::Location& point, absl::string_view text,
                             MonotonicTime deadline) {
  DevicePlace place;
  {
    std::lock_guard lock(mutex_);
    const auto it = places_.find(point.device_path);
    if (it == places_.end()) {
      return absl::NotFoundError(absl::StrCat("no device ", point.device_path));
    }
    place = it->second;
  }
  return place.poller->Write(place.device, point.point, text, deadline);
}

std::vector<DeviceStatus> BusLines::Status() const {
  std::map<std::string, DeviceStatus> by_path;
  for (const auto& poller : Pollers()) {
    for (DeviceStatus& status : poller->Status()) by_path[status.path] = std::move(status);
  }
  std::vector<DeviceStatus> ordered;
  std::lock_guard lock(mutex_);
  for (const std::string& path : order_) {
    const auto it = by_path.find(path);
    if (it != by_path.end()) ordered.push_back(it->second);
  }
  return ordered;
}

}  // namespace fieldgate::process_data
