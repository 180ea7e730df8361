#pragma once

#include "absl/status/statusor.h"
#include "proto/process_data.pb.h"
#include "services/cloud_link/command/ports.h"
#include "services/cloud_link/log_data/log_records.h"

namespace fieldgate::cloud_link {

// Asks process_data for records, oldest first, and when there is none right after
// `request.after_id` for what is stored of the log at all. With a damaged record
// among them it gives the first one alone, or says that it is the damaged one.
// Blocks as its calls do; never call it on the loop. Errors as ReadLog and
// ListLogs.
absl::StatusOr<LogAnswer> ReadRecords(ProcessPort& process,
                                      const process_data::v1::ReadLogRequest& request);

}  // namespace fieldgate::cloud_link
