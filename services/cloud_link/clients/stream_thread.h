#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

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

 private:
  void Run();

  const std::function<void(grpc::ClientContext&)> call_;
  std::mutex mutex_;  // guards stopped_ and context_
  std::condition_variable wake_;
  bool stopped_ = false;
  grpc::ClientContext* context_ = nullptr;
  std::thread thread_;
};

}  // namespace fieldgate::cloud_link
