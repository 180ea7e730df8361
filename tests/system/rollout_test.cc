// What a rollout gives beyond the ids (manual 2.1.2).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/tixml/codec.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(RolloutTest, TheGatewayMovesToTheDataBrokerAndStaysThere) {
  Mosquitto data_broker;
  ASSERT_TRUE(data_broker.Start().ok());
  absl::StatusOr<std::unique_ptr<portal::PortalSimulator>> data_portal =
      portal::PortalSimulator::Start({.broker_url = data_broker.url()});
  ASSERT_TRUE(data_portal.ok()) << data_portal.status();
  GatewayHarness harness({.portal = {.data_broker = portal::DataBroker{data_broker.url(), 1}}});
  const auto messages = [&] {
    const portal::PortalStats stats = (*data_portal)->Snapshot();
    const portal::StreamStats* stream = stats.Stream(kGateway);
    return stream == nullptr ? 0 : stream->messages;
  };

  harness.StartGateway();
  EXPECT_TRUE(Eventually(kPatience, [&] { return messages() >= 3; }));
  ASSERT_EQ(harness.StopGateway(), 0);
  const int64_t before = messages();
  harness.StartGatewayAgain();
  EXPECT_TRUE(Eventually(kPatience, [&] { return messages() >= before + 3; }));

  EXPECT_EQ(harness.portal().Snapshot().rollout_requests, 1);
  EXPECT_EQ(harness.portal().Snapshot().init_requests, 0);
  EXPECT_THAT(portal::WhyIncomplete(*(*data_portal)->Snapshot().Stream(kGateway), 6), IsEmpty());
}

TEST(RolloutTest, ItsConfigurationIsInForceAndAFailingPartStopsNothing) {
  const absl::StatusOr<tixml::Document> commands = tixml::Parse(
      R"([<SetConfig _="ISP"><CloudConn><QoS _="9"/></CloudConn></SetConfig>
          <SetConfig _="PROCCFG"><ProcessVars>
            <Level value="23.5"/><Text value="hello"/><FromPortal value="7"/>
          </ProcessVars></SetConfig>])");
  ASSERT_TRUE(commands.ok()) << commands.status();
  GatewayHarness harness({.portal = {.gateway_configuration = commands->nodes}});
  harness.StartGateway();
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return harness.Run("tixml", {"[<Get _=\"/Process/PV/FromPortal\"/>]"}).output.find("\"7\"") !=
           std::string::npos;
  }));
  EXPECT_THAT(harness.WaitUntilComplete(2), IsEmpty());
  EXPECT_THAT(harness.Run("tixml", {"[<GetConfig _=\"ISP\"/>]"}).output,
              HasSubstr("<QoS _=\"1\"/>"));
}

}  // namespace
}  // namespace fieldgate::system_test
