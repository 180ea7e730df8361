// Rollout, init and running with the real binaries and a real broker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using portal::Fault;
using testing::HasSubstr;
using testing::IsEmpty;

class FormatTest : public testing::TestWithParam<const char*> {};

TEST_P(FormatTest, FromEmptyStateToRunning) {
  GatewayHarness harness({.cloud = {.format = GetParam()}});
  harness.StartGateway();
  EXPECT_THAT(harness.WaitUntilComplete(5), IsEmpty());
  EXPECT_EQ(harness.portal().Snapshot().rollout_requests, 1);
  // Field1's three points, the simulated one and two process variables.
  EXPECT_EQ(harness.Data().sensors.size(), 6u);
  EXPECT_EQ(harness.Sensor("Process_PV", "Text").value, "hello");
  EXPECT_TRUE(harness.BecomesWell());
}

INSTANTIATE_TEST_SUITE_P(Formats, FormatTest, testing::Values("TiXML", "XML", "JSON"),
                         [](const auto& info) { return std::string(info.param); });

class QosTest : public testing::TestWithParam<int> {};

TEST_P(QosTest, DataArrivesCompleteWithEachQos) {
  GatewayHarness harness({.cloud = {.qos = GetParam()}});
  harness.StartGateway();
  EXPECT_THAT(harness.WaitUntilComplete(5), IsEmpty());
  if (GetParam() == 2) {
    EXPECT_EQ(harness.Data().redeliveries, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Qos, QosTest, testing::Values(0, 2));

TEST(LifecycleTest, IdsOfARolloutAreKeptOverARestart) {
  GatewayHarness harness;
  harness.StartGateway();
  ASSERT_THAT(harness.WaitUntilComplete(2), IsEmpty());
  ASSERT_EQ(harness.StopGateway(), 0);
  harness.StartGatewayAgain();
  EXPECT_THAT(harness.WaitUntilComplete(3), IsEmpty());
  EXPECT_EQ(harness.portal().Snapshot().rollout_requests, 1);
  EXPECT_EQ(harness.portal().Snapshot().init_requests, 2);
}

class PortalFaultTest : public testing::TestWithParam<Fault::Kind> {};

TEST_P(PortalFaultTest, TheGatewayAsksAgainUntilItGetsRunning) {
  const Fault fault{.first = 2, .kind = GetParam(), .delay = absl::Seconds(4)};
  GatewayHarness harness({.portal = {.rollout_fault = fault, .init_fault = fault}});
  harness.StartGateway();
  EXPECT_THAT(harness.WaitUntilComplete(3), IsEmpty());
  EXPECT_GE(harness.portal().Snapshot().rollout_requests, 3);
  EXPECT_GE(harness.portal().Snapshot().init_requests, 3);
}

INSTANTIATE_TEST_SUITE_P(Faults, PortalFaultTest,
                         testing::Values(Fault::Kind::kErrorCode, Fault::Kind::kWrongResponseId,
                                         Fault::Kind::kGarbage, Fault::Kind::kMissingField,
                                         Fault::Kind::kLate, Fault::Kind::kNever));

TEST(LifecycleTest, ThePortalsErrorIsInTheStatus) {
  const Fault fault{.first = 1'000'000, .kind = Fault::Kind::kErrorCode, .error_code = 404};
  GatewayHarness harness({.portal = {.rollout_fault = fault}});
  harness.StartGateway();
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return harness.Run("status").output.find("404") != std::string::npos;
  })) << harness.Run("status").output;
  EXPECT_FALSE(harness.Status().AllIsWell());
}

TEST(LifecycleTest, UserNameAndPasswordLetTheGatewayIn) {
  GatewayHarness harness({.broker = {.username = "gate", .password = "secret"},
                          .cloud = {.username = "gate", .password = "secret"}});
  harness.StartGateway();
  EXPECT_THAT(harness.WaitUntilComplete(2), IsEmpty());
}

TEST(LifecycleTest, AWrongPasswordIsInTheStatusButNotTheSecret) {
  GatewayHarness harness({.broker = {.username = "gate", .password = "secret"},
                          .cloud = {.username = "gate", .password = "s3kr3t-wrong"}});
  harness.StartGateway();
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const std::string status = harness.Run("status").output;
    return status.find("password") != std::string::npos ||
           status.find("not authori") != std::string::npos;
  })) << harness.Run("status").output;
  EXPECT_FALSE(harness.Status().AllIsWell());
  EXPECT_EQ(harness.Run("status").output.find("s3kr3t"), std::string::npos);
  EXPECT_EQ(harness.GatewayOutput().find("s3kr3t"), std::string::npos);
}

}  // namespace
}  // namespace fieldgate::system_test
