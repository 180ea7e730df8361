#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
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
  // It begins anew, with ids above `last_id`, as after the loss of its file.
  void Reset(int64_t last_id = 0);
  // This record can't be read any more.
  void Damage(int64_t id) { damaged_.insert(id); }

  // As ProcessData.ReadLog. kDataLoss: a damaged record is among those that would
  // be given.
  absl::StatusOr<process_data::v1::ReadLogResponse> Read(
      const process_data::v1::ReadLogRequest& request) const;
  process_data::v1::ListLogsResponse::Log Extent() const;

 private:
  std::vector<std::vector<std::string>> layouts_;
  std::vector<process_data::v1::ReadLogResponse::Record> records_;
  std::set<int64_t> damaged_;
  int64_t last_id_ = 0;
  int64_t dropped_ = 0;
};

}  // namespace fieldgate::cloud_link
