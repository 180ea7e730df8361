#include "services/fieldgate/health.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/rpc/rpc.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"

namespace fieldgate::commands {
namespace {

// HealthCheckResponse{status: SERVING}; Debian ships no health.proto for
// clients, and an empty HealthCheckRequest has no bytes.
constexpr absl::string_view kServing("\x08\x01", 2);

// The process that listens there; 0: nobody does.
pid_t Listener(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return 0;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return 0;
  ucred peer = {};
  socklen_t size = sizeof peer;
  const bool known =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  close(fd);
  return known ? peer.pid : 0;
}

std::string Bytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

absl::Status Check(const std::string& socket_path, absl::Duration timeout) {
  grpc::GenericStub stub(rpc::Connect(socket_path));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);  // a busy machine: somebody listens
  rpc::SetTimeout(context, timeout);
  grpc::CompletionQueue queue;
  grpc::ByteBuffer response;
  grpc::Slice empty;
  const auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check",
                                          grpc::ByteBuffer(&empty, 1), &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag;
  bool ok;
  queue.Next(&tag, &ok);  // comes by the call's deadline
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  if (!status.ok()) return rpc::FromGrpc(status);
  if (Bytes(response) != kServing) return absl::UnavailableError("not serving");
  return absl::OkStatus();
}

}  // namespace

ServiceHealth CheckHealth(const service::StateDir& dir, const std::string& service,
                          absl::Duration timeout) {
  const std::string path = dir.Socket(service);
  ServiceHealth health = {.name = service, .pid = Listener(path), .error = "not running"};
  if (health.pid == 0) return health;
  const absl::Status status = Check(path, timeout);
  health.up = status.ok();
  health.error = std::string(status.message());
  return health;
}

}  // namespace fieldgate::commands
