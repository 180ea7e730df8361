#include "common/rpc/rpc.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "grpcpp/health_check_service_interface.h"
#include "gtest/gtest.h"
#include "proto/cloud_link.grpc.pb.h"

namespace fieldgate::rpc {
namespace {

using cloud_link::v1::CloudLink;

class Service final : public CloudLink::Service {
 public:
  grpc::Status GetStatus(grpc::ServerContext*, const cloud_link::v1::GetStatusRequest*,
                         cloud_link::v1::GetStatusResponse*) override {
    return ToGrpc(absl::NotFoundError("no such thing"));
  }
};

absl::Status Ask(const std::string& path) {
  const auto stub = CloudLink::NewStub(Connect(path));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  SetTimeout(context, absl::Seconds(20));
  cloud_link::v1::GetStatusResponse response;
  return FromGrpc(stub->GetStatus(&context, cloud_link::v1::GetStatusRequest(), &response));
}

std::string SocketPath() { return std::string(getenv("TEST_TMPDIR")) + "/s.sock"; }

TEST(RpcTest, AStatusArrivesWithCodeAndMessage) {
  Service service;
  auto server = Server::Start(SocketPath(), {&service});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_EQ(Ask(SocketPath()), absl::NotFoundError("no such thing"));
}

TEST(RpcTest, TheSocketIsForOwnerAndGroupOnly) {
  Service service;
  auto server = Server::Start(SocketPath(), {&service});
  ASSERT_TRUE(server.ok());
  struct stat s;
  ASSERT_EQ(stat(SocketPath().c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0660u);
}

TEST(RpcTest, ASocketThatAKilledProcessLeftIsReplaced) {
  std::ofstream(SocketPath()) << "left over";
  Service service;
  auto server = Server::Start(SocketPath(), {&service});
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_TRUE(absl::IsNotFound(Ask(SocketPath())));
}

TEST(RpcTest, AnOverlongPathIsRefusedWithItsLimit) {
  Service service;
  const auto server = Server::Start("/tmp/" + std::string(200, 'x'), {&service});
  EXPECT_TRUE(absl::IsInvalidArgument(server.status())) << server.status();
  EXPECT_NE(server.status().message().find("107 bytes"), absl::string_view::npos);
}

TEST(RpcTest, AFolderThatIsMissingIsNamed) {
  Service service;
  const auto server = Server::Start("/tmp/no-such-folder/s.sock", {&service});
  EXPECT_TRUE(absl::IsUnavailable(server.status())) << server.status();
  EXPECT_NE(server.status().message().find("/tmp/no-such-folder"), absl::string_view::npos);
}

TEST(RpcTest, AChannelComesBackWithItsServer) {
  Service service;
  auto server = Server::Start(SocketPath(), {&service});
  ASSERT_TRUE(server.ok());
  EXPECT_TRUE(absl::IsNotFound(Ask(SocketPath())));
  server->reset();
  server = Server::Start(SocketPath(), {&service});
  ASSERT_TRUE(server.ok());
  EXPECT_TRUE(absl::IsNotFound(Ask(SocketPath())));
}

}  // namespace
}  // namespace fieldgate::rpc
