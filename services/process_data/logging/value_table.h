#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "services/process_data/logging/record_codec.h"
#include "services/process_data/sample.h"
#include "services/process_data/subscription.h"

namespace fieldgate::process_data {

// The last values of the points of a subscription, from its batches; at first
// none, with state 0. Pure. Thread-compatible.
class ValueTable {
 public:
  explicit ValueTable(size_t points) : cells_(points) {}

  // Takes over what is new. A value that was written again as it was is no
  // change.
  void Apply(const Batch& batch);

  // Since the last ClearChanges.
  bool changed(size_t point) const { return cells_[point].changed; }
  bool any_changed() const { return !changed_.empty(); }
  void ClearChanges();

  // The values of these points, in this order.
  RecordValues Gather(const std::vector<size_t>& points) const;

 private:
  struct Cell {
    uint64_t bits = 0;
    ValueKind kind = ValueKind::kNone;
    uint8_t state = 0;
    bool changed = false;
    std::string text;
  };
  std::vector<Cell> cells_;
  std::vector<size_t> changed_;  // those whose flag is set
};

}  // namespace fieldgate::process_data
