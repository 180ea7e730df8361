#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// What PackColumns stores, read again. The form:
//   version byte
//   runs of channels: count, then (gap to the run before, length) each
//   runs of tags: (kind + 16 * state, length) until every channel has one
//   values in order: zigzag varint, varint, 8 bytes little endian, or text
namespace fieldgate::cloud_link {

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

// In ascending order of channels, each below `channel_count`.
// kDataLoss: not what PackColumns wrote for so many channels.
absl::StatusOr<std::vector<Cell>> UnpackColumns(absl::string_view columns, size_t channel_count);

}  // namespace fieldgate::cloud_link
