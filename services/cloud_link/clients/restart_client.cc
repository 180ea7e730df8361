#include "services/cloud_link/clients/restart_client.h"

#include <unistd.h>

#include <csignal>

#include "common/log/log.h"
#include "common/rpc/rpc.h"
#include "proto/service.grpc.pb.h"

namespace fieldgate::cloud_link {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(3);

}  // namespace

void RestartServices(const std::vector<std::string>& sockets, absl::string_view origin) {
  service::v1::RestartRequest request;
  request.set_origin(std::string(origin));
  for (const std::string& socket : sockets) {
    const std::shared_ptr<grpc::Channel> channel = rpc::Connect(socket);
    absl::Status status = rpc::AwaitConnected(*channel, socket, kTimeout);
    if (status.ok()) {
      grpc::ClientContext context;
      rpc::SetTimeout(context, kTimeout);
      service::v1::RestartResponse response;
      status = rpc::FromGrpc(
          service::v1::Control::NewStub(channel)->Restart(&context, request, &response));
    }
    if (!status.ok()) {
      log::Error("a service can't be restarted", {{"socket", socket}, {"why", status.ToString()}});
    }
  }
  log::Info("restart", {{"origin", std::string(origin)}});
  kill(getpid(), SIGTERM);
}

}  // namespace fieldgate::cloud_link
