#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "common/time/clock.h"
#include "common/time/threads.h"

namespace fieldgate::cloud_link {

// The one thread that owns connectors and outboxes. Other threads only post.
class Loop {
 public:
  using Task = std::function<void()>;

  explicit Loop(Threads& threads);

  // Runs `task` on the loop's thread, in the order of posting. Never blocks.
  // After Stop, tasks are dropped.
  void Post(Task task);
  // Makes Run return after the tasks under way. Thread-safe.
  void Stop();

  // Until Stop: runs all posted tasks, then `settle`, which does what has
  // become due and returns when it wants to be called again at the latest.
  void Run(const std::function<MonotonicTime()>& settle);

 private:
  const std::unique_ptr<ConditionVariable> wake_;
  std::mutex mutex_;  // guards all below
  std::vector<Task> tasks_;
  bool stopped_ = false;
};

// A thread that runs tasks one after the other, for calls that block: commands,
// and short calls of other services.
class Worker {
 public:
  // At most `capacity` tasks wait.
  Worker(size_t capacity, Threads& threads);
  // Drops what waits, and joins the task under way.
  ~Worker();

  // False when `capacity` tasks wait already; the task was not taken.
  bool Post(std::function<void()> task);

 private:
  void Run();

  const size_t capacity_;
  const std::unique_ptr<ConditionVariable> wake_;
  std::mutex mutex_;  // guards tasks_ and stopped_
  std::deque<std::function<void()>> tasks_;
  bool stopped_ = false;
  std::unique_ptr<Thread> thread_;
};

}  // namespace fieldgate::cloud_link
