#include "services/process_data/logging/value_table.h"

namespace fieldgate::process_data {

void ValueTable::Apply(const Batch& batch) {
  size_t value = 0;
  for (const Batch::Run& run : batch.runs) {
    for (uint32_t i = 0; i < run.count; ++i, ++value) {
      Cell& cell = cells_[run.first + i];
      const auto kind = static_cast<ValueKind>(batch.kinds[value]);
      const auto state = static_cast<uint8_t>(batch.states[value]);
      const bool is_text = kind == ValueKind::kText;
      const uint64_t bits = is_text ? 0 : batch.bits[value];
      const bool same_text = !is_text || cell.text == batch.texts[batch.bits[value]];
      if (cell.kind == kind && cell.state == state && cell.bits == bits && same_text) continue;
      cell.kind = kind;
      cell.state = state;
      cell.bits = bits;
      if (is_text) cell.text = batch.texts[batch.bits[value]];
      if (cell.changed) continue;
      cell.changed = true;
      changed_.push_back(run.first + i);
    }
  }
}

void ValueTable::ClearChanges() {
  for (const size_t point : changed_) cells_[point].changed = false;
  changed_.clear();
}

RecordValues ValueTable::Gather(const std::vector<size_t>& points) const {
  RecordValues values;
  values.kinds.reserve(points.size());
  values.states.reserve(points.size());
  values.bits.reserve(points.size());
  for (const size_t point : points) {
    const Cell& cell = cells_[point];
    values.kinds.push_back(static_cast<char>(cell.kind));
    values.states.push_back(static_cast<char>(cell.state));
    if (cell.kind == ValueKind::kText) {
      values.bits.push_back(values.texts.size());
      values.texts.push_back(cell.text);
    } else {
      values.bits.push_back(cell.bits);
    }
  }
  return values;
}

}  // namespace fieldgate::process_data
