#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "common/value/value.h"
#include "proto/process_data.pb.h"

// Reading of process_data's columns.
namespace fieldgate {

// kInternal: a run lies outside of a dictionary of `points` points, or the
// columns have not one entry a value.
absl::Status CheckColumns(const process_data::v1::ValueBatch& batch, size_t points);

// The i-th value of a batch whose columns were checked; none if its kind is
// unknown.
Value ValueAt(const process_data::v1::ValueBatch& batch, int i);
// The same of a record of a log, whose columns are as long as its layout.
Value ValueAt(const process_data::v1::ReadLogResponse::Record& record, int i);

}  // namespace fieldgate
