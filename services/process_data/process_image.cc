#include "services/process_data/process_image.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/process_data/paths.h"
#include "services/process_data/point_group.h"
#include "services/process_data/report.h"
#include "services/process_data/subscription.h"

namespace fieldgate::process_data {
namespace {

ProcessImage::Reading::Owner OwnerOf(const PointGroup& group) {
  switch (group.type) {
    case PointGroup::Type::kDevice:
      return ProcessImage::Reading::Owner::kDevice;
    case PointGroup::Type::kReport:
      return ProcessImage::Reading::Owner::kReport;
    default:
      return ProcessImage::Reading::Owner::kSelf;
  }
}

std::string_view Key(absl::string_view path) { return {path.data(), path.size()}; }

bool HasLayout(const PointGroup& group, const DeviceLayout& layout) {
  if (group.device_path != layout.path) return false;
  if (group.size() != layout.points.size() + PointGroup::kFirstPoint) return false;
  for (size_t i = 0; i < layout.points.size(); ++i) {
    const size_t slot = i + PointGroup::kFirstPoint;
    if (group.definitions[slot] != layout.points[i].definition) return false;
    absl::string_view name = group.paths[slot];
    name.remove_prefix(layout.path.size() + 1);
    if (name != layout.points[i].name) return false;
  }
  return true;
}

}  // namespace

ProcessImage::ProcessImage(absl::Time now, Threads& threads)
    : threads_(threads),
      variables_(std::make_shared<PointGroup>(PointGroup::Type::kVariables)),
      program_(std::make_shared<PointGroup>(PointGroup::Type::kProgram)),
      logs_(std::make_shared<PointGroup>(PointGroup::Type::kLogs)),
      system_(std::make_shared<PointGroup>(PointGroup::Type::kSystem)) {
  const Slot mode{
      .sampled_at_us = absl::ToUnixMicros(now), .kind = ValueKind::kText, .state = kStateNone};
  program_->Add(kProgramMode, 0, mode, "Run");
  Structure();
}

ProcessImage::~ProcessImage() = default;

void ProcessImage::Write(PointGroup& group, size_t slot, const Sample& sample, uint8_t state,
                         const std::string& text, int64_t at_us) {
  Slot& s = group.slots[slot];
  s.bits = sample.bits;
  s.kind = sample.kind;
  s.state = state;
  s.sampled_at_us = at_us;
  s.version = version_;
  group.version = version_;
  if (sample.kind == ValueKind::kText) group.texts[slot] = text;
}

void ProcessImage::Wake(PointGroup& group) {
  for (Subscription* subscription : group.watchers) subscription->Wake();
}

void ProcessImage::Structure() {
  ++structure_;
  index_.clear();
  for (PointGroup* group : InOrder()) {
    for (size_t i = 0; i < group->size(); ++i) {
      index_.emplace(group->paths[i], PointRef{group, i});
    }
  }
  for (Subscription* subscription : subscriptions_) subscription->Wake();
  for (Subscription* follower : followers_) follower->Wake();
}

std::vector<PointGroup*> ProcessImage::InOrder() const {
  std::vector<PointGroup*> groups;
  for (const auto& group : devices_) groups.push_back(group.get());
  for (const auto& group : reports_) groups.push_back(group.get());
  groups.push_back(variables_.get());
  groups.push_back(program_.get());
  groups.push_back(logs_.get());
  groups.push_back(system_.get());
  return groups;
}

bool ProcessImage::IsOwned(absl::string_view path) const {
  const absl::string_view first = FirstLevel(path);
  return first == FirstLevel(kVariables) || first == FirstLevel(kProgramMode) ||
         std::any_of(system_->paths.begin(), system_->paths.end(),
                     [first](const std::string& own) { return FirstLevel(own) == first; }) ||
         first == FirstLevel(kLogs) ||
         std::any_of(devices_.begin(), devices_.end(), [first](const auto& device) {
           return FirstLevel(device->device_path) == first;
         });
}

DeviceHandle ProcessImage::MakeDevice(const DeviceLayout& layout, absl::Time now) {
  auto device = std::make_shared<PointGroup>(PointGroup::Type::kDevice);
  device->device_path = layout.path;
  device->version = version_;
  const auto add = [&](const std::string& name, uint64_t definition, Slot slot) {
    slot.version = version_;
    std::string path = absl::StrCat(layout.path, "/", name);
    std::string text;
    const auto old = index_.find(path);
    if (old != index_.end() && old->second.group->type == PointGroup::Type::kDevice &&
        old->second.group->definitions[old->second.slot] == definition) {
      slot = old->second.group->slots[old->second.slot];
      text = old->second.group->texts[old->second.slot];
    }
    device->Add(std::move(path), definition, slot, std::move(text));
  };
  const Slot status{
      .sampled_at_us = absl::ToUnixMicros(now), .kind = ValueKind::kBool, .state = kStateNone};
  add("DeviceState", 0, status);
  add("ChangeToggle", 0, status);
  for (const DeviceLayout::Point& point : layout.points) add(point.name, point.definition, Slot());
  return device;
}

std::vector<DeviceHandle> ProcessImage::ConfigureDevices(const std::vector<DeviceLayout>& devices,
                                                         absl::Time now) {
  std::lock_guard lock(mutex_);
  ++version_;
  std::unordered_map<std::string_view, DeviceHandle> old;
  for (const DeviceHandle& device : devices_) old.emplace(device->device_path, device);
  std::vector<DeviceHandle> configured;
  for (const DeviceLayout& layout : devices) {
    const auto it = old.find(layout.path);
    const bool same = it != old.end() && HasLayout(*it->second, layout);
    configured.push_back(same ? it->second : MakeDevice(layout, now));
  }
  if (configured == devices_) return configured;
  devices_ = configured;
  for (const auto& report : reports_) {
    EraseIf(*report, [this](const std::string& path) { return IsOwned(path); });
  }
  Structure();
  return configured;
}

void ProcessImage::SetConfigured() {
  std::lock_guard lock(mutex_);
  configured_ = true;
}

void ProcessImage::ConfigureVariables(const std::vector<std::pair<std::string, Value>>& variables,
                                      absl::Time now) {
  std::vector<std::pair<std::string, Value>> values;
  for (const auto& [name, value] : variables) {
    values.emplace_back(absl::StrCat(kVariables, "/", name), value);
  }
  std::lock_guard lock(mutex_);
  Replace(variables_, values, now);
}

void ProcessImage::ConfigureSystem(const std::vector<std::pair<std::string, Value>>& values,
                                   absl::Time now) {
  std::lock_guard lock(mutex_);
  Replace(system_, values, now);
}

void ProcessImage::ConfigureLogs(const std::vector<std::pair<std::string, Value>>& values,
                                 absl::Time now) {
  std::lock_guard lock(mutex_);
  Replace(logs_, values, now);
}

void ProcessImage::Replace(std::shared_ptr<PointGroup>& group,
                           const std::vector<std::pair<std::string, Value>>& values,
                           absl::Time now) {
  ++version_;
  auto next = std::make_shared<PointGroup>(group->type);
  for (const auto& [path, value] : values) {
    std::string text;
    const Sample sample = FromValue(value, text);
    Slot slot{.bits = sample.bits,
              .sampled_at_us = absl::ToUnixMicros(now),
              .version = version_,
              .kind = sample.kind,
              .state = kStateNone};
    const auto it = index_.find(path);
    if (it != index_.end() && it->second.group == group.get()) {
      const Slot& old = group->slots[it->second.slot];
      const bool same =
          old.kind == slot.kind && old.bits == slot.bits && group->texts[it->second.slot] == text;
      if (same) slot = old;
    }
    next->version = std::max(next->version, slot.version);
    next->Add(path, 0, slot, std::move(text));
  }
  // Before the old group goes, whose strings the index views.
  group.swap(next);
  Structure();
}

void ProcessImage::PutSystem(const std::vector<std::pair<std::string, Value>>& values,
                             absl::Time at) {
  std::lock_guard lock(mutex_);
  PutAll(*system_, values, at);
}

void ProcessImage::PutLogs(const std::vector<std::pair<std::string, Value>>& values,
                           absl::Time at) {
  std::lock_guard lock(mutex_);
  PutAll(*logs_, values, at);
}

void ProcessImage::PutAll(PointGroup& group,
                          const std::vector<std::pair<std::string, Value>>& values, absl::Time at) {
  ++version_;
  for (const auto& [path, value] : values) {
    const auto it = index_.find(path);
    if (it == index_.end() || it->second.group != &group) continue;
    std::string text;
    const Sample sample = FromValue(value, text);
    Write(group, it->second.slot, sample, kStateNone, text, absl::ToUnixMicros(at));
  }
  Wake(group);
}

void ProcessImage::CommitPoll(const DeviceHandle& device, const PollUpdate& update) {
  const int64_t at_us = absl::ToUnixMicros(update.sampled_at);
  static const std::string& no_text = *new std::string;
  std::lock_guard lock(mutex_);
  ++version_;
  PointGroup& group = *device;
  const bool was_answering = group.slots[PointGroup::kDeviceState].bits != 0;
  if (update.answered) {
    const bool toggle = group.slots[PointGroup::kChangeToggle].bits == 0;
    Write(group, PointGroup::kDeviceState, Sample::Bool(true), kStateNone, no_text, at_us);
    Write(group, PointGroup::kChangeToggle, Sample::Bool(toggle), kStateNone, no_text, at_us);
  } else if (was_answering) {
    Write(group, PointGroup::kDeviceState, Sample::Bool(false), kStateNone, no_text, at_us);
  }
  for (size_t i = PointGroup::kFirstPoint; i < group.size(); ++i) {
    const size_t point = i - PointGroup::kFirstPoint;
    if (update.answered && update.samples[point].valid) {
      Write(group, i, update.samples[point], kStateValid, update.texts[point], at_us);
    } else if (group.slots[i].state == kStateValid) {
      Slot& slot = group.slots[i];
      slot.state = kStateInvalid;
      slot.sampled_at_us = at_us;
      slot.version = group.version = version_;
    }
  }
  if (group.version == version_) Wake(group);
}

void ProcessImage::CommitPoint(const DeviceHandle& device, size_t point, const Sample& sample,
                               const std::string& text, absl::Time at) {
  if (!sample.valid) return;
  std::lock_guard lock(mutex_);
  ++version_;
  Write(*device, point + PointGroup::kFirstPoint, sample, kStateValid, text,
        absl::ToUnixMicros(at));
  Wake(*device);
}

absl::Status ProcessImage::Put(absl::string_view path, const Value& value, absl::Time at) {
  std::string text;
  const Sample sample = FromValue(value, text);
  std::lock_guard lock(mutex_);
  const auto it = index_.find(Key(path));
  if (it == index_.end()) return NotFound(path);
  ++version_;
  Write(*it->second.group, it->second.slot, sample, kStateNone, text, absl::ToUnixMicros(at));
  Wake(*it->second.group);
  return absl::OkStatus();
}

absl::Status ProcessImage::NotFound(absl::string_view path) const {
  const std::vector<PointGroup*> groups = InOrder();
  const auto exists = [&groups](absl::string_view part) {
    for (const PointGroup* group : groups) {
      for (const std::string& known : group->paths) {
        if (IsWithin(known, part)) return true;
      }
    }
    return false;
  };
  absl::string_view part = path;
  while (!part.empty() && !exists(part)) part = ParentPath(part);
  if (part == path && !part.empty()) {
    return absl::NotFoundError(absl::StrCat(path, " is a subtree, not a value"));
  }
  if (!configured_ && IsWithin(path, kRoot)) {
    return absl::UnavailableError(absl::StrCat(
        "nothing has the path ", path, " yet, and the configuration has not come; try again"));
  }
  return absl::NotFoundError(
      part.empty() ? absl::StrCat("nothing has the path '", path, "'; Get without a path shows all")
                   : absl::StrCat("nothing has the path ", path, "; of it ", part, " exists"));
}

absl::StatusOr<std::vector<ProcessImage::Reading>> ProcessImage::Read(
    absl::string_view path) const {
  std::vector<Reading> readings;
  std::lock_guard lock(mutex_);
  for (PointGroup* group : InOrder()) {
    for (size_t i = 0; i < group->size(); ++i) {
      if (!IsWithin(group->paths[i], path)) continue;
      const Slot& slot = group->slots[i];
      readings.push_back({group->paths[i], ToText(ToValue(slot.kind, slot.bits, group->texts[i])),
                          OwnerOf(*group)});
    }
  }
  if (readings.empty() || path.empty()) return NotFound(path);
  return readings;
}

absl::StatusOr<ProcessImage::Location> ProcessImage::Locate(absl::string_view path) const {
  std::lock_guard lock(mutex_);
  const auto it = index_.find(Key(path));
  if (it == index_.end()) return NotFound(path);
  const auto& [group, slot] = it->second;
  Location location;
  switch (group->type) {
    case PointGroup::Type::kDevice:
      if (!group->is_bus_point(slot)) break;
      location.kind = Location::Kind::kBusPoint;
      location.device_path = group->device_path;
      location.point = slot - PointGroup::kFirstPoint;
      break;
    case PointGroup::Type::kVariables:
      location.kind = Location::Kind::kVariable;
      break;
    case PointGroup::Type::kProgram:
      location.kind = Location::Kind::kProgramMode;
      break;
    case PointGroup::Type::kReport:
    case PointGroup::Type::kLogs:
    case PointGroup::Type::kSystem:
      break;
  }
  return location;
}

absl::StatusOr<std::unique_ptr<Subscription>> ProcessImage::Subscribe(
    std::vector<std::string> paths, bool subtree) {
  if (paths.empty()) return absl::InvalidArgumentError("no path");
  if (paths.size() > kMaxSubscribedPaths) {
    return absl::InvalidArgumentError(
        absl::StrCat(paths.size(), " paths are more than ", kMaxSubscribedPaths));
  }
  for (std::string& path : paths) path = NormalizePath(path);
  std::lock_guard lock(mutex_);
  if (subscriptions_.size() == kMaxSubscriptions) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there are ", kMaxSubscriptions, " subscriptions already"));
  }
  auto subscription = std::make_unique<Subscription>(*this, std::move(paths), subtree);
  subscriptions_.insert(subscription.get());
  return subscription;
}

std::unique_ptr<Subscription> ProcessImage::Follow(std::vector<std::string> paths) {
  for (std::string& path : paths) path = NormalizePath(path);
  std::lock_guard lock(mutex_);
  auto follower = std::make_unique<Subscription>(*this, std::move(paths), /*subtree=*/false);
  followers_.insert(follower.get());
  return follower;
}

std::unique_ptr<Report> ProcessImage::OpenReport() {
  auto group = std::make_shared<PointGroup>(PointGroup::Type::kReport);
  auto report = std::make_unique<Report>(*this, group);
  std::lock_guard lock(mutex_);
  reports_.push_back(std::move(group));
  return report;
}

}  // namespace fieldgate::process_data
