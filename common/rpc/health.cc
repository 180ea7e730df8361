#include "common/rpc/health.h"

#include <chrono>

namespace fieldgate::rpc {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// How soon a Watch sees that it was cancelled.
constexpr std::chrono::seconds kCancelCheck(1);

}  // namespace

void Health::Stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

grpc::Status Health::Check(grpc::ServerContext*, const HealthCheckRequest* request,
                           HealthCheckResponse* response) {
  if (!request->service().empty()) {
    return {grpc::StatusCode::NOT_FOUND, "only the server's own health, '', is known"};
  }
  const std::lock_guard lock(mutex_);
  response->set_status(stopped_ ? HealthCheckResponse::NOT_SERVING : HealthCheckResponse::SERVING);
  return grpc::Status::OK;
}

grpc::Status Health::Watch(grpc::ServerContext* context, const HealthCheckRequest* request,
                           grpc::ServerWriter<HealthCheckResponse>* writer) {
  HealthCheckResponse response;
  response.set_status(request->service().empty() ? HealthCheckResponse::SERVING
                                                 : HealthCheckResponse::SERVICE_UNKNOWN);
  {
    const std::lock_guard lock(mutex_);
    if (watchers_ == kMaxWatchers) {
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many watch already"};
    }
    ++watchers_;
  }
  bool open = writer->Write(response);
  std::unique_lock lock(mutex_);
  while (open && !stopped_) {
    changed_.wait_for(lock, kCancelCheck);
    open = !context->IsCancelled();
  }
  --watchers_;
  lock.unlock();
  if (open && request->service().empty()) {
    response.set_status(HealthCheckResponse::NOT_SERVING);
    writer->Write(response);
  }
  return grpc::Status::CANCELLED;
}

}  // namespace fieldgate::rpc
