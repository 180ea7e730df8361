#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "absl/time/time.h"
#include "common/time/threads.h"

namespace fieldgate::cloud_link {

// Runs commands one after the other, in the order of posting, on a thread of
// its own (manual 3: some take hours). Those that only read don't wait for a
// long one: once a command has run for `patience`, what only reads and waits
// behind it is run on a second thread, in order. So a read sees what was
// written before it, unless that takes long. Thread-safe.
class CommandQueue {
 public:
  using Task = std::function<void()>;

  // At most `capacity` tasks wait.
  CommandQueue(size_t capacity, Threads& threads, absl::Duration patience = absl::Seconds(1));
  // Drops what waits, and joins the tasks under way.
  ~CommandQueue();

  // False when `capacity` tasks wait already; the task was not taken.
  bool Post(bool reads_only, Task task);

 private:
  struct Waiting {
    bool reads_only;
    Task task;
  };

  void RunAll();
  void RunReads();
  bool HasRead() const;

  const size_t capacity_;
  const absl::Duration patience_;
  const Clock& clock_;
  const std::unique_ptr<ConditionVariable> changed_;
  std::mutex mutex_;  // guards all below
  std::deque<Waiting> waiting_;
  bool busy_ = false;  // the first thread runs a task
  MonotonicTime busy_since_;
  bool stopped_ = false;
  std::unique_ptr<Thread> all_;
  std::unique_ptr<Thread> reads_;
};

}  // namespace fieldgate::cloud_link
