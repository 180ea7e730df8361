#include <csignal>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>

#include "common/rpc/rpc.h"
#include "gtest/gtest.h"
#include "proto/service.grpc.pb.h"

namespace fieldgate::rpc {
namespace {

// A test of its own: the signal must be blocked before any thread exists, as
// services have it.
TEST(ControlTest, RestartIsAnsweredAndEndsTheProcessInOrder) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const std::string path = std::string(getenv("TEST_TMPDIR")) + "/s.sock";
  const auto server = Server::Start(path, {});
  ASSERT_TRUE(server.ok()) << server.status();

  const auto stub = service::v1::Control::NewStub(Connect(path));
  grpc::ClientContext context;
  SetTimeout(context, absl::Seconds(20));
  service::v1::RestartRequest request;
  request.set_origin("portal CloudConn");
  service::v1::RestartResponse response;
  const grpc::Status status = stub->Restart(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();

  const timespec deadline = {20, 0};
  EXPECT_EQ(sigtimedwait(&signals, nullptr, &deadline), SIGTERM);
}

TEST(ControlTest, RecoveriesAreListedAsTheyAreNow) {
  const std::string path = std::string(getenv("TEST_TMPDIR")) + "/r.sock";
  int count = 1;
  const auto server = Server::Start(path, {}, [&count] {
    std::vector<service::v1::Recovery> list(static_cast<size_t>(count));
    list[0].set_why("zeroed");
    return list;
  });
  ASSERT_TRUE(server.ok()) << server.status();
  const auto stub = service::v1::Control::NewStub(Connect(path));
  for (; count <= 2; ++count) {
    grpc::ClientContext context;
    SetTimeout(context, absl::Seconds(20));
    service::v1::ListRecoveriesResponse response;
    const grpc::Status status = stub->ListRecoveries(&context, {}, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(response.recoveries_size(), count);
    EXPECT_EQ(response.recoveries(0).why(), "zeroed");
  }
}

}  // namespace
}  // namespace fieldgate::rpc
