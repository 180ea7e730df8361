// Any of the three processes may be killed at any time: the others go on, show
// it, and it picks up where it was.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using testing::IsEmpty;

constexpr const char* kServices[] = {"config_store", "process_data", "cloud_link"};
// A restarted service is in order again within this time.
constexpr absl::Duration kRecovery = absl::Seconds(5);

std::map<std::string, pid_t> Pids(const GatewayHarness& harness) {
  std::map<std::string, pid_t> pids;
  for (const char* service : kServices) pids[service] = harness.Pid(service);
  return pids;
}

class ProcessDeathTest : public testing::TestWithParam<const char*> {};

TEST_P(ProcessDeathTest, AKilledProcessComesBackAndNothingIsLost) {
  GatewayHarness harness;
  harness.StartGateway();
  ASSERT_THAT(harness.WaitUntilComplete(3), IsEmpty());
  ASSERT_TRUE(harness.BecomesWell());
  const std::map<std::string, pid_t> before = Pids(harness);
  for (const auto& [service, pid] : before) ASSERT_NE(pid, 0) << service;

  harness.Kill(GetParam());
  EXPECT_TRUE(harness.BecomesWell(Scaled(kRecovery)));

  // Data is complete again, with what was accepted before the kill.
  EXPECT_THAT(harness.WaitUntilComplete(3), IsEmpty());
  for (const auto& [service, pid] : before) {
    if (service != GetParam()) {
      EXPECT_EQ(harness.Pid(service), pid) << service;
    }
  }
}

TEST_P(ProcessDeathTest, StatusShowsADeadProcess) {
  GatewayHarness harness;
  harness.StartGateway();
  ASSERT_THAT(harness.WaitUntilComplete(1), IsEmpty());
  // Stopped, it answers no more, but is not started again either.
  harness.Signal(GetParam(), SIGSTOP);
  EXPECT_TRUE(Eventually(kPatience, [&] { return !harness.Status().AllIsWell(); }));
  EXPECT_NE(harness.Run("status").output.find(GetParam()), std::string::npos);
  harness.Signal(GetParam(), SIGCONT);
  EXPECT_TRUE(harness.BecomesWell());
}

INSTANTIATE_TEST_SUITE_P(Services, ProcessDeathTest, testing::ValuesIn(kServices),
                         [](const auto& info) { return std::string(info.param); });

TEST(ProcessDownTest, NothingIsLostHoweverOftenCloudLinkIsKilled) {
  GatewayHarness harness;
  harness.StartGateway();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(harness.MoreMessages(1));
    harness.Signal("cloud_link", SIGKILL);
  }
  EXPECT_THAT(harness.WaitUntilComplete(3), IsEmpty());
  EXPECT_TRUE(harness.BecomesWell());
}

// A SetConfig stops the program; here config_store hangs meanwhile and cloud_link
// is killed.
TEST(ProcessDownTest, AProgramThatWasStoppedForASetConfigRunsAgainAfterAKill) {
  GatewayHarness harness;
  harness.StartGateway();
  ASSERT_THAT(harness.WaitUntilComplete(1), IsEmpty());
  harness.Signal("config_store", SIGSTOP);
  const portal::Command command = {
      .kind = portal::CommandKind::kConfig,
      .request_id = "r1",
      .serial_number = kSerialNumber,
      .commands = tixml::Parse("<SetConfig _=\"USER\"><A/></SetConfig>")->nodes};
  ASSERT_TRUE(harness.portal().SendCommand(kGateway, command).ok());
  const auto mode_is = [&](const char* mode) {
    return absl::StrContains(harness.Run("status", {"--json"}).output,
                             absl::StrCat("\"mode\":\"", mode, "\""));
  };
  ASSERT_TRUE(Eventually(kPatience, [&] { return mode_is("Stop"); }));
  harness.Signal("cloud_link", SIGKILL);
  EXPECT_TRUE(Eventually(kPatience, [&] { return mode_is("Run"); }));
  harness.Signal("config_store", SIGCONT);
  const uint64_t requests = harness.device(0).requests();
  EXPECT_TRUE(Eventually(kPatience, [&] { return harness.device(0).requests() > requests + 5; }));
  EXPECT_THAT(harness.WaitUntilComplete(2), IsEmpty());
}

// As in `fieldgate run 2>&1 | logger` when logger is killed.
TEST(ProcessDownTest, AServiceIsStartedAgainWhenNobodyReadsTheLogAnyMore) {
  const std::string log = NewTempDir() + "/log";
  ASSERT_EQ(mkfifo(log.c_str(), 0600), 0);
  const int reader = open(log.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  // A shell has not ignored SIGPIPE, as this process does.
  GatewayHarness harness({.shell = absl::StrCat("exec env --default-signal=PIPE \"$@\" 2>", log)});
  harness.StartGateway();
  EXPECT_TRUE(harness.BecomesWell());
  close(reader);
  const std::map<std::string, pid_t> before = Pids(harness);
  harness.Kill("process_data");
  EXPECT_TRUE(harness.BecomesWell());
  for (const auto& [service, pid] : before) {
    EXPECT_EQ(harness.Pid(service) == pid, service != "process_data") << service;
  }
}

TEST(ProcessDownTest, DataFlowsOnWithoutTheConfigStore) {
  GatewayHarness harness;
  harness.StartGateway();
  ASSERT_THAT(harness.WaitUntilComplete(1), IsEmpty());
  harness.Signal("config_store", SIGSTOP);
  EXPECT_THAT(harness.WaitUntilComplete(3), IsEmpty());
  harness.Signal("config_store", SIGCONT);
}

TEST(ProcessDownTest, WithoutAcquisitionBusPointsAreInvalidAndThenValidAgain) {
  GatewayHarness harness;
  harness.StartGateway();
  ASSERT_THAT(harness.WaitUntilComplete(1), IsEmpty());
  // Killed again and again until a message of the time without it was seen.
  const auto invalid = [&] { return harness.Sensor("Process_Field1_Dev", "P0").state == 0; };
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const pid_t pid = harness.Pid("process_data");
    if (pid != 0) kill(pid, SIGKILL);
    return invalid();
  }));
  EXPECT_TRUE(Eventually(kPatience, [&] { return !invalid(); }));
  EXPECT_THAT(harness.WaitUntilComplete(1), IsEmpty());
}

}  // namespace
}  // namespace fieldgate::system_test
