#pragma once

#include "absl/status/statusor.h"
#include "proto/process_data.pb.h"
#include "services/cloud_link/command/ports.h"
#include "services/cloud_link/log_data/log_records.h"

namespace fieldgate::cloud_link {

// Asks process_data for records, and when there are none for what is stored of
// the log at all. Blocks as its calls do; never call it on the loop. Errors as
// ReadLog and ListLogs.
absl::StatusOr<LogAnswer> ReadRecords(ProcessPort& process,
                                      const process_data::v1::ReadLogRequest& request);

}  // namespace fieldgate::cloud_link
