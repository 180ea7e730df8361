#include "services/cloud_link/clients/stream_thread.h"

#include <utility>

#include "grpcpp/client_context.h"

namespace fieldgate::cloud_link {
namespace {

// A killed service is back within a second; a missing one costs five cheap
// attempts a second.
constexpr absl::Duration kPause = absl::Milliseconds(200);

}  // namespace

StreamThread::StreamThread(std::function<void(grpc::ClientContext&)> call)
    : call_(std::move(call)), thread_([this] { Run(); }) {}

StreamThread::~StreamThread() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    if (context_ != nullptr) context_->TryCancel();
    wake_.SignalAll();
  }
  thread_.join();
}

bool StreamThread::running() {
  absl::MutexLock lock(&mutex_);
  return !stopped_;
}

void StreamThread::Run() {
  for (;;) {
    grpc::ClientContext context;
    {
      absl::MutexLock lock(&mutex_);
      if (stopped_) return;
      context_ = &context;
    }
    call_(context);
    absl::MutexLock lock(&mutex_);
    context_ = nullptr;
    if (!stopped_) wake_.WaitWithTimeout(&mutex_, kPause);
  }
}

}  // namespace fieldgate::cloud_link
