#include "services/config_store/probation/timer_thread.h"

#include <chrono>
#include <utility>

#include "absl/time/time.h"

namespace fieldgate::config_store {

TimerThread::TimerThread(std::function<MonotonicTime()> settle)
    : settle_(std::move(settle)), thread_([this] { Run(); }) {}

TimerThread::~TimerThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void TimerThread::Wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

void TimerThread::Run() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      woken_ = false;
    }
    const MonotonicTime next = settle_();
    const auto ready = [this] { return woken_ || stopping_; };
    std::unique_lock lock(mutex_);
    if (next == MonotonicTime::Never()) {
      changed_.wait(lock, ready);
    } else {
      // steady_clock is CLOCK_MONOTONIC, as is MonotonicTime.
      changed_.wait_until(
          lock, std::chrono::steady_clock::time_point(absl::ToChronoNanoseconds(next.since_start)),
          ready);
    }
  }
}

}  // namespace fieldgate::config_store
