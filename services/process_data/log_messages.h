#pragma once

#include "absl/status/statusor.h"
#include "proto/process_data.pb.h"
#include "services/process_data/logging/data_logs.h"

// The messages of RecordLog, ReadLog and ListLogs (proto ProcessData).
namespace fieldgate::process_data {

// kInvalidArgument: a count that is not from 0 to 1,000.
absl::StatusOr<LogQuery> ToQuery(const v1::ReadLogRequest& request);

// Moves what can be moved.
void ToProto(LogRecords& records, v1::ReadLogResponse& message);
void ToProto(const DataLogs::Listed& listed, v1::ListLogsResponse::Log& message);

}  // namespace fieldgate::process_data
