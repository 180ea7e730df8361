#include "tests/simulation/scheduler.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace fieldgate::simulation {

struct Scheduler::Task {
  Task(Process& process, uint64_t number, StackPool& stacks, std::function<void()> body)
      : process(process), number(number), fiber(stacks, std::move(body)) {}

  Process& process;
  const uint64_t number;
  Fiber fiber;
  bool ready = false;
  // Grows with each wait, and with what ends it.
  uint64_t wait = 0;
  MonotonicTime deadline = MonotonicTime::Never();  // of the present wait
  std::vector<std::shared_ptr<Task>> joining;
};

// Waits of fibers. A mutex is free again when its holder waits, so it is never
// waited for.
class SimulatedCondition : public ConditionVariable {
 public:
  explicit SimulatedCondition(Process& process) : process_(process) {}

  void NotifyOne() override {
    // Whose deadline has just come does not take it from one who waits.
    std::erase_if(waiting_, [](const auto& task) { return task->ready; });
    if (waiting_.empty()) return;
    process_.scheduler_.MakeReady(process_.scheduler_.Choose(waiting_));
  }
  void NotifyAll() override {
    for (const auto& task : std::exchange(waiting_, {})) process_.scheduler_.MakeReady(task);
  }
  bool WaitUntil(std::unique_lock<std::mutex>& lock, MonotonicTime deadline) override {
    const std::shared_ptr<Scheduler::Task> self = process_.scheduler_.running_;
    if (process_.clock().Now() >= deadline) {
      // A step all the same: who waits so again and again does not rest.
      lock.unlock();
      process_.scheduler_.MakeReady(self);
      Fiber::Yield();
      lock.lock();
      return false;
    }
    lock.unlock();
    waiting_.push_back(self);
    process_.WaitUntil(deadline);
    std::erase(waiting_, self);
    lock.lock();
    return process_.clock().Now() < deadline;
  }

 private:
  Process& process_;
  std::vector<std::shared_ptr<Scheduler::Task>> waiting_;
};

class SimulatedThread : public Thread {
 public:
  explicit SimulatedThread(std::shared_ptr<Scheduler::Task> task) : task_(std::move(task)) {}
  ~SimulatedThread() override { Join(); }
  void Join() override {
    while (!task_->fiber.ended()) {
      task_->joining.push_back(task_->process.scheduler_.running_);
      task_->process.WaitUntil(MonotonicTime::Never());
    }
  }

 private:
  const std::shared_ptr<Scheduler::Task> task_;
};

// --- Scheduler ------------------------------------------------------------------

Scheduler::Scheduler(uint64_t seed) : random_(seed) {}
Scheduler::~Scheduler() = default;

void Scheduler::Mix(absl::string_view text) {
  for (const char c : text) Mix(static_cast<unsigned char>(c));
}

void Scheduler::At(MonotonicTime time, std::function<void()> event) {
  due_.push({std::max(time, now_), ++last_number_, std::move(event), nullptr, 0});
}

void Scheduler::MakeReady(const std::shared_ptr<Task>& task) {
  if (task->ready || task->fiber.ended()) return;
  task->ready = true;
  ++task->wait;
  Process& process = task->process;
  // By number: the product may wake several in the order of their addresses.
  std::vector<std::shared_ptr<Task>>& ready = process.dying_ ? process.ready_ : ready_;
  ready.insert(std::lower_bound(ready.begin(), ready.end(), task,
                                [](const auto& a, const auto& b) { return a->number < b->number; }),
               task);
}

std::shared_ptr<Scheduler::Task> Scheduler::Choose(std::vector<std::shared_ptr<Task>>& ready) {
  const size_t chosen = ready.size() == 1 ? 0 : random_.Below(ready.size());
  std::shared_ptr<Task> task = std::move(ready[chosen]);
  ready.erase(ready.begin() + static_cast<int64_t>(chosen));
  return task;
}

void Scheduler::Resume(const std::shared_ptr<Task>& task) {
  task->ready = false;
  const std::shared_ptr<Task> before = std::exchange(running_, task);
  task->fiber.Resume();
  running_ = before;
  if (!task->fiber.ended()) return;
  --task->process.tasks_;
  task->process.all_.erase(task->number);
  for (const auto& joining : std::exchange(task->joining, {})) MakeReady(joining);
}

void Scheduler::RunUntil(MonotonicTime end, const std::function<bool()>& check) {
  for (;;) {
    // Of what is due, one by one with the threads that are ready.
    const bool event_due = !due_.empty() && due_.top().time <= now_;
    if (ready_.empty() && !event_due) {
      if (due_.empty() || due_.top().time > end) {
        now_ = std::max(now_, end);
        return;
      }
      now_ = due_.top().time;
      const int64_t second = absl::ToInt64Seconds(now_.since_start);
      if (second != second_) {
        second_ = second;
        steps_before_ = steps_;
      }
      continue;
    }
    ++steps_;
    if (event_due && (ready_.empty() || random_.Below(ready_.size() + 1) == 0)) {
      Due due = due_.top();
      due_.pop();
      if (due.task != nullptr) {
        if (due.task->wait == due.wait) MakeReady(due.task);
        continue;
      }
      due.event();
    } else {
      Resume(Choose(ready_));
    }
    if (!check()) return;
  }
}

// --- Process --------------------------------------------------------------------

absl::Time Process::ProcessClock::WallNow() const {
  return process_.scheduler_.wall() + process_.ahead_;
}

MonotonicTime Process::ProcessClock::Now() const {
  return process_.scheduler_.now() + process_.ahead_;
}

Process::Process(Scheduler& scheduler, std::string name)
    : scheduler_(scheduler), name_(std::move(name)) {}

Process::~Process() = default;

std::unique_ptr<ConditionVariable> Process::MakeConditionVariable() {
  return std::make_unique<SimulatedCondition>(*this);
}

std::shared_ptr<Scheduler::Task> Process::StartTask(std::function<void()> body) {
  const auto task = std::make_shared<Scheduler::Task>(*this, ++scheduler_.last_number_,
                                                      scheduler_.stacks_, std::move(body));
  ++tasks_;
  all_[task->number] = task;
  scheduler_.MakeReady(task);
  return task;
}

std::unique_ptr<Thread> Process::Start(std::function<void()> body) {
  return std::make_unique<SimulatedThread>(StartTask(std::move(body)));
}

void Process::Detach(std::function<void()> body) {
  ++detached_;
  StartTask([this, body = std::move(body)]() mutable {
    body();
    body = nullptr;
    --detached_;
  });
}

void Process::WaitUntil(MonotonicTime time) {
  const std::shared_ptr<Scheduler::Task> self = scheduler_.running_;
  if (self == nullptr || &self->process != this) abort();
  self->deadline = time;
  const uint64_t wait = ++self->wait;
  if (time != MonotonicTime::Never()) {
    Scheduler::Due due{time, ++scheduler_.last_number_, nullptr, self, wait};
    if (dying_) {
      waiting_.push_back(std::move(due));
    } else {
      scheduler_.due_.push(std::move(due));
    }
  }
  Fiber::Yield();
}

void Process::Sleep(absl::Duration duration) {
  const MonotonicTime until = clock_.Now() + duration;
  while (clock_.Now() < until) WaitUntil(until);
}

void Process::JoinDetached() {
  absl::Duration pause = absl::Milliseconds(1);
  while (detached_ > 0) {
    Sleep(pause);
    pause *= 2;
  }
}

bool Process::Die(std::function<void()> take_apart) {
  if (Fiber::Current() != nullptr) abort();
  alive_ = false;
  dying_ = true;
  for (auto it = scheduler_.ready_.begin(); it != scheduler_.ready_.end();) {
    if (&(*it)->process == this) {
      ready_.push_back(std::move(*it));
      it = scheduler_.ready_.erase(it);
    } else {
      ++it;
    }
  }
  for (const auto& [key, weak] : all_) {
    const std::shared_ptr<Scheduler::Task> task = weak.lock();
    if (task == nullptr || task->ready || task->deadline == MonotonicTime::Never()) continue;
    waiting_.push_back({task->deadline, ++scheduler_.last_number_, nullptr, task, task->wait});
  }
  StartTask(std::move(take_apart));
  while (tasks_ > 0) {
    if (!ready_.empty()) {
      scheduler_.Resume(scheduler_.Choose(ready_));
      continue;
    }
    std::erase_if(waiting_, [](const auto& due) { return due.task->wait != due.wait; });
    if (waiting_.empty()) return false;
    const auto next =
        std::min_element(waiting_.begin(), waiting_.end(), [](const auto& a, const auto& b) {
          return a.time == b.time ? a.number < b.number : a.time < b.time;
        });
    ahead_ = std::max(ahead_, next->time - scheduler_.now_);
    const std::shared_ptr<Scheduler::Task> task = next->task;
    waiting_.erase(next);
    scheduler_.MakeReady(task);
  }
  return true;
}

}  // namespace fieldgate::simulation
