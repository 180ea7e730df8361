#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "proto/service.grpc.pb.h"

namespace fieldgate::rpc {

// What every process serves about itself. Thread-safe.
class Control : public service::v1::Control::Service {
 public:
  // `recoveries` may be nullptr: there are none.
  explicit Control(std::function<std::vector<service::v1::Recovery>()> recoveries)
      : recoveries_(std::move(recoveries)) {}

  // Sends the process SIGTERM, upon which it ends in order; calls under way,
  // this one too, are answered before.
  grpc::Status Restart(grpc::ServerContext* context, const service::v1::RestartRequest* request,
                       service::v1::RestartResponse* response) override;

  grpc::Status ListRecoveries(grpc::ServerContext* context,
                              const service::v1::ListRecoveriesRequest* request,
                              service::v1::ListRecoveriesResponse* response) override;

 private:
  const std::function<std::vector<service::v1::Recovery>()> recoveries_;
};

}  // namespace fieldgate::rpc
