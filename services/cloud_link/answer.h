#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "common/time/threads.h"

namespace fieldgate::cloud_link {

// What one thread gives to another one that waits for it. Thread-safe; must not
// outlive its Threads.
template <typename T>
class Answer {
 public:
  explicit Answer(Threads& threads) : given_(threads.MakeConditionVariable()) {}

  // The first one counts.
  void Give(T value) {
    const std::lock_guard lock(mutex_);
    if (!value_.has_value()) value_.emplace(std::move(value));
    given_->NotifyAll();
  }
  // Nothing when `deadline` has passed.
  std::optional<T> Await(MonotonicTime deadline) {
    std::unique_lock lock(mutex_);
    given_->AwaitUntil(lock, deadline, [this] { return value_.has_value(); });
    return value_;
  }

 private:
  const std::unique_ptr<ConditionVariable> given_;
  std::mutex mutex_;
  std::optional<T> value_;
};

}  // namespace fieldgate::cloud_link
