#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/time/threads.h"
#include "proto/config_store.pb.h"
#include "services/process_data/logging/log_recorder.h"
#include "services/process_data/logging/log_store.h"
#include "services/process_data/process_image.h"

namespace fieldgate::process_data {

// Data logging (manual 1, "Log data"): records values on a thread of its own,
// which alone waits for the disk when it records; no bus and no reader of the
// image ever does. Thread-safe.
class DataLogs {
 public:
  // Before the first configuration nothing is recorded, and what is stored can
  // be read.
  DataLogs(ProcessImage& image, std::unique_ptr<LogStore> store, Threads& threads,
           LogRecorder::KeepFresh keep_fresh);
  // What has been recorded is stored.
  ~DataLogs();

  // Puts the logs and the epoch of `configuration` in force, soon; does not
  // wait.
  void Configure(const config_store::v1::Configuration& configuration);

  // Calls of Record that wait, at most: more than any list of events has.
  static constexpr size_t kMaxWaiting = 100;

  // Adds a record of the present values to a log. Durable when OK; returns its
  // id. Blocks until then, at most until `deadline`.
  // kNotFound:    no log has this name; the message names those that there are.
  // kUnavailable: the disk can't be written, no configuration has come yet,
  //               kMaxWaiting calls wait, or the deadline passed. Nothing is
  //               recorded, unless the deadline passed while it was.
  absl::StatusOr<int64_t> Record(const std::string& log, MonotonicTime deadline);

  // LogStore::Read. kUnavailable also while a factory reset is to be done.
  absl::StatusOr<LogRecords> Read(const std::string& log, const LogQuery& query);

  struct Listed {
    StoredLog stored;
    std::string error;  // why the last record could not be stored
  };
  // Does not wait for the disk.
  std::vector<Listed> List() const;

 private:
  struct Job {
    std::string log;
    bool done = false;
    absl::StatusOr<int64_t> result = int64_t{0};
  };
  struct Definitions {
    std::vector<LogDefinition> logs;
    int64_t epoch = 0;
  };

  void Run();

  const std::unique_ptr<LogStore> store_;
  LogRecorder recorder_;  // the thread's

  const std::unique_ptr<ConditionVariable> notice_;  // for those who wait for the thread
  mutable std::mutex mutex_;                         // guards all that follows
  bool stopping_ = false;
  bool configured_ = false;
  std::string configuration_;  // the last one given, to compare
  std::optional<Definitions> given_;
  std::deque<std::shared_ptr<Job>> jobs_;
  std::map<std::string, std::string> errors_;
  std::unique_ptr<Thread> thread_;  // last: it uses everything else
};

}  // namespace fieldgate::process_data
