// Service routing (manual 6): a connector's traffic takes the interface that it
// is given, and no other, whatever happens to it. The gateway has two interfaces
// in a network of its own, and behind each is a broker of the same address.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/testing/dns_server.h"
#include "common/testing/mosquitto.h"
#include "common/testing/network_namespace.h"
#include "common/testing/two_ways.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr char kUrl[] = "tcp://broker.test:1883";
// As the brokers log their clients.
constexpr char kFirst[] = "as WT640_01234567 (";
constexpr char kSecond[] = "as WT640_01234567_2 (";

std::string Route(absl::string_view entries) {
  return absl::StrCat("[<SetConfig _=\"ISP/ISP\" ver=\"y\"><OUT>", entries,
                      "</OUT></SetConfig>]\n");
}

int Count(const std::string& text, const std::string& what) {
  int count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

class RoutingTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    entered_ = EnterOwnNetwork();
    if (entered_.ok()) {
      ASSERT_TRUE(UseResolvConf("nameserver 192.0.2.1\n").ok());
    }
  }

  // The portal is behind wwan0, since there the gateway is to arrive.
  void SetUp() override {
    if (!entered_.ok()) GTEST_SKIP() << "NOT TESTED: " << entered_;
    absl::StatusOr<std::unique_ptr<TwoWays>> ways = TwoWays::Create();
    ASSERT_TRUE(ways.ok()) << ways.status();
    ways_ = *std::move(ways);
    ways_->behind_lan().Run([this] {
      lan_broker_ =
          std::make_unique<Mosquitto>(Mosquitto::Options{.config = {"listener 1883 192.0.2.1"}});
      ASSERT_TRUE(lan_broker_->Start().ok());
      lan_dns_ = StartDns();
    });
    ways_->behind_wwan().Run([this] {
      harness_ = std::make_unique<GatewayHarness>(
          GatewayHarness::Options{.broker = {.config = {"listener 1883 192.0.2.1"}},
                                  .modbus_devices = 0,
                                  .cloud = {.broker_url = kUrl}});
      wwan_dns_ = StartDns();
    });
    harness_->WriteFile("device.json", DeviceJson(R"(, "interfaces": {"MODEM": "wwan0"})"));
  }

  void TearDown() override {
    harness_.reset();
    if (ways_ == nullptr) return;
    EXPECT_TRUE(DeleteInterface("lan0").ok());
    ways_->UnplugWwan().IgnoreError();  // some tests end without it
  }

  static std::unique_ptr<DnsServer> StartDns() {
    absl::StatusOr<std::unique_ptr<DnsServer>> server = DnsServer::Start(
        {.address = TwoWays::kHost, .port = 53, .names = {{"broker.test", {TwoWays::kHost}}}});
    EXPECT_TRUE(server.ok()) << server.status();
    return server.ok() ? *std::move(server) : nullptr;
  }

  void StartRouted() {
    harness_->WriteFile(
        "isp.tixml", absl::StrCat(Route(R"(<CloudConn _="MODEM"/>)"), Isp({.broker_url = kUrl})));
    harness_->StartGateway();
  }

  std::string Status() { return harness_->Run("status").output; }

  bool StatusSays(absl::string_view what) {
    return Eventually(kPatience, [&] { return absl::StrContains(Status(), what); });
  }

  // Neither a connection nor a question went through lan0.
  void ExpectLanUntouched() {
    EXPECT_THAT(lan_broker_->Output(), Not(HasSubstr("New connection from 10.")));
    EXPECT_THAT(lan_dns_->Questions(), IsEmpty());
  }

  static absl::Status entered_;
  std::unique_ptr<TwoWays> ways_;
  std::unique_ptr<Mosquitto> lan_broker_;
  std::unique_ptr<DnsServer> lan_dns_;
  std::unique_ptr<DnsServer> wwan_dns_;
  std::unique_ptr<GatewayHarness> harness_;
};

absl::Status RoutingTest::entered_;

TEST_F(RoutingTest, DataArriveThroughTheConfiguredInterfaceOnly) {
  StartRouted();
  EXPECT_THAT(harness_->WaitUntilComplete(3), IsEmpty());
  EXPECT_THAT(Status(), HasSubstr("MODEM (wwan0)"));
  EXPECT_THAT(harness_->Run("status", {"--json"}).output,
              HasSubstr(R"j("route":"MODEM (wwan0)")j"));
  EXPECT_THAT(harness_->broker().Output(),
              HasSubstr(absl::StrCat("New client connected from ", TwoWays::kWwanAddress)));
  EXPECT_THAT(wwan_dns_->Questions(), Not(IsEmpty()));
  EXPECT_THAT(wwan_dns_->Questions(), Each(StartsWith(absl::StrCat(TwoWays::kWwanAddress, " "))));
  ExpectLanUntouched();
}

TEST_F(RoutingTest, WithoutARouteTheSystemsIsTaken) {
  harness_->StartGateway();
  EXPECT_TRUE(Eventually(kPatience, [this] {
    return absl::StrContains(lan_broker_->Output(),
                             absl::StrCat("New client connected from ", TwoWays::kLanAddress));
  }));
  EXPECT_THAT(Status(), Not(HasSubstr("  route")));
  EXPECT_THAT(harness_->broker().Output(), Not(HasSubstr("New connection from 10.")));
}

TEST_F(RoutingTest, AMissingInterfaceIsShownAndTakenWhenItAppears) {
  ASSERT_TRUE(ways_->UnplugWwan().ok());
  StartRouted();
  EXPECT_TRUE(StatusSays("interface wwan0 (MODEM) does not exist")) << Status();
  ASSERT_TRUE(ways_->PlugInWwan().ok());
  EXPECT_THAT(harness_->WaitUntilComplete(3), IsEmpty());
  ExpectLanUntouched();
}

TEST_F(RoutingTest, AConnectionIsLostWithItsInterfaceAndBackWithIt) {
  StartRouted();
  ASSERT_THAT(harness_->WaitUntilComplete(2), IsEmpty());
  ASSERT_TRUE(ways_->UnplugWwan().ok());
  EXPECT_TRUE(StatusSays("interface wwan0 (MODEM) does not exist")) << Status();
  ASSERT_TRUE(ways_->PlugInWwan().ok());
  EXPECT_THAT(harness_->WaitUntilComplete(3), IsEmpty());
  ExpectLanUntouched();
}

TEST_F(RoutingTest, ANewRouteRestartsItsConnectorOnly) {
  StartRouted();
  ASSERT_THAT(harness_->WaitUntilComplete(2), IsEmpty());
  const Outcome second = harness_->Run(
      "tixml",
      {absl::StrCat(R"([<SetConfig _="ISP" ver="y"><CloudConn2><CloudBaseUrl _=")", kUrl,
                    R"("/><CloudConnStart _="1"/><CloudConnType _="FPIL_Tixi_MQTT_1"/>)",
                    R"(<gateway_id _="g2"/><customer_id _="c2"/></CloudConn2></SetConfig>])")});
  ASSERT_EQ(second.exit_status, 0) << second.output;
  EXPECT_TRUE(Eventually(kPatience, [this] {
    return absl::StrContains(lan_broker_->Output(), kSecond);
  })) << Status();

  const Outcome wrong = harness_->Run("tixml", {Route(R"(<CloudConn2 _="VPN"/>)")});
  EXPECT_EQ(wrong.exit_status, 1);
  EXPECT_THAT(wrong.output, HasSubstr(R"(write "interfaces": {"VPN": "tun0"} into device.json)"));

  const Outcome routed =
      harness_->Run("tixml", {Route(R"(<CloudConn _="MODEM"/><CloudConn2 _="MODEM"/>)")});
  EXPECT_EQ(routed.exit_status, 0) << routed.output;
  EXPECT_TRUE(Eventually(kPatience, [this] {
    return absl::StrContains(harness_->broker().Output(), kSecond);
  })) << Status();
  EXPECT_THAT(harness_->WaitUntilComplete(3), IsEmpty());
  EXPECT_EQ(Count(harness_->broker().Output(), kFirst), 1);
  EXPECT_EQ(Count(lan_broker_->Output(), kFirst), 0);
  EXPECT_EQ(Count(lan_broker_->Output(), kSecond), 1);
}

}  // namespace
}  // namespace fieldgate::system_test
