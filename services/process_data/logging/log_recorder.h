#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/time/clock.h"
#include "common/value/value.h"
#include "proto/config_store.pb.h"
#include "services/process_data/logging/log_bounds.h"
#include "services/process_data/logging/log_store.h"
#include "services/process_data/logging/record_schedule.h"
#include "services/process_data/logging/value_table.h"
#include "services/process_data/process_image.h"
#include "services/process_data/subscription.h"

namespace fieldgate::process_data {

struct LogDefinition {
  std::string name;
  absl::Duration cycle = absl::ZeroDuration();  // zero: not cyclic
  bool on_change = false;
  LogBounds bounds;
  std::shared_ptr<const LogLayout> layout;
};

// A gps point has a column for each of its paths, both with its name.
LogDefinition DefinitionOf(const config_store::v1::Log& log);

// Records logs: takes the values from the image when they are due, and puts all
// that is due at once into the store with one commit. What could not be stored
// is tried again every second, from a buffer of a megabyte whose oldest records
// give way; they count as dropped.
//
// For one thread, but for what is said to be for any; it blocks on the store.
class LogRecorder {
 public:
  // Has values of the device kept fresh for as long as the result lives; may
  // be nullptr.
  using KeepFresh = std::function<std::shared_ptr<void>(const std::vector<std::string>& paths)>;

  LogRecorder(ProcessImage& image, LogStore& store, const Clock& clock, KeepFresh keep_fresh);
  ~LogRecorder();

  // The logs to be recorded from now on. Those that did not change go on
  // undisturbed. Another `factory_epoch` than before forgets all records.
  void Configure(std::vector<LogDefinition> logs, int64_t factory_epoch);

  // Records and stores what is due, and each of `requests`, names of logs.
  // Returns their ids, in order:
  // kNotFound:    there is no such log; the message names those that there are.
  // kUnavailable: it could not be stored; or no configuration has come yet.
  std::vector<absl::StatusOr<int64_t>> Run(const std::vector<std::string>& requests);

  // Stores what waits to be stored. For the end.
  void Flush();

  // When something is due next.
  MonotonicTime Next() const;
  // Returns when something is due, when a value has changed that is recorded on
  // change, and after Interrupt.
  void Wait();
  // By any thread.
  void Interrupt();

  // False: what is stored is to be forgotten and must not be shown. By any
  // thread.
  bool readable() const { return readable_; }

  // Why the last record of a log could not be stored, by log.
  std::map<std::string, std::string> Errors() const;

 private:
  // Points with a table of their last values.
  struct Group {
    std::unique_ptr<Subscription> subscription;
    ValueTable table{0};

    void Take();  // what is new
  };
  struct Log {
    LogDefinition definition;
    std::vector<size_t> points;  // in the table of its group
    RecordValues last;           // recorded
    std::string error;
  };

  Group& GroupOf(const Log& log) { return log.definition.on_change ? watched_ : others_; }
  void Follow(bool watched);
  void Prepare();
  NewRecord Make(Log& log);
  void MakeDue(MonotonicTime now);
  void MakeChanged(MonotonicTime now);
  void AddPending(NewRecord record, MonotonicTime now);
  bool MustCommit(MonotonicTime now) const;
  absl::StatusOr<std::vector<int64_t>> Commit(std::vector<NewRecord> requested);
  void NoteError(Log& log, const std::string& error);
  void Evict(MonotonicTime now);
  void LookAtDisk(MonotonicTime now);
  void KeepFromGrowing(std::vector<LogStore::Definition>& definitions) const;
  void Show();  // in the image

  ProcessImage& image_;
  LogStore& store_;
  const Clock& clock_;
  const KeepFresh keep_fresh_;

  bool configured_ = false;
  int64_t epoch_ = 0;
  std::vector<Log> logs_;
  bool prepared_ = true;  // the store knows logs and epoch
  absl::Status prepare_error_;
  std::atomic<bool> readable_ = true;
  RecordSchedule schedule_;
  std::shared_ptr<void> fresh_;
  Group watched_;  // of logs that record on change
  Group others_;
  Batch batch_;

  std::vector<NewRecord> pending_;
  size_t pending_bytes_ = 0;
  MonotonicTime pending_since_;
  bool pending_cyclic_ = false;
  std::map<std::string, uint64_t> lost_;
  MonotonicTime retry_at_;  // not before, after a failure
  MonotonicTime evict_at_;
  std::string evict_error_;
  bool disk_low_ = false;
  MonotonicTime look_at_disk_at_;

  bool show_ = false;  // something is to be shown anew
  std::vector<std::pair<std::string, Value>> shown_;

  std::mutex wake_mutex_;  // guards the pointer to the subscription waited on
  std::atomic<bool> interrupted_ = false;
};

}  // namespace fieldgate::process_data
