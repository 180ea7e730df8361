#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "services/process_data/bus/bus.h"

namespace fieldgate::process_data {

// Limits of the protocol for one request.
inline constexpr uint32_t kMaxRegistersOfProtocol = 125;
inline constexpr uint32_t kMaxBitsOfProtocol = 2000;

// Where a point lies: `count` registers (or bits) from `first`.
// count 0: it is not read at all.
struct PointRange {
  RegisterAddress first;
  uint16_t count = 0;
};

struct PollLimits {
  // Most registers in one request, 1..125; bits: 16 times that, at most 2,000.
  uint32_t max_registers = kMaxRegistersOfProtocol;
  // Unused registers read along to save a request; bits: 16 times that.
  uint32_t max_hole = 8;
};

// The requests that read all points of a device.
struct PollPlan {
  struct Item {
    uint32_t point = 0;  // index into the device's points
    uint16_t word = 0;   // where it starts in the block
  };
  struct Block {
    RegisterAddress first;
    uint16_t count = 0;
    std::vector<Item> items;
  };
  std::vector<Block> blocks;  // by table, then by offset
};

// Pure. A point is never split: one that is longer than max_registers gets a
// block of its own length.
PollPlan PlanPoll(absl::Span<const PointRange> points, const PollLimits& limits);

}  // namespace fieldgate::process_data
