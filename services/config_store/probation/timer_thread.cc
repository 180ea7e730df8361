#include "services/config_store/probation/timer_thread.h"

#include <utility>

namespace fieldgate::config_store {

TimerThread::TimerThread(std::function<MonotonicTime()> settle, Threads& threads)
    : settle_(std::move(settle)),
      changed_(threads.MakeConditionVariable()),
      thread_(threads.Start([this] { Run(); })) {}

TimerThread::~TimerThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_->NotifyAll();
  }
  thread_->Join();
}

void TimerThread::Wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_->NotifyAll();
}

void TimerThread::Run() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      woken_ = false;
    }
    const MonotonicTime next = settle_();
    std::unique_lock lock(mutex_);
    changed_->AwaitUntil(lock, next, [this] { return woken_ || stopping_; });
  }
}

}  // namespace fieldgate::config_store
