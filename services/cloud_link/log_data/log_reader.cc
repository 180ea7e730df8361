#include "services/cloud_link/log_data/log_reader.h"

#include <utility>

namespace fieldgate::cloud_link {

absl::StatusOr<LogAnswer> ReadRecords(ProcessPort& process,
                                      const process_data::v1::ReadLogRequest& request) {
  LogAnswer answer;
  absl::StatusOr<process_data::v1::ReadLogResponse> read = process.ReadLog(request);
  if (absl::IsDataLoss(read.status())) {
    process_data::v1::ReadLogRequest first = request;
    first.set_count(1);
    read = process.ReadLog(first);
    answer.damaged = absl::IsDataLoss(read.status());
  }
  if (read.ok()) {
    answer.read = *std::move(read);
  } else if (!answer.damaged) {
    return read.status();
  }
  const auto& records = answer.read.records();
  if (!records.empty() && records[0].id() == request.after_id() + 1) return answer;
  absl::StatusOr<process_data::v1::ListLogsResponse> logs = process.ListLogs();
  if (!logs.ok()) return logs.status();
  for (const auto& log : logs->logs()) {
    if (log.name() == request.log()) answer.extent = log;
  }
  return answer;
}

}  // namespace fieldgate::cloud_link
