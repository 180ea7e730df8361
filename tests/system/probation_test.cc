// Safe remote configuration: a change of a connector's own settings that came
// through itself stays only if the connector runs with it. Real binaries, a real
// broker, real kills.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/rpc.h"
#include "common/tixml/codec.h"
#include "proto/config_store.grpc.pb.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using portal::Command;
using portal::CommandKind;
using portal::CommandResult;
using portal::PortalSimulator;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// All results with this response_id, in the order of their arrival.
std::vector<CommandResult> ResultsOf(PortalSimulator& portal, const std::string& id) {
  std::vector<CommandResult> results;
  for (const CommandResult& result : portal.Snapshot().results) {
    if (result.response_id == id) results.push_back(result);
  }
  return results;
}

CommandResult AwaitResult(PortalSimulator& portal, const std::string& id) {
  EXPECT_TRUE(Eventually(kPatience, [&] { return !ResultsOf(portal, id).empty(); })) << id;
  const std::vector<CommandResult> results = ResultsOf(portal, id);
  return results.empty() ? CommandResult() : results.front();
}

class ProbationTest : public testing::Test {
 protected:
  void Start(const std::string& more, Mosquitto::Options broker = {}) {
    GatewayHarness::Options options;
    options.broker = broker;
    options.cloud.username = broker.username;
    options.cloud.password = broker.password;
    options.cloud.more = more;
    harness_ = std::make_unique<GatewayHarness>(std::move(options));
    harness_->StartGateway();
    ASSERT_THAT(harness_->WaitUntilComplete(1), IsEmpty());
  }

  // The portal's request with one SetConfig of CloudConn.
  void SetCloudConn(const std::string& id, const std::string& settings) {
    const std::string text =
        absl::StrCat("<SetConfig _=\"ISP/CloudConn\" ver=\"y\">", settings, "</SetConfig>");
    const absl::Status sent =
        harness_->portal().SendCommand(kGateway, {.kind = CommandKind::kConfig,
                                                  .request_id = id,
                                                  .serial_number = kSerialNumber,
                                                  .commands = tixml::Parse(text)->nodes});
    ASSERT_TRUE(sent.ok()) << sent;
  }
  static std::string Url(int port) {
    return absl::StrCat("<CloudBaseUrl _=\"tcp://127.0.0.1:", port, "\"/>");
  }

  bool BecomesOnProbation() {
    return Eventually(kPatience, [this] {
      return absl::StrContains(
          harness_->Run("status").output,
          "on probation: the settings of revision 2 come back unless it runs within ");
    });
  }

  // The newest entries of the SupportLog, in one text.
  std::string SupportLog() {
    const auto stub = config_store::v1::ConfigStore::NewStub(
        rpc::Connect(harness_->state_dir() + "/run/config_store.sock"));
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    rpc::SetTimeout(context, kPatience);
    config_store::v1::ListSupportLogResponse response;
    const grpc::Status status = stub->ListSupportLog(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::string text;
    for (const auto& entry : response.entries()) absl::StrAppend(&text, entry.message(), "\n");
    return text;
  }

  std::unique_ptr<GatewayHarness> harness_;
};

TEST_F(ProbationTest, AWrongPasswordIsTakenBackAndThePortalLearnsIt) {
  Start("    <ConfirmTime _=\"10\"/>\n", {.username = "gate", .password = "secret"});
  SetCloudConn("r1", "<password _=\"s3kr3t-wrong\"/>");
  EXPECT_TRUE(BecomesOnProbation());

  const CommandResult result = AwaitResult(harness_->portal(), "r1");
  EXPECT_EQ(result.error_code, 500);
  EXPECT_THAT(result.body, AllOf(HasSubstr("-2152"), HasSubstr("are in force again"),
                                 HasSubstr("within 10 s: "), HasSubstr("uthor")));
  EXPECT_THAT(result.body, testing::Not(HasSubstr("s3kr3t")));
  EXPECT_THAT(harness_->WaitUntilComplete(2), IsEmpty());
  EXPECT_TRUE(harness_->BecomesWell());
  EXPECT_TRUE(Eventually(kPatience, [this] {
    return absl::StrContains(SupportLog(), "CloudConn did not run with revision");
  }));
  EXPECT_THAT(SupportLog(), HasSubstr("the settings of CloudConn were taken back: not running "
                                      "within 10 s"));
  EXPECT_THAT(ResultsOf(harness_->portal(), "r1"), SizeIs(1));
}

TEST_F(ProbationTest, AnotherPortThatWorksIsConfirmedAndAnswered) {
  const int other = FreePort();
  Start("", {.config = {absl::StrCat("listener ", other, " 127.0.0.1")}});
  SetCloudConn("r1", Url(other));
  EXPECT_EQ(AwaitResult(harness_->portal(), "r1").error_code, 0);
  EXPECT_THAT(harness_->WaitUntilComplete(2), IsEmpty());
  EXPECT_THAT(harness_->Run("status").output, HasSubstr(absl::StrCat("mqtt:127.0.0.1:", other)));
  EXPECT_FALSE(
      absl::StrContains(harness_->Run("status", {"--json"}).output, "\"on_probation\":true"));
}

TEST_F(ProbationTest, WhatNeedsNoNewConnectionIsConfirmedAtOnce) {
  Start("");
  SetCloudConn("r1", "<ResponseTimeout _=\"7\"/>");
  EXPECT_EQ(AwaitResult(harness_->portal(), "r1").error_code, 0);
  EXPECT_EQ(harness_->portal().Snapshot().init_requests, 1);
}

TEST_F(ProbationTest, AKillOfEverythingMeanwhileLeadsToOneRightAnswer) {
  Start("    <ConfirmTime _=\"10\"/>\n");
  SetCloudConn("r1", Url(FreePort()));
  ASSERT_TRUE(BecomesOnProbation());
  for (const char* service : {"config_store", "cloud_link", "process_data"}) {
    harness_->Signal(service, SIGKILL);
  }
  harness_->KillGateway();
  harness_->StartGatewayAgain();

  const CommandResult result = AwaitResult(harness_->portal(), "r1");
  EXPECT_EQ(result.error_code, 500);
  EXPECT_THAT(result.body, AllOf(HasSubstr("-2152"), HasSubstr("within 10 s: can")))
      << "with the reason of after the kill";
  EXPECT_THAT(harness_->WaitUntilComplete(2), IsEmpty());
  // Asked again, it is not executed again.
  SetCloudConn("r1", "<ResponseTimeout _=\"7\"/>");
  EXPECT_TRUE(
      Eventually(kPatience, [&] { return ResultsOf(harness_->portal(), "r1").size() == 2; }));
  EXPECT_EQ(ResultsOf(harness_->portal(), "r1")[1].body, result.body);
}

TEST_F(ProbationTest, ConfigStoreTakesItBackAlthoughCloudLinkNeverComesUp) {
  Start("    <ConfirmTime _=\"10\"/>\n");
  SetCloudConn("r1", Url(FreePort()));
  ASSERT_TRUE(BecomesOnProbation());
  harness_->Signal("cloud_link", SIGSTOP);
  EXPECT_TRUE(Eventually(kPatience, [this] {
    return absl::StrContains(SupportLog(), "the settings of CloudConn were taken back");
  }));
  harness_->Signal("cloud_link", SIGKILL);
  EXPECT_EQ(AwaitResult(harness_->portal(), "r1").error_code, 500);
  EXPECT_THAT(harness_->WaitUntilComplete(1), IsEmpty());
}

// The broker that it is moved to comes up only after the kills.
TEST_F(ProbationTest, ARightChangeIsConfirmedAlthoughTheServicesAreKilledMeanwhile) {
  Mosquitto second;
  Start("");
  SetCloudConn("r1", Url(second.port()));
  ASSERT_TRUE(BecomesOnProbation());
  harness_->Signal("config_store", SIGKILL);
  harness_->Signal("cloud_link", SIGKILL);
  ASSERT_TRUE(second.Start().ok());
  portal::PortalOptions options;
  options.broker_url = second.url();
  options.connect_deadline = kPatience;
  const auto portal = PortalSimulator::Start(options);
  ASSERT_TRUE(portal.ok()) << portal.status();

  EXPECT_EQ(AwaitResult(**portal, "r1").error_code, 0);
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const portal::PortalStats stats = (*portal)->Snapshot();
    const portal::StreamStats* stream = stats.Stream(kGateway);
    return stream != nullptr && stream->messages > 2;
  }));
  EXPECT_THAT(ResultsOf(**portal, "r1"), SizeIs(1));
  EXPECT_THAT(ResultsOf(harness_->portal(), "r1"), IsEmpty());
}

}  // namespace
}  // namespace fieldgate::system_test
