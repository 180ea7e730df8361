#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "common/time/clock.h"

namespace fieldgate {

// What threads wait on until another one has news: std::condition_variable,
// but for where it comes from. It must not outlive its Threads.
class ConditionVariable {
 public:
  virtual ~ConditionVariable() = default;

  virtual void NotifyOne() = 0;
  virtual void NotifyAll() = 0;
  // Until notified, or until `deadline` on the clock of its Threads, or for no
  // reason. `lock` is held on entry and return, and released in between. False:
  // the deadline has passed.
  virtual bool WaitUntil(std::unique_lock<std::mutex>& lock, MonotonicTime deadline) = 0;

  template <typename Predicate>
  void Await(std::unique_lock<std::mutex>& lock, Predicate predicate) {
    while (!predicate()) WaitUntil(lock, MonotonicTime::Never());
  }
  // What the predicate is at the end.
  template <typename Predicate>
  bool AwaitUntil(std::unique_lock<std::mutex>& lock, MonotonicTime deadline, Predicate predicate) {
    while (!predicate()) {
      if (!WaitUntil(lock, deadline)) return predicate();
    }
    return true;
  }
};

// A thread that runs.
class Thread {
 public:
  virtual ~Thread() = default;  // joins
  // Returns once it has ended. One caller at a time.
  virtual void Join() = 0;
};

// Threads, and the time that they wait in, so that a test can run them one at a
// time, in an order of its choice, in simulated time. What waits in another way
// (a socket, a disk) does so in its adapter. A mutex is not held while waiting,
// but for the one given to WaitUntil. Thread-safe.
class Threads {
 public:
  virtual ~Threads() = default;
  virtual const Clock& clock() const = 0;
  virtual std::unique_ptr<ConditionVariable> MakeConditionVariable() = 0;
  virtual std::unique_ptr<Thread> Start(std::function<void()> body) = 0;
};

// The machine's, with RealClock. Never destroyed.
Threads& RealThreads();

}  // namespace fieldgate
