#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/time/threads.h"
#include "tests/simulation/fiber.h"
#include "tests/simulation/random.h"

namespace fieldgate::simulation {

class Process;

// Time, what happens in it, and the threads of all simulated processes, as
// fibers: one runs at a time, and where several could, the seed says which.
// Thread-compatible.
class Scheduler {
 public:
  explicit Scheduler(uint64_t seed);
  ~Scheduler();

  MonotonicTime now() const { return now_; }
  absl::Time wall() const { return now_.since_start + wall_offset_; }
  // A jump of the wall clock.
  void ShiftWall(absl::Duration by) { wall_offset_ += by; }

  // `event` happens then, outside of every process.
  void At(MonotonicTime time, std::function<void()> event);
  void After(absl::Duration delay, std::function<void()> event) {
    At(now_ + delay, std::move(event));
  }

  // All that happens until `end`; `check` is called after each step, false ends
  // it.
  void RunUntil(MonotonicTime end, const std::function<bool()>& check);

  uint64_t steps() const { return steps_; }
  // In the present second: a loop that doesn't rest shows here.
  uint64_t steps_this_second() const { return steps_ - steps_before_; }

  // A number that follows from all that has happened.
  uint64_t hash() const { return hash_; }
  void Mix(uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3u; }
  void Mix(absl::string_view text);

 private:
  friend class Process;
  friend class SimulatedCondition;
  friend class SimulatedThread;

  struct Task;  // a fiber
  // What is to be done at a time: an event, or the wake of a task.
  struct Due {
    MonotonicTime time;
    uint64_t number;
    std::function<void()> event;
    std::shared_ptr<Task> task;
    uint64_t wait = 0;  // of the task; others are stale
  };
  struct Later {
    bool operator()(const Due& a, const Due& b) const {
      if (a.time == b.time) return a.number > b.number;
      return a.time > b.time;
    }
  };

  void MakeReady(const std::shared_ptr<Task>& task);
  void Resume(const std::shared_ptr<Task>& task);
  // Takes one of `ready`.
  std::shared_ptr<Task> Choose(std::vector<std::shared_ptr<Task>>& ready);

  Random random_;
  MonotonicTime now_{absl::Seconds(1000)};
  absl::Time wall_offset_ = absl::FromUnixSeconds(1'790'000'000);
  std::priority_queue<Due, std::vector<Due>, Later> due_;
  uint64_t last_number_ = 0;  // of events, waits and tasks
  std::vector<std::shared_ptr<Task>> ready_;
  std::shared_ptr<Task> running_;
  uint64_t steps_ = 0;
  uint64_t steps_before_ = 0;
  int64_t second_ = 0;
  uint64_t hash_ = 0xcbf29ce484222325u;
  StackPool stacks_;
};

// One process: its threads, its clock. It may die at any moment: then its
// objects are taken apart in a time of their own, while nothing else happens and
// nothing they do has an effect (`alive` is false: who acts for it looks there).
class Process : public Threads {
 public:
  Process(Scheduler& scheduler, std::string name);
  ~Process() override;

  const std::string& name() const { return name_; }
  bool alive() const { return alive_; }

  // Threads
  const Clock& clock() const override { return clock_; }
  std::unique_ptr<ConditionVariable> MakeConditionVariable() override;
  std::unique_ptr<Thread> Start(std::function<void()> body) override;

  // A thread that nobody joins. `take_apart` below waits for it.
  void Detach(std::function<void()> body);
  // Of the thread that runs.
  void Sleep(absl::Duration duration);
  // Waits until no detached thread is left.
  void JoinDetached();

  // The end, from outside of all processes: `take_apart` runs as a thread of this
  // process, with all others, until it has ended and they have. False: they never
  // do.
  bool Die(std::function<void()> take_apart);

 private:
  friend class Scheduler;
  friend class SimulatedCondition;
  friend class SimulatedThread;

  class ProcessClock : public Clock {
   public:
    explicit ProcessClock(const Process& process) : process_(process) {}
    absl::Time WallNow() const override;
    MonotonicTime Now() const override;

   private:
    const Process& process_;
  };

  std::shared_ptr<Scheduler::Task> StartTask(std::function<void()> body);
  // Until the time, or until it is made ready.
  void WaitUntil(MonotonicTime time);

  Scheduler& scheduler_;
  const std::string name_;
  ProcessClock clock_{*this};
  bool alive_ = true;
  int tasks_ = 0;  // not ended
  int detached_ = 0;
  // While it is taken apart.
  bool dying_ = false;
  absl::Duration ahead_ = absl::ZeroDuration();
  std::vector<std::shared_ptr<Scheduler::Task>> ready_;
  std::vector<Scheduler::Due> waiting_;
  std::map<uint64_t, std::weak_ptr<Scheduler::Task>> all_;  // by number
};

}  // namespace fieldgate::simulation
