#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/process_data/sample.h"

namespace fieldgate::process_data {

class Subscription;

// sensor_state of a value (manual Table 2-5).
inline constexpr uint8_t kStateInvalid = 0;
inline constexpr uint8_t kStateValid = 1;
inline constexpr uint8_t kStateNone = 2;  // no bus point

// The present value of one point.
struct Slot {
  uint64_t bits = 0;
  int64_t sampled_at_us = 0;  // Unix time
  // The image's version when it was last written: who has seen that version
  // has seen this value.
  uint64_t version = 0;
  ValueKind kind = ValueKind::kNone;
  uint8_t state = kStateInvalid;
};

// Points that come and go together: a device, the process variables, one
// report, the logs. Part of ProcessImage and its Subscriptions, guarded by its mutex.
struct PointGroup : std::enable_shared_from_this<PointGroup> {
  enum class Type { kDevice, kReport, kVariables, kProgram, kLogs, kSystem };

  explicit PointGroup(Type group_type) : type(group_type) {}

  void Add(std::string path, uint64_t definition, const Slot& slot, std::string text) {
    paths.push_back(std::move(path));
    definitions.push_back(definition);
    slots.push_back(slot);
    texts.push_back(std::move(text));
  }
  size_t size() const { return slots.size(); }
  bool is_bus_point(size_t slot) const { return type == Type::kDevice && slot >= kFirstPoint; }

  // Slots of a device before its points.
  static constexpr size_t kDeviceState = 0;
  static constexpr size_t kChangeToggle = 1;
  static constexpr size_t kFirstPoint = 2;

  const Type type;
  std::string device_path;  // kDevice only
  // One of each a slot.
  std::vector<std::string> paths;
  std::vector<uint64_t> definitions;
  std::vector<Slot> slots;
  std::vector<std::string> texts;
  uint64_t version = 0;  // the highest of its slots
  std::vector<Subscription*> watchers;
};

}  // namespace fieldgate::process_data
