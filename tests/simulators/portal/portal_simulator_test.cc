#include "tests/simulators/portal/portal_simulator.h"

#include <gtest/gtest.h>

#include "common/testing/mosquitto.h"
#include "common/testing/process.h"

namespace fieldgate::portal {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

TEST(PortalSimulatorTest, SubscribesAgainAfterTheBrokerCameBack) {
  Mosquitto broker;
  ASSERT_TRUE(broker.Start().ok());
  absl::StatusOr<std::unique_ptr<PortalSimulator>> portal =
      PortalSimulator::Start({.broker_url = broker.url()});
  ASSERT_TRUE(portal.ok()) << portal.status();
  ASSERT_TRUE(Eventually(kPatience, [&] { return (*portal)->connected(); }));
  broker.Kill();
  ASSERT_TRUE(Eventually(kPatience, [&] { return !(*portal)->connected(); }));
  ASSERT_TRUE(broker.Start().ok());
  EXPECT_TRUE(Eventually(kPatience, [&] { return (*portal)->connected(); }));
}

TEST(PortalSimulatorTest, HandsCommandsToTheBroker) {
  Mosquitto broker;
  ASSERT_TRUE(broker.Start().ok());
  absl::StatusOr<std::unique_ptr<PortalSimulator>> portal =
      PortalSimulator::Start({.broker_url = broker.url()});
  ASSERT_TRUE(portal.ok()) << portal.status();
  ASSERT_TRUE(Eventually(kPatience, [&] { return (*portal)->connected(); }));
  EXPECT_TRUE((*portal)->SendCommand("c/g", {.request_id = "1"}).ok());
  EXPECT_TRUE(absl::IsInvalidArgument((*portal)->SendCommand("nowhere", {})));
}

TEST(PortalSimulatorTest, ConnectsOnceTheBrokerIsThere) {
  Mosquitto broker;
  absl::StatusOr<std::unique_ptr<PortalSimulator>> portal =
      PortalSimulator::Start({.broker_url = broker.url()});
  ASSERT_TRUE(portal.ok()) << portal.status();
  EXPECT_FALSE((*portal)->connected());
  ASSERT_TRUE(broker.Start().ok());
  EXPECT_TRUE(Eventually(kPatience, [&] { return (*portal)->connected(); }));
}

TEST(PortalSimulatorTest, GivesUpWithoutABroker) {
  absl::StatusOr<std::unique_ptr<PortalSimulator>> portal =
      PortalSimulator::Start({.broker_url = "tcp://127.0.0.1:" + std::to_string(FreePort()),
                              .connect_deadline = absl::Milliseconds(200)});
  ASSERT_TRUE(portal.ok()) << portal.status();
  EXPECT_TRUE(Eventually(kPatience, [&] { return !(*portal)->health().ok(); }));
  EXPECT_FALSE((*portal)->SendCommand("c/g", {.request_id = "1"}).ok());
}

TEST(PortalSimulatorTest, AnUnusableUrlIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(PortalSimulator::Start({.broker_url = "x://y"}).status()));
}

}  // namespace
}  // namespace fieldgate::portal
