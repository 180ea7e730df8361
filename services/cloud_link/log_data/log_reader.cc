#include "services/cloud_link/log_data/log_reader.h"

#include <utility>

namespace fieldgate::cloud_link {

absl::StatusOr<LogAnswer> ReadRecords(ProcessPort& process,
                                      const process_data::v1::ReadLogRequest& request) {
  absl::StatusOr<process_data::v1::ReadLogResponse> read = process.ReadLog(request);
  if (!read.ok()) return read.status();
  LogAnswer answer{*std::move(read), std::nullopt};
  if (!answer.read.records().empty()) return answer;
  absl::StatusOr<process_data::v1::ListLogsResponse> logs = process.ListLogs();
  if (!logs.ok()) return logs.status();
  for (const auto& log : logs->logs()) {
    if (log.name() == request.log()) answer.extent = log;
  }
  return answer;
}

}  // namespace fieldgate::cloud_link
