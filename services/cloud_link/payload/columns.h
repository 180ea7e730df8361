#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/cloud_link/payload/channels.h"

// The values of a message as they are stored. The form:
//   version byte
//   runs of channels: count, then (gap to the run before, length) each
//   runs of tags: (kind + 16 * state, length) until every channel has one
//   values in order: zigzag varint, varint, 8 bytes little endian, or text
namespace fieldgate::cloud_link {

// Packs the samples of some channels (ascending) for storage. `samples` is
// indexed by channel, from `first_sample` on; a gps channel must come with its
// partner.
std::string PackColumns(absl::Span<const uint32_t> channels, absl::Span<const Sample> samples,
                        uint32_t first_sample = 0);
// The same for the contiguous channels first .. first + count - 1, smaller.
std::string PackColumns(uint32_t first, uint32_t count, absl::Span<const Sample> samples);

enum class CellKind : uint8_t { kNone, kFalse, kTrue, kInt, kUint, kDouble, kText };

// One channel's value.
struct Cell {
  uint32_t channel = 0;
  CellKind kind = CellKind::kNone;
  uint8_t state = 0;  // 0, 1, 2
  // The number's bits; of a text its offset in the columns (high half) and size.
  uint64_t bits = 0;
};

inline double NumberOf(const Cell& cell) {
  double number;
  std::memcpy(&number, &cell.bits, sizeof number);
  return number;
}
inline absl::string_view TextOf(const Cell& cell, absl::string_view columns) {
  return columns.substr(cell.bits >> 32, cell.bits & 0xFFFFFFFF);
}

// Reads what was packed, in ascending order of channels, each below `channel_count`.
// kDataLoss: not what PackColumns wrote for so many channels.
absl::StatusOr<std::vector<Cell>> UnpackColumns(absl::string_view columns, size_t channel_count);

}  // namespace fieldgate::cloud_link
