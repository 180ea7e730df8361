#include "common/rpc/control.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace fieldgate::rpc {

grpc::Status Control::Restart(grpc::ServerContext*, const service::v1::RestartRequest* request,
                              service::v1::RestartResponse*) {
  log::Info("restart wanted", {{"origin", request->origin()}});
  if (kill(getpid(), SIGTERM) == 0) return grpc::Status::OK;
  return grpc::Status(grpc::StatusCode::INTERNAL, absl::StrCat("kill: ", std::strerror(errno)));
}

grpc::Status Control::ListRecoveries(grpc::ServerContext*,
                                     const service::v1::ListRecoveriesRequest*,
                                     service::v1::ListRecoveriesResponse* response) {
  if (recoveries_ == nullptr) return grpc::Status::OK;
  for (service::v1::Recovery& recovery : recoveries_()) {
    *response->add_recoveries() = std::move(recovery);
  }
  return grpc::Status::OK;
}

}  // namespace fieldgate::rpc
