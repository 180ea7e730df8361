#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "services/process_data/logging/log_store.h"

namespace fieldgate::process_data {

// A store in memory that behaves like the one on disk, but for the bounds of
// its removed logs and those of an answer.
class FakeLogStore : public LogStore {
 public:
  // From now on every call that would touch the disk fails with `status`; OK
  // heals it.
  void FailWith(absl::Status status);
  // What FreeBytes says.
  void SetFreeBytes(int64_t bytes);
  // Successful ones of Append.
  int commits() const;

  absl::Status Configure(const std::vector<Definition>& logs) override;
  absl::StatusOr<bool> AdoptEpoch(int64_t epoch) override;
  absl::StatusOr<std::vector<int64_t>> Append(const std::vector<NewRecord>& records,
                                              const std::map<std::string, uint64_t>& lost) override;
  absl::StatusOr<bool> Evict(Now now) override;
  absl::StatusOr<LogRecords> Read(const std::string& log, const LogQuery& query) override;
  absl::StatusOr<int64_t> FreeBytes() override;
  std::vector<StoredLog> Logs() const override;

 private:
  struct Log {
    bool configured = false;
    LogBounds bounds;
    int64_t last_id = 0;
    uint64_t dropped = 0;
    std::deque<NewRecord> records;  // the last one has last_id

    int64_t bytes() const;
  };

  mutable std::mutex mutex_;
  absl::Status failure_;
  int commits_ = 0;
  int64_t free_bytes_ = INT64_MAX;
  std::optional<int64_t> epoch_;
  std::vector<std::string> order_;
  std::map<std::string, Log> logs_;
};

}  // namespace fieldgate::process_data
