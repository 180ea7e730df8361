#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/value/value.h"
#include "proto/process_data.pb.h"

// Logs of process_data for tests, in few words.
namespace fieldgate::cloud_link {

// A log as process_data keeps it: records of the paths given last.
class TestLog {
 public:
  explicit TestLog(std::vector<std::string> paths) { SetPaths(std::move(paths)); }

  // The following records have these paths.
  void SetPaths(std::vector<std::string> paths);
  // A record of all paths with state 1; its id.
  int64_t Record(int64_t recorded_at_us, const std::vector<Value>& values);
  // The bounds take the oldest records up to this one.
  void DropUntil(int64_t id);
  // It begins anew, as after the loss of its file.
  void Reset();

  // As ProcessData.ReadLog, with oldest and newest first, `after_id`, the times
  // and `count`.
  process_data::v1::ReadLogResponse Read(const process_data::v1::ReadLogRequest& request) const;
  process_data::v1::ListLogsResponse::Log Extent() const;

 private:
  std::vector<std::vector<std::string>> layouts_;
  std::vector<process_data::v1::ReadLogResponse::Record> records_;
  int64_t last_id_ = 0;
  int64_t dropped_ = 0;
};

}  // namespace fieldgate::cloud_link
