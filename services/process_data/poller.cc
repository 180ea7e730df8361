#include "services/process_data/poller.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace fieldgate::process_data {
namespace {

std::vector<PollSchedule::Timing> TimingsOf(const std::vector<Poller::Device>& devices) {
  std::vector<PollSchedule::Timing> timings;
  for (const Poller::Device& device : devices) timings.push_back(device.timing);
  return timings;
}

}  // namespace

Poller::Poller(std::vector<Device> devices, ProcessImage& image, Threads& threads, bool paused)
    : devices_(std::move(devices)),
      image_(image),
      clock_(threads.clock()),
      wake_(threads.MakeConditionVariable()),
      notice_(threads.MakeConditionVariable()),
      paused_(paused),
      give_up_(paused),
      schedule_(TimingsOf(devices_), clock_.Now()) {
  for (const Device& device : devices_) {
    status_.push_back({.path = device.path, .error = "not polled yet"});
  }
  thread_ = threads.Start([this] { Run(); });
}

Poller::~Poller() {
  Cancel();
  Join();
}

void Poller::Join() { thread_->Join(); }

void Poller::Cancel() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    give_up_ = true;
    wake_->NotifyAll();
  }
  for (const Device& device : devices_) device.io->Cancel();
}

void Poller::Pause() {
  std::lock_guard lock(mutex_);
  paused_ = true;
  give_up_ = true;
}

void Poller::Resume() {
  std::lock_guard lock(mutex_);
  if (!paused_ || stopping_) return;
  paused_ = false;
  give_up_ = false;
  schedule_.Restart(clock_.Now());
  wake_->NotifyAll();
}

void Poller::WaitUntilPaused(MonotonicTime deadline) {
  std::unique_lock lock(mutex_);
  notice_->AwaitUntil(lock, deadline, [this] { return !polling_ || !paused_; });
}

absl::Status Poller::Write(size_t device, size_t point, absl::string_view text,
                           MonotonicTime deadline) {
  absl::Status allowed = devices_[device].io->CheckWrite(point, text);
  if (!allowed.ok()) return allowed;
  auto job =
      std::make_shared<WriteJob>(WriteJob{device, point, std::string(text), deadline, false, {}});
  std::unique_lock lock(mutex_);
  if (stopping_) return absl::UnavailableError("the bus is being configured");
  if (writes_.size() >= kMaxQueuedWrites) {
    return absl::ResourceExhaustedError(
        absl::StrCat(kMaxQueuedWrites, " writes are waiting on this line"));
  }
  writes_.push_back(job);
  wake_->NotifyAll();
  if (!notice_->AwaitUntil(lock, deadline, [&job] { return job->done; })) {
    const auto queued = std::find(writes_.begin(), writes_.end(), job);
    if (queued == writes_.end()) return absl::UnavailableError("the device did not answer in time");
    writes_.erase(queued);
    return absl::UnavailableError("the line was busy until the deadline; nothing written");
  }
  return job->result;
}

std::vector<DeviceStatus> Poller::Status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

void Poller::Run() {
  std::unique_lock lock(mutex_);
  bool write_was_last = false;
  while (!stopping_) {
    const MonotonicTime now = clock_.Now();
    const PollSchedule::Turn turn = paused_ ? PollSchedule::Turn() : schedule_.Next();
    const bool poll_due = turn.due <= now;
    // In turn when both are due, so that neither starves.
    if (!writes_.empty() && !(poll_due && write_was_last)) {
      DoWrite(lock);
      write_was_last = true;
    } else if (poll_due) {
      PollDevice(lock, turn.device);
      write_was_last = false;
    } else {
      wake_->WaitUntil(lock, turn.due);
    }
  }
  for (const auto& job : writes_) {
    job->done = true;
    job->result = absl::UnavailableError("the bus is being configured; nothing written");
  }
  writes_.clear();
  notice_->NotifyAll();
}

void Poller::PollDevice(std::unique_lock<std::mutex>& lock, size_t device) {
  Device& d = devices_[device];
  const uint64_t missed = schedule_.Begin(device, clock_.Now());
  DeviceStatus& status = status_[device];
  status.missed_cycles += missed;
  // A device known to be dead gets one try a request.
  const bool retry = status.ok || status.polls == 0;
  polling_ = true;
  lock.unlock();
  const MonotonicTime begin = clock_.Now();
  const absl::Status result = d.io->Poll(retry, give_up_, cycle_);
  const absl::Time at = clock_.WallNow();
  // What was read when the pause came is dropped: points keep what they had.
  const bool given_up = absl::IsCancelled(result) || give_up_;
  if (!given_up) {
    image_.CommitPoll(d.handle, {.answered = result.ok(),
                                 .samples = cycle_.samples,
                                 .texts = cycle_.texts,
                                 .sampled_at = at});
  }
  lock.lock();
  polling_ = false;
  notice_->NotifyAll();
  if (given_up) return;
  const MonotonicTime end = clock_.Now();
  status.last_poll = end - begin;
  status.longest_poll = std::max(status.longest_poll, status.last_poll);
  schedule_.End(device, end, result.ok());
  NoteResult(device, result, at);
}

void Poller::NoteResult(size_t device, const absl::Status& result, absl::Time at) {
  DeviceStatus& status = status_[device];
  const bool first = status.polls == 0;
  const bool changed = first || status.ok != result.ok();
  ++status.polls;
  status.ok = result.ok();
  status.error = std::string(result.message());
  if (!result.ok()) ++status.failed_polls;
  if (result.ok()) status.last_ok_at = at;
  if (!changed) return;
  if (result.ok()) {
    log::Info("device answers", {{"device", status.path},
                                 {"polls", std::to_string(status.polls)},
                                 {"failed_polls", std::to_string(status.failed_polls)}});
  } else {
    log::Warning("device does not answer", {{"device", status.path}, {"error", status.error}});
  }
}

void Poller::DoWrite(std::unique_lock<std::mutex>& lock) {
  const std::shared_ptr<WriteJob> job = writes_.front();
  writes_.pop_front();
  if (job->deadline <= clock_.Now()) return;  // its caller has gone
  const Device& device = devices_[job->device];
  lock.unlock();
  absl::StatusOr<Readback> written = device.io->Write(job->point, job->text);
  if (written.ok()) {
    image_.CommitPoint(device.handle, job->point, written->sample, written->text, clock_.WallNow());
  }
  lock.lock();
  const absl::Status& status = written.status();
  const bool answered = status.ok() || absl::IsFailedPrecondition(status);
  if (answered) schedule_.EndBackoff(job->device, clock_.Now());
  job->result = answered ? status : absl::UnavailableError(status.message());
  job->done = true;
  notice_->NotifyAll();
}

}  // namespace fieldgate::process_data
