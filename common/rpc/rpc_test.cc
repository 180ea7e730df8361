#include "common/rpc/rpc.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "proto/cloud_link.grpc.pb.h"
#include "proto/health.grpc.pb.h"

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

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// gRPC's own listener ends with the first of these callers.
TEST(RpcTest, CallersThatCameWithoutAFreeFileDescriptorAreServedOnceThereIsOne) {
  Service service;
  auto server = Server::Start(SocketPath(), {&service});
  ASSERT_TRUE(server.ok());
  EXPECT_TRUE(absl::IsNotFound(Ask(SocketPath())));
  const int caller = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{3, limit.rlim_max};  // there are more
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);

  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  SocketPath().copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(connect(caller, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  // The server's settings come with a connection that it took.
  pollfd answer{caller, POLLIN, 0};
  EXPECT_EQ(poll(&answer, 1, 500), 0) << "the fault was not met";

  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(poll(&answer, 1, 20'000), 1);
  close(caller);
  EXPECT_TRUE(absl::IsNotFound(Ask(SocketPath())));
}

TEST(HealthTest, ARunningServerIsServing) {
  const auto server = Server::Start(SocketPath(), {});
  ASSERT_TRUE(server.ok());
  const auto stub = grpc::health::v1::Health::NewStub(Connect(SocketPath()));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  HealthCheckResponse response;
  EXPECT_TRUE(stub->Check(&context, HealthCheckRequest(), &response).ok());
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
}

TEST(HealthTest, AServiceOfTheServerHasNoHealthOfItsOwn) {
  const auto server = Server::Start(SocketPath(), {});
  ASSERT_TRUE(server.ok());
  const auto stub = grpc::health::v1::Health::NewStub(Connect(SocketPath()));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  HealthCheckRequest request;
  request.set_service("nothing.v1.Nothing");
  HealthCheckResponse response;
  EXPECT_EQ(stub->Check(&context, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(HealthTest, WatchTellsWhenTheServerStops) {
  const auto server = Server::Start(SocketPath(), {});
  ASSERT_TRUE(server.ok());
  const auto stub = grpc::health::v1::Health::NewStub(Connect(SocketPath()));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  const auto reader = stub->Watch(&context, HealthCheckRequest());
  HealthCheckResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  std::thread stop([&] { (*server)->Shutdown(absl::Seconds(20)); });
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  EXPECT_FALSE(reader->Read(&response));
  stop.join();
}

TEST(HealthTest, OneWatcherTooManyIsRefused) {
  const auto server = Server::Start(SocketPath(), {});
  ASSERT_TRUE(server.ok());
  const auto stub = grpc::health::v1::Health::NewStub(Connect(SocketPath()));
  constexpr int kMostWatchers = 8;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<HealthCheckResponse>>> readers;
  HealthCheckResponse response;
  for (int i = 0; i <= kMostWatchers; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    contexts.back()->set_wait_for_ready(true);
    readers.push_back(stub->Watch(contexts.back().get(), HealthCheckRequest()));
    EXPECT_EQ(readers.back()->Read(&response), i < kMostWatchers);
  }
  EXPECT_EQ(readers.back()->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  for (int i = 0; i < kMostWatchers; ++i) {
    contexts[static_cast<size_t>(i)]->TryCancel();
    readers[static_cast<size_t>(i)]->Finish();
  }
}

}  // namespace
}  // namespace fieldgate::rpc
