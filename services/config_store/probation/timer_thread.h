#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "common/time/clock.h"

namespace fieldgate::config_store {

// A thread that does what is due and sleeps until something is due again.
class TimerThread {
 public:
  // `settle` does what is due now and returns when it is to be called again; it
  // is called at once, after that time (on the monotonic clock), and after each
  // Wake.
  explicit TimerThread(std::function<MonotonicTime()> settle);
  // Returns once the `settle` under way has.
  ~TimerThread();

  // Thread-safe, never blocks; `settle` may hold locks that the caller holds.
  void Wake();

 private:
  void Run();

  const std::function<MonotonicTime()> settle_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses everything else
};

}  // namespace fieldgate::config_store
