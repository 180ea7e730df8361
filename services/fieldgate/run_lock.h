#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/service/service.h"

namespace fieldgate::commands {

// One `fieldgate run` a state directory: a lock on DIR/run/fieldgate.lock,
// which holds the pid and start time. Child processes share the lock, so that
// after a kill -9 of the supervisor no second set of services starts beside
// services that are still shutting down.
class RunLock {
 public:
  // When the holder has been killed, waits up to `patience` for its services.
  // kAlreadyExists: somebody holds it; names the pid.
  // kUnavailable:   can't open or lock the file.
  static absl::StatusOr<RunLock> Take(const service::StateDir& dir, absl::Time now,
                                      absl::Duration patience);

  RunLock(RunLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  RunLock& operator=(RunLock&&) = delete;
  // The file stays: removing it would let two holders have a file each.
  ~RunLock();

 private:
  explicit RunLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace fieldgate::commands
