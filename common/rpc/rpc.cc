#include "common/rpc/rpc.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/acceptor.h"
#include "common/rpc/control.h"
#include "common/rpc/health.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/server_posix.h"
#include "grpcpp/support/channel_arguments.h"

namespace fieldgate::rpc {
namespace {

// A Configuration with 20,000 points is some megabytes.
constexpr int kMaxMessageBytes = 32 << 20;

// So much of a stream may be on its way. A Unix socket has no bandwidth that
// pings could find out, which is gRPC's way to choose it.
constexpr int kWindowBytes = 1 << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const std::string& socket_path, const std::vector<grpc::Service*>& services,
    std::function<std::vector<service::v1::Recovery>()> recoveries) {
  [[maybe_unused]] static const bool once = [] {
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  absl::StatusOr<std::unique_ptr<Acceptor>> acceptor = Acceptor::Listen(socket_path);
  if (!acceptor.ok()) return acceptor.status();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  // Few callers, all local: the fewer idle threads the less memory.
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  auto health = std::make_unique<Health>();
  builder.RegisterService(health.get());
  auto control = std::make_unique<Control>(std::move(recoveries));
  builder.RegisterService(control.get());
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    return absl::UnavailableError(absl::StrCat("can't serve at ", socket_path));
  }
  (*acceptor)->Start(
      [server = server.get()](int fd) { grpc::AddInsecureChannelFromFd(server, fd); });
  return std::unique_ptr<Server>(
      new Server(std::move(health), std::move(control), std::move(server), *std::move(acceptor)));
}

Server::Server(std::unique_ptr<Health> health, std::unique_ptr<Control> control,
               std::unique_ptr<grpc::Server> server, std::unique_ptr<Acceptor> acceptor)
    : health_(std::move(health)),
      control_(std::move(control)),
      server_(std::move(server)),
      acceptor_(std::move(acceptor)) {}

Server::~Server() { Shutdown(absl::ZeroDuration()); }

void Server::Shutdown(absl::Duration grace) {
  acceptor_->Stop();
  health_->Stop();
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
}

std::shared_ptr<grpc::Channel> Connect(const std::string& socket_path) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kWindowBytes);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, kWindowBytes);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  // A channel of its own: no subchannel shared with another Connect.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("unix:", socket_path),
                                   grpc::InsecureChannelCredentials(), arguments);
}

absl::Status AwaitConnected(grpc::Channel& channel, absl::string_view service,
                            absl::Duration timeout) {
  if (channel.WaitForConnected(absl::ToChronoTime(absl::Now() + timeout))) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(service, " does not answer within ", absl::FormatDuration(timeout)));
}

void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()));
}

}  // namespace fieldgate::rpc
