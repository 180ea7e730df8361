// The broker goes away and comes back: nothing is lost, ids stay in order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using testing::IsEmpty;

// Keeps the portal's session over a kill, as a portal's broker does, so that
// what arrives before the portal is back waits for it.
GatewayHarness::Options WithDurableBroker() {
  return {.broker = {
              .config = {"persistence true", "autosave_interval 1", "autosave_on_changes true"}}};
}

TEST(BrokerFaultTest, NothingIsLostWhenTheBrokerIsKilled) {
  GatewayHarness harness(WithDurableBroker());
  harness.StartGateway();
  ASSERT_THAT(harness.WaitUntilComplete(3), IsEmpty());

  harness.broker().Kill();
  // While it is away messages wait, and the status says so.
  EXPECT_TRUE(Eventually(kPatience, [&] { return !harness.Status().AllIsWell(); }));
  ASSERT_TRUE(harness.broker().Start().ok());

  EXPECT_THAT(harness.WaitUntilComplete(5), IsEmpty());
  EXPECT_TRUE(harness.BecomesWell());
}

TEST(BrokerFaultTest, WhatIsSampledDuringAnOutageArrivesInOrderAfterIt) {
  GatewayHarness harness(WithDurableBroker());
  harness.StartGateway();
  ASSERT_THAT(harness.WaitUntilComplete(2), IsEmpty());
  const int64_t last_before = harness.Data().last_id;

  harness.broker().Stop();
  EXPECT_TRUE(Eventually(kPatience, [&] { return harness.Status().messages_waiting >= 3; }))
      << harness.Run("status").output;
  ASSERT_TRUE(harness.broker().Start().ok());

  EXPECT_THAT(harness.WaitUntilComplete(3), IsEmpty());
  EXPECT_GE(harness.Data().last_id, last_before + 3);
  // The ones of the outage kept the time of their sampling.
  EXPECT_GE(harness.Data().highest_age, absl::Seconds(2));
}

TEST(BrokerFaultTest, ABrokerThatComesLaterIsFound) {
  GatewayHarness harness(WithDurableBroker());
  harness.broker().Stop();
  harness.StartGateway();
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return harness.Status().connector_detail.find("can't connect") != std::string::npos;
  })) << harness.Run("status").output;
  ASSERT_TRUE(harness.broker().Start().ok());
  EXPECT_THAT(harness.WaitUntilComplete(2), IsEmpty());
}

TEST(BrokerFaultTest, ASilentBrokerIsNoticedAndNothingIsLost) {
  GatewayHarness harness(WithDurableBroker());
  harness.StartGateway();
  ASSERT_THAT(harness.WaitUntilComplete(2), IsEmpty());
  harness.broker().Pause();
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return harness.Status().connector_detail.find("acknowledged nothing") != std::string::npos;
  })) << harness.Run("status").output;
  harness.broker().Resume();
  EXPECT_THAT(harness.WaitUntilComplete(3), IsEmpty());
}

}  // namespace
}  // namespace fieldgate::system_test
