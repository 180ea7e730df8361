#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "common/time/threads.h"

namespace fieldgate::config_store {

// A thread that does what is due and sleeps until something is due again.
class TimerThread {
 public:
  // `settle` does what is due now and returns when it is to be called again; it
  // is called at once, after that time, and after each
  // Wake.
  TimerThread(std::function<MonotonicTime()> settle, Threads& threads);
  // Returns once the `settle` under way has.
  ~TimerThread();

  // Thread-safe, never blocks; `settle` may hold locks that the caller holds.
  void Wake();

 private:
  void Run();

  const std::function<MonotonicTime()> settle_;
  const std::unique_ptr<ConditionVariable> changed_;
  std::mutex mutex_;  // guards what follows
  bool woken_ = false;
  bool stopping_ = false;
  std::unique_ptr<Thread> thread_;  // last: it uses everything else
};

}  // namespace fieldgate::config_store
