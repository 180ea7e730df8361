#include "services/cloud_link/clients/stream_thread.h"

#include <chrono>
#include <utility>

#include "grpcpp/client_context.h"

namespace fieldgate::cloud_link {
namespace {

// A killed service is back within a second; a missing one costs five cheap
// attempts a second.
constexpr std::chrono::milliseconds kPause(200);

}  // namespace

StreamThread::StreamThread(std::function<void(grpc::ClientContext&)> call)
    : call_(std::move(call)), thread_([this] { Run(); }) {}

StreamThread::~StreamThread() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    if (context_ != nullptr) context_->TryCancel();
    wake_.notify_all();
  }
  thread_.join();
}

void StreamThread::Run() {
  for (;;) {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);  // without, a channel connects late
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      context_ = &context;
    }
    call_(context);
    std::unique_lock lock(mutex_);
    context_ = nullptr;
    wake_.wait_for(lock, kPause, [this] { return stopped_; });
  }
}

}  // namespace fieldgate::cloud_link
