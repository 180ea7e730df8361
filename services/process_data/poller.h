#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/time/threads.h"
#include "services/process_data/bus/field_device.h"
#include "services/process_data/poll_schedule.h"
#include "services/process_data/process_image.h"

namespace fieldgate::process_data {

struct DeviceStatus {
  std::string path;
  bool ok = false;    // the last poll was answered
  std::string error;  // why not
  uint64_t polls = 0;
  uint64_t failed_polls = 0;
  uint64_t missed_cycles = 0;
  absl::Time last_ok_at = absl::UnixEpoch();
  // How long a poll took that was not given up.
  absl::Duration last_poll = absl::ZeroDuration();
  absl::Duration longest_poll = absl::ZeroDuration();
};

// Polls the devices of one line (one connection) on a thread of its own, and
// writes to them between polls. Whatever hangs on a line, hangs there alone:
// no method but the destructor waits for the bus longer than it says.
// Thread-safe.
class Poller {
 public:
  struct Device {
    std::string path;
    DeviceHandle handle;
    PollSchedule::Timing timing;
    std::unique_ptr<FieldDevice> io;
  };

  // Writes that wait, at most: a person's click waits for seconds at worst.
  static constexpr size_t kMaxQueuedWrites = 100;

  // Polls from now on, unless `paused`.
  Poller(std::vector<Device> devices, ProcessImage& image, Threads& threads, bool paused);
  ~Poller();  // Cancel and Join

  // Lets the running request end soon, and no other start; writes that wait
  // fail with kUnavailable.
  void Cancel();
  // After Cancel: waits for the thread's end. Then the image is not touched
  // any more. One thread.
  void Join();

  // No further request for a poll starts; a cycle that is running is given up
  // and changes nothing. Writes go on. Returns at once.
  void Pause();
  void Resume();
  // Waits for the request that was running at Pause, at most until `deadline`.
  void WaitUntilPaused(MonotonicTime deadline);

  // Writes a point of the device with this index, and reads it back into the
  // image. Blocks until the device has answered; the polls that were running
  // and writes queued before come first. Given up before it has begun when
  // `deadline` passes.
  //
  // kPermissionDenied, kInvalidArgument: see FieldDevice::CheckWrite.
  // kResourceExhausted:  kMaxQueuedWrites are waiting.
  // kFailedPrecondition: the device refuses.
  // kUnavailable:        the device does not answer; nothing is known to be
  //                      written.
  absl::Status Write(size_t device, size_t point, absl::string_view text, MonotonicTime deadline);

  std::vector<DeviceStatus> Status() const;

 private:
  struct WriteJob {
    size_t device;
    size_t point;
    std::string text;
    MonotonicTime deadline;
    bool done = false;
    absl::Status result;
  };

  void Run();
  // Both with `lock` held on entry and return, and released in between.
  void PollDevice(std::unique_lock<std::mutex>& lock, size_t device);
  void DoWrite(std::unique_lock<std::mutex>& lock);
  void NoteResult(size_t device, const absl::Status& result, absl::Time at);

  std::vector<Device> devices_;
  ProcessImage& image_;
  const Clock& clock_;
  Cycle cycle_;  // the thread's

  const std::unique_ptr<ConditionVariable> wake_;    // for the thread
  const std::unique_ptr<ConditionVariable> notice_;  // for those who wait for it
  mutable std::mutex mutex_;                         // guards what follows
  bool stopping_ = false;
  bool paused_;
  bool polling_ = false;
  std::atomic<bool> give_up_;  // paused or stopping
  PollSchedule schedule_;
  std::deque<std::shared_ptr<WriteJob>> writes_;
  std::vector<DeviceStatus> status_;
  std::unique_ptr<Thread> thread_;  // last: it uses everything else
};

}  // namespace fieldgate::process_data
