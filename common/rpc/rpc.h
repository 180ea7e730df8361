#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/impl/codegen/status.h"
#include "grpcpp/server.h"

// Local gRPC: one Unix socket a service, no TCP.
namespace fieldgate::service::v1 {
class Recovery;
}

namespace fieldgate::rpc {

class Acceptor;
class Control;
class Health;

// A running server with the standard health service, the control service
// (proto/service.proto) and reflection.
// Thread-safe.
class Server {
 public:
  // Listens at `socket_path` (mode 0660), replacing a socket that a killed
  // process left there. The services must outlive the server. Without a free file
  // descriptor callers wait until there is one.
  //
  // kInvalidArgument: the path is longer than the 107 bytes of a Unix socket.
  // kUnavailable:     can't listen there; the message says why.
  //
  // `recoveries` answers Control.ListRecoveries, on any thread; nullptr: none.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const std::string& socket_path, const std::vector<grpc::Service*>& services,
      std::function<std::vector<service::v1::Recovery>()> recoveries = nullptr);

  // Stops taking calls, cancels those that last longer than `grace`, and
  // returns when all have ended. Streams must end when they are cancelled.
  void Shutdown(absl::Duration grace);

  ~Server();

 private:
  Server(std::unique_ptr<Health> health, std::unique_ptr<Control> control,
         std::unique_ptr<grpc::Server> server, std::unique_ptr<Acceptor> acceptor);

  const std::unique_ptr<Health> health_;
  const std::unique_ptr<Control> control_;
  const std::unique_ptr<grpc::Server> server_;
  const std::unique_ptr<Acceptor> acceptor_;
};

// A channel to the server at `socket_path`, which need not exist yet. It
// reconnects by itself within half a second of the server's return.
std::shared_ptr<grpc::Channel> Connect(const std::string& socket_path);

// Waits until `channel` is connected; for a call that comes at any time, since
// a channel makes progress only while somebody waits for it, and a call on one
// that has not noticed its server's return fails at once.
// kUnavailable: not within `timeout`; `service` is named.
absl::Status AwaitConnected(grpc::Channel& channel, absl::string_view service,
                            absl::Duration timeout);

// Every call has a deadline: `context` gives up after `timeout`.
void SetTimeout(grpc::ClientContext& context, absl::Duration timeout);

// The same code and message on the other side.
absl::Status FromGrpc(const grpc::Status& status);
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace fieldgate::rpc
