#include "services/cloud_link/loop.h"

#include <utility>

#include "absl/time/time.h"

namespace fieldgate::cloud_link {
namespace {

// The same clock and start as MonotonicTime.
std::chrono::steady_clock::time_point ToSteady(MonotonicTime t) {
  return std::chrono::steady_clock::time_point(absl::ToChronoNanoseconds(t.since_start));
}

}  // namespace

void Loop::Post(Task task) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) wake_.notify_one();
}

void Loop::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  wake_.notify_one();
}

void Loop::Run(const std::function<MonotonicTime()>& settle) {
  std::vector<Task> batch;
  for (;;) {
    const MonotonicTime wake_at = settle();
    {
      std::unique_lock lock(mutex_);
      const auto ready = [this] { return !tasks_.empty() || stopped_; };
      if (wake_at == MonotonicTime::Never()) {
        wake_.wait(lock, ready);
      } else {
        wake_.wait_until(lock, ToSteady(wake_at), ready);
      }
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

Worker::Worker(size_t capacity) : capacity_(capacity), thread_([this] { Run(); }) {}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    tasks_.clear();
    wake_.notify_one();
  }
  thread_.join();
}

bool Worker::Post(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || tasks_.size() >= capacity_) return false;
  tasks_.push_back(std::move(task));
  wake_.notify_one();
  return true;
}

void Worker::Run() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !tasks_.empty() || stopped_; });
      if (stopped_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace fieldgate::cloud_link
