#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/process_data.pb.h"

namespace fieldgate::commands {

struct ValueRow {
  std::string path;
  std::string value;
  // 1 valid, 0 invalid, 2 no bus point; -1: nothing came yet.
  int state = -1;
  absl::Time sampled_at = absl::InfinitePast();
};

// The latest values of a subscription. Thread-compatible.
class ValueTable {
 public:
  // Takes a batch in. Returns the rows whose value or state differs from
  // before, in the batch's order.
  // kInternal: the batch contradicts itself or the dictionary; nothing of its
  // values was taken in.
  absl::StatusOr<std::vector<ValueRow>> Apply(const process_data::v1::ValueBatch& batch);

  // In the dictionary's order. They outlive a lost subscription.
  const std::vector<ValueRow>& rows() const { return rows_; }

 private:
  std::vector<ValueRow> rows_;
};

// "2024-05-01T12:00:00.250Z /Process/PV/Level 23.5 valid"
std::string ChangeLine(const ValueRow& row);

struct ScreenSize {
  int lines = 24;
  int columns = 80;
};

// The table for a screen: `title`, a head and as many rows as fit; the last
// line then says how many don't.
std::vector<std::string> TableLines(const std::vector<ValueRow>& rows, const std::string& title,
                                    absl::Time now, ScreenSize size);

}  // namespace fieldgate::commands
