#include "services/cloud_link/loop.h"

#include <utility>

namespace fieldgate::cloud_link {

Loop::Loop(Threads& threads) : wake_(threads.MakeConditionVariable()) {}

void Loop::Post(Task task) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) wake_->NotifyOne();
}

void Loop::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  wake_->NotifyOne();
}

void Loop::Run(const std::function<MonotonicTime()>& settle) {
  std::vector<Task> batch;
  for (;;) {
    const MonotonicTime wake_at = settle();
    {
      std::unique_lock lock(mutex_);
      wake_->AwaitUntil(lock, wake_at, [this] { return !tasks_.empty() || stopped_; });
      if (stopped_) {
        tasks_.clear();
        return;
      }
      batch.swap(tasks_);
    }
    for (Task& task : batch) task();
    batch.clear();
  }
}

Worker::Worker(size_t capacity, Threads& threads)
    : capacity_(capacity),
      wake_(threads.MakeConditionVariable()),
      thread_(threads.Start([this] { Run(); })) {}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    tasks_.clear();
    wake_->NotifyOne();
  }
  thread_->Join();
}

bool Worker::Post(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || tasks_.size() >= capacity_) return false;
  tasks_.push_back(std::move(task));
  wake_->NotifyOne();
  return true;
}

void Worker::Run() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      wake_->Await(lock, [this] { return !tasks_.empty() || stopped_; });
      if (stopped_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace fieldgate::cloud_link
