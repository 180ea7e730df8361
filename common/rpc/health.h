#pragma once

#include <condition_variable>
#include <mutex>

#include "proto/health.grpc.pb.h"

namespace fieldgate::rpc {

// The standard health service, for the server as a whole. gRPC's own brings two
// threads that take part in all polling of the process, so that each batch of a
// stream wakes two threads for nothing. Thread-safe.
class Health : public grpc::health::v1::Health::Service {
 public:
  // The server stops: calls of Watch end with NOT_SERVING.
  void Stop();

  grpc::Status Check(grpc::ServerContext* context,
                     const grpc::health::v1::HealthCheckRequest* request,
                     grpc::health::v1::HealthCheckResponse* response) override;
  grpc::Status Watch(grpc::ServerContext* context,
                     const grpc::health::v1::HealthCheckRequest* request,
                     grpc::ServerWriter<grpc::health::v1::HealthCheckResponse>* writer) override;

  // Each call of Watch holds a thread.
  static constexpr int kMaxWatchers = 8;

 private:
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  bool stopped_ = false;
  int watchers_ = 0;
};

}  // namespace fieldgate::rpc
