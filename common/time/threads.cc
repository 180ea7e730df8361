#include "common/time/threads.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <thread>
#include <utility>

#include "absl/time/time.h"

namespace fieldgate {
namespace {

// steady_clock is CLOCK_MONOTONIC, as is MonotonicTime.
std::chrono::steady_clock::time_point ToSteady(MonotonicTime time) {
  // Never becomes a time that no wait overflows on.
  const absl::Duration since = std::min(time.since_start, absl::Hours(24 * 365 * 100));
  return std::chrono::steady_clock::time_point(absl::ToChronoNanoseconds(since));
}

class RealConditionVariable : public ConditionVariable {
 public:
  void NotifyOne() override { condition_.notify_one(); }
  void NotifyAll() override { condition_.notify_all(); }

  bool WaitUntil(std::unique_lock<std::mutex>& lock, MonotonicTime deadline) override {
    return condition_.wait_until(lock, ToSteady(deadline)) == std::cv_status::no_timeout;
  }

 private:
  std::condition_variable condition_;
};

class RealThread : public Thread {
 public:
  explicit RealThread(std::function<void()> body) : thread_(std::move(body)) {}
  ~RealThread() override { Join(); }
  void Join() override {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
};

class MachineThreads : public Threads {
 public:
  const Clock& clock() const override { return RealClock(); }
  std::unique_ptr<ConditionVariable> MakeConditionVariable() override {
    return std::make_unique<RealConditionVariable>();
  }
  std::unique_ptr<Thread> Start(std::function<void()> body) override {
    return std::make_unique<RealThread>(std::move(body));
  }
};

}  // namespace

Threads& RealThreads() {
  static Threads& threads = *new MachineThreads;
  return threads;
}

}  // namespace fieldgate
