#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace fieldgate::cloud_link {

// Lets another thread's transaction on the outbox file come between those of the
// loop, which follow each other without a pause while a backlog is sent: SQLite
// has no queue for its lock, and only looks again now and then. Thread-safe.
class Turnstile {
 public:
  // Held by the other thread during its transaction.
  class Passage {
   public:
    explicit Passage(Turnstile& turnstile) : turnstile_(turnstile) {
      const std::lock_guard lock(turnstile_.mutex_);
      ++turnstile_.waiting_;
    }
    ~Passage() {
      const std::lock_guard lock(turnstile_.mutex_);
      --turnstile_.waiting_;
      turnstile_.passed_.notify_all();
    }
    Passage(const Passage&) = delete;
    Passage& operator=(const Passage&) = delete;

   private:
    Turnstile& turnstile_;
  };

  // SQLite looks again within 25 ms at first.
  static constexpr std::chrono::milliseconds kAtMost{100};

  // The loop, before a transaction: waits until nobody else is at it. Not for
  // ever, since the other one may wait for something that the loop has to do.
  void LetPass(std::chrono::milliseconds at_most = kAtMost) {
    std::unique_lock lock(mutex_);
    passed_.wait_for(lock, at_most, [this] { return waiting_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable passed_;
  int waiting_ = 0;
};

}  // namespace fieldgate::cloud_link
