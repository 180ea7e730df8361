#include "services/cloud_link/command/command_queue.h"

#include <algorithm>
#include <utility>

namespace fieldgate::cloud_link {

CommandQueue::CommandQueue(size_t capacity, Threads& threads, absl::Duration patience)
    : capacity_(capacity),
      patience_(patience),
      clock_(threads.clock()),
      changed_(threads.MakeConditionVariable()),
      all_(threads.Start([this] { RunAll(); })),
      reads_(threads.Start([this] { RunReads(); })) {}

CommandQueue::~CommandQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    waiting_.clear();
    changed_->NotifyAll();
  }
  all_->Join();
  reads_->Join();
}

bool CommandQueue::Post(bool reads_only, Task task) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || waiting_.size() >= capacity_) return false;
  waiting_.push_back({reads_only, std::move(task)});
  changed_->NotifyAll();
  return true;
}

void CommandQueue::RunAll() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_->Await(lock, [this] { return !waiting_.empty() || stopped_; });
    if (stopped_) return;
    Task task = std::move(waiting_.front().task);
    waiting_.pop_front();
    busy_since_ = clock_.Now();
    busy_ = true;
    changed_->NotifyAll();
    lock.unlock();
    task();
    task = nullptr;  // what it holds, before the next one waits
    lock.lock();
    busy_ = false;
  }
}

void CommandQueue::RunReads() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_->Await(lock, [this] { return (busy_ && HasRead()) || stopped_; });
    if (stopped_) return;
    const MonotonicTime impatient_at = busy_since_ + patience_;
    if (clock_.Now() < impatient_at) {
      changed_->WaitUntil(lock, impatient_at);
      continue;  // another task may be under way by now
    }
    const auto read = std::find_if(waiting_.begin(), waiting_.end(),
                                   [](const Waiting& waiting) { return waiting.reads_only; });
    Task task = std::move(read->task);
    waiting_.erase(read);
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

bool CommandQueue::HasRead() const {
  return std::any_of(waiting_.begin(), waiting_.end(),
                     [](const Waiting& waiting) { return waiting.reads_only; });
}

}  // namespace fieldgate::cloud_link
