#include "common/testing/mosquitto.h"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <csignal>

#include "common/testing/certificate.h"

namespace fieldgate {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kLong = absl::Seconds(20);

TEST(ChildProcessTest, ReportsExitCodeAndOutputOfBothStreams) {
  auto child = ChildProcess::Start(
      {.argv = {"/bin/sh", "-c", "echo out $WHO; echo err >&2; exit 3"}, .env = {{"WHO", "me"}}});
  ASSERT_TRUE(child.ok()) << child.status();
  const std::optional<int> status = (*child)->WaitForExit(kLong);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(WEXITSTATUS(*status), 3);
  EXPECT_EQ((*child)->Output(), "out me\nerr\n");
}

TEST(ChildProcessTest, MissingProgramIsUnavailable) {
  EXPECT_EQ(ChildProcess::Start({.argv = {"/no/such/program"}}).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(ChildProcessTest, DestructionKillsTheWholeGroup) {
  auto child = ChildProcess::Start({.argv = {"/bin/sh", "-c", "sleep 1000 & echo $!; wait"}});
  ASSERT_TRUE(child.ok()) << child.status();
  ASSERT_TRUE(
      Eventually(kLong, [&] { return (*child)->Output().find('\n') != std::string::npos; }));
  const pid_t grandchild = std::stoi((*child)->Output());
  ASSERT_EQ(kill(grandchild, 0), 0);
  child->reset();
  // Without a parent it stays a zombie until init reaps it.
  EXPECT_TRUE(Eventually(kLong, [&] {
    auto ps = ChildProcess::Start(
        {.argv = {"/bin/sh", "-c",
                  "grep -q '^State:.[RSD]' /proc/" + std::to_string(grandchild) + "/status"}});
    return ps.ok() && (*ps)->WaitForExit(kLong).value_or(0) != 0;
  }));
}

TEST(MosquittoTest, RestartsOnTheSamePort) {
  Mosquitto broker;
  ASSERT_TRUE(broker.Start().ok());
  broker.Kill();
  ASSERT_TRUE(broker.Start().ok());
  broker.Stop();
  EXPECT_TRUE(broker.Start().ok()) << broker.Output();
}

TEST(MosquittoTest, SaysWhyItCannotStart) {
  Mosquitto broker({.config = {"no_such_option 1"}});
  const absl::Status status = broker.Start();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no_such_option"));
}

TEST(MosquittoTest, TakesAGeneratedCertificate) {
  const auto certificate = MakeTestCertificate();
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  Mosquitto broker({.cert_file = certificate->cert_file, .key_file = certificate->key_file});
  EXPECT_TRUE(broker.Start().ok()) << broker.Output();
}

}  // namespace
}  // namespace fieldgate
