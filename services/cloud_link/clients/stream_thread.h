#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace grpc {
class ClientContext;
}

namespace fieldgate::cloud_link {

// A thread that keeps one streaming call open: `call` makes it with the given
// context and returns when it has ended; then, after a short pause, again.
class StreamThread {
 public:
  explicit StreamThread(std::function<void(grpc::ClientContext&)> call);
  // Cancels the call and joins.
  ~StreamThread();

  // Between calls of `call`, and in it, false once the end has come.
  bool running() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::function<void(grpc::ClientContext&)> call_;
  absl::Mutex mutex_;
  absl::CondVar wake_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread thread_;
};

}  // namespace fieldgate::cloud_link
