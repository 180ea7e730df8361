#include "services/cloud_link/mqtt/client_thread.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace fieldgate::cloud_link {

struct ClientThread::Queue {
  std::mutex mutex;  // guards what follows
  std::condition_variable wake;
  std::deque<Task> tasks;              // an empty one: end
  std::shared_ptr<const Watch> watch;  // nullptr: none
};

ClientThread::ClientThread() : queue_(std::make_shared<Queue>()) {
  std::thread([queue = queue_] { Run(*queue); }).detach();
}

ClientThread::~ClientThread() { Post(nullptr); }

void ClientThread::Post(Task task) {
  const std::lock_guard lock(queue_->mutex);
  queue_->tasks.push_back(std::move(task));
  queue_->wake.notify_one();
}

void ClientThread::SetWatch(Watch watch) {
  const std::lock_guard lock(queue_->mutex);
  queue_->watch = watch ? std::make_shared<const Watch>(std::move(watch)) : nullptr;
  queue_->wake.notify_one();  // from now on with a period, or without
}

void ClientThread::Run(Queue& queue) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point ask_at = Clock::now();
  for (;;) {
    std::unique_lock lock(queue.mutex);
    while (queue.tasks.empty()) {
      if (queue.watch == nullptr) {
        queue.wake.wait(lock);
      } else if (Clock::now() < ask_at) {
        queue.wake.wait_until(lock, ask_at);
      } else {
        const std::shared_ptr<const Watch> watch = queue.watch;
        lock.unlock();
        const bool go_on = (*watch)();
        ask_at = Clock::now() + absl::ToChronoMilliseconds(kWatchEvery);
        lock.lock();
        if (!go_on && queue.watch == watch) queue.watch = nullptr;
      }
    }
    const Task task = std::move(queue.tasks.front());
    queue.tasks.pop_front();
    lock.unlock();
    if (!task) return;
    task();
  }
}

}  // namespace fieldgate::cloud_link
