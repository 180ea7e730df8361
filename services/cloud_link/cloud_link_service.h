#pragma once

#include "proto/cloud_link.grpc.pb.h"
#include "services/cloud_link/gateway.h"

namespace fieldgate::cloud_link {

// proto/cloud_link.proto on a Gateway. Thread-safe.
class CloudLinkService final : public v1::CloudLink::Service {
 public:
  explicit CloudLinkService(Gateway& gateway) : gateway_(gateway) {}

  grpc::Status Execute(grpc::ServerContext* context, const v1::ExecuteRequest* request,
                       v1::ExecuteResponse* response) override;
  grpc::Status GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest* request,
                         v1::GetStatusResponse* response) override;
  grpc::Status WatchStatus(grpc::ServerContext* context, const v1::GetStatusRequest* request,
                           grpc::ServerWriter<v1::GetStatusResponse>* writer) override;
  grpc::Status ListLosses(grpc::ServerContext* context, const v1::ListLossesRequest* request,
                          v1::ListLossesResponse* response) override;

 private:
  Gateway& gateway_;
};

}  // namespace fieldgate::cloud_link
