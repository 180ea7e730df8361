#include "services/cloud_link/loop.h"

#include <thread>
#include <utility>

#include "absl/time/clock.h"

namespace fieldgate::cloud_link {

void Loop::Post(Task task) {
  absl::MutexLock lock(&mutex_);
  if (stopped_) return;
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) wake_.Signal();
}

void Loop::Stop() {
  absl::MutexLock lock(&mutex_);
  stopped_ = true;
  wake_.Signal();
}

void Loop::Run(const std::function<MonotonicTime()>& settle) {
  std::vector<Task> batch;
  MonotonicTime wake_at = settle();
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      while (tasks_.empty() && !stopped_) {
        const absl::Duration wait = wake_at - RealClock().Now();
        if (wait <= absl::ZeroDuration()) break;
        wake_.WaitWithTimeout(&mutex_, wait);
      }
      if (stopped_) {
        tasks_.clear();
        return;
      }
      batch.swap(tasks_);
    }
    for (Task& task : batch) task();
    batch.clear();
    wake_at = settle();
  }
}

struct Worker::Thread {
  std::thread thread;
};

Worker::Worker(size_t capacity) : capacity_(capacity), thread_(std::make_unique<Thread>()) {
  thread_->thread = std::thread([this] { Run(); });
}

Worker::~Worker() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    tasks_.clear();
    wake_.Signal();
  }
  thread_->thread.join();
}

bool Worker::Post(std::function<void()> task) {
  absl::MutexLock lock(&mutex_);
  if (stopped_ || tasks_.size() >= capacity_) return false;
  tasks_.push_back(std::move(task));
  wake_.Signal();
  return true;
}

void Worker::Run() {
  for (;;) {
    std::function<void()> task;
    {
      absl::MutexLock lock(&mutex_);
      while (tasks_.empty() && !stopped_) wake_.Wait(&mutex_);
      if (stopped_) return;
      task = std::move(tasks_.front());
      tasks_.erase(tasks_.begin());
    }
    task();
  }
}

}  // namespace fieldgate::cloud_link
