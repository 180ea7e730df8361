// <Reset/> in its forms that end the services: a restart, and the factory's
// configuration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>

#include <array>
#include <filesystem>

#include "absl/strings/match.h"
#include "common/tixml/codec.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using portal::CommandKind;
using portal::CommandResult;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kServices[] = {"config_store", "process_data", "cloud_link"};

class ResetTest : public testing::Test {
 protected:
  ResetTest() {
    harness_.StartGateway();
    EXPECT_THAT(harness_.WaitUntilComplete(2), IsEmpty());
    before_ = Pids();
  }

  std::array<pid_t, 3> Pids() const {
    return {harness_.Pid(kServices[0]), harness_.Pid(kServices[1]), harness_.Pid(kServices[2])};
  }
  bool AllRestarted() const {
    const std::array<pid_t, 3> now = Pids();
    for (size_t i = 0; i < now.size(); ++i) {
      if (now[i] == 0 || now[i] == before_[i]) return false;
    }
    return true;
  }

  CommandResult Cmd(const std::string& id, const std::string& command) {
    const absl::Status sent =
        harness_.portal().SendCommand(kGateway, {.kind = CommandKind::kCmd,
                                                 .request_id = id,
                                                 .serial_number = kSerialNumber,
                                                 .commands = tixml::Parse(command)->nodes});
    EXPECT_TRUE(sent.ok()) << sent;
    CommandResult found;
    EXPECT_TRUE(Eventually(kPatience, [&] {
      for (const CommandResult& result : harness_.portal().Snapshot().results) {
        if (result.response_id != id) continue;
        found = result;
        return true;
      }
      return false;
    })) << id;
    return found;
  }
  std::string Local(const std::string& command) {
    return harness_.Run("tixml", {"[" + command + "]"}).output;
  }

  GatewayHarness harness_;
  std::array<pid_t, 3> before_ = {};
};

TEST_F(ResetTest, ARestartIsAnsweredAndLosesNothing) {
  EXPECT_EQ(Cmd("r1", "<Set _=\"/Process/PV/Level\" value=\"77\"/>").error_code, 0);
  EXPECT_EQ(Cmd("r2", "<Reset/>").error_code, 0);
  ASSERT_TRUE(Eventually(kPatience, [this] { return AllRestarted(); }));
  EXPECT_TRUE(harness_.BecomesWell());
  EXPECT_THAT(harness_.WaitUntilComplete(2), IsEmpty());
  EXPECT_THAT(Local("<Get _=\"/Process/PV/Level\"/>"), HasSubstr("77"));
}

TEST_F(ResetTest, ARestartCanBeOrderedAtTheDevice) {
  EXPECT_EQ(harness_.Run("tixml", {"[<Reset _=\"Restart\"/>]"}).exit_status, 0);
  ASSERT_TRUE(Eventually(kPatience, [this] { return AllRestarted(); }));
  EXPECT_TRUE(harness_.BecomesWell());
}

TEST_F(ResetTest, AFactoryResetLeavesTheFactorysConfigurationAlone) {
  std::filesystem::copy_file(harness_.file("isp.tixml"), harness_.state_dir() + "/factory.tixml");
  EXPECT_EQ(Cmd("r1", "<SetConfig _=\"USER\"><Owner/></SetConfig>").error_code, 0);
  EXPECT_EQ(Cmd("r2", "<Set _=\"/Process/PV/Level\" value=\"77\"/>").error_code, 0);
  const int64_t rollouts = harness_.portal().Snapshot().rollout_requests;
  EXPECT_EQ(Cmd("r3", "<Reset _=\"Factory\"/>").error_code, 0);
  ASSERT_TRUE(Eventually(kPatience, [this] { return AllRestarted(); }));
  // The ids are forgotten, so it rolls out anew; message_ids go on.
  ASSERT_TRUE(Eventually(kPatience,
                         [&] { return harness_.portal().Snapshot().rollout_requests > rollouts; }));
  EXPECT_TRUE(harness_.MoreMessages(2));
  EXPECT_THAT(Local("<GetConfig _=\"USER\"/>"), HasSubstr("Error"));
  EXPECT_THAT(Local("<GetConfig _=\"PROCCFG\"/>"), HasSubstr("Error"));
  EXPECT_THAT(Local("<ReadLog _=\"SupportLog\"/>"), HasSubstr("factory reset by portal CloudConn"));
  EXPECT_THAT(harness_.Run("config revisions").output, Not(HasSubstr("USER")));
}

TEST_F(ResetTest, AFactoryResetFromAfarIsRefusedWhenTheGatewayWouldBeOutOfReach) {
  const CommandResult refused = Cmd("r1", "<Reset _=\"Factory\" ver=\"y\"/>");
  EXPECT_EQ(refused.error_code, 500);
  EXPECT_THAT(refused.body, HasSubstr("factory.tixml"));
  EXPECT_THAT(harness_.WaitUntilComplete(2), IsEmpty());
  EXPECT_EQ(Pids(), before_);
}

}  // namespace
}  // namespace fieldgate::system_test
