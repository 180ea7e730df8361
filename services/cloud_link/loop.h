#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/time/clock.h"

namespace fieldgate::cloud_link {

// The one thread that owns connectors and outboxes. Other threads only post.
class Loop {
 public:
  using Task = std::function<void()>;

  // Runs `task` on the loop's thread, in the order of posting. Never blocks.
  // After Stop, tasks are dropped.
  void Post(Task task) ABSL_LOCKS_EXCLUDED(mutex_);
  // Makes Run return after the tasks under way. Thread-safe.
  void Stop() ABSL_LOCKS_EXCLUDED(mutex_);

  // Until Stop: runs all posted tasks, then `settle`, which does what has
  // become due and returns when it wants to be called again at the latest.
  void Run(const std::function<MonotonicTime()>& settle) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::Mutex mutex_;
  absl::CondVar wake_;
  std::vector<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

// A thread that runs tasks one after the other, for calls that block: commands,
// and short calls of other services.
class Worker {
 public:
  // At most `capacity` tasks wait.
  explicit Worker(size_t capacity);
  // Drops what waits, and joins the task under way.
  ~Worker();

  // False when `capacity` tasks wait already; the task was not taken.
  bool Post(std::function<void()> task) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Thread;
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  const size_t capacity_;
  absl::Mutex mutex_;
  absl::CondVar wake_;
  std::vector<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Thread> thread_;
};

}  // namespace fieldgate::cloud_link
