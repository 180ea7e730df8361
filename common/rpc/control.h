#pragma once

#include "proto/service.grpc.pb.h"

namespace fieldgate::rpc {

// What every process serves about itself. Thread-safe.
class Control : public service::v1::Control::Service {
 public:
  // Sends the process SIGTERM, upon which it ends in order; calls under way,
  // this one too, are answered before.
  grpc::Status Restart(grpc::ServerContext* context, const service::v1::RestartRequest* request,
                       service::v1::RestartResponse* response) override;
};

}  // namespace fieldgate::rpc
