#include "services/cloud_link/mqtt/route_resolver.h"

#include <atomic>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/testing/dns_server.h"
#include "common/testing/network_namespace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace fieldgate::cloud_link {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// A name server on the loopback interface, which is the route here.
class RouteResolverTest : public testing::Test {
 protected:
  void StartServer(DnsServer::Options options) {
    absl::StatusOr<std::unique_ptr<DnsServer>> server = DnsServer::Start(std::move(options));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    options_.servers = absl::StrCat("127.0.0.1:", server_->port());
  }

  // The addresses, or one line: why not.
  std::vector<std::string> Ask(const std::string& host, const MqttRoute& route = {"lo", "VPN"}) {
    absl::StatusOr<std::vector<std::string>> addresses = ResolveThrough(route, host, options_);
    if (addresses.ok()) return *addresses;
    EXPECT_EQ(addresses.status().code(), absl::StatusCode::kUnavailable);
    return {std::string(addresses.status().message())};
  }

  std::unique_ptr<DnsServer> server_;
  RouteResolverOptions options_;
};

TEST_F(RouteResolverTest, ANameIsAskedOfTheServer) {
  StartServer({.names = {{"broker.test", {"192.0.2.1", "192.0.2.2"}}}});
  EXPECT_THAT(Ask("broker.test"), ElementsAre("192.0.2.1", "192.0.2.2"));
  EXPECT_THAT(server_->Questions(), testing::Contains("127.0.0.1 broker.test"));
}

TEST_F(RouteResolverTest, Ipv4ComesFirst) {
  StartServer({.names = {{"broker.test", {"2001:db8::1", "192.0.2.1"}}}});
  const std::vector<std::string> addresses = Ask("broker.test");
  ASSERT_THAT(addresses, testing::Not(IsEmpty()));
  EXPECT_EQ(addresses[0], "192.0.2.1");
}

TEST_F(RouteResolverTest, ANumericAddressIsNotAsked) {
  StartServer({});
  EXPECT_THAT(Ask("192.0.2.1"), ElementsAre("192.0.2.1"));
  EXPECT_THAT(server_->Questions(), IsEmpty());
}

TEST_F(RouteResolverTest, ALocalNameIsNotAsked) {
  StartServer({});
  EXPECT_THAT(Ask("localhost"), testing::Contains("127.0.0.1"));
  EXPECT_THAT(server_->Questions(), IsEmpty());
}

TEST_F(RouteResolverTest, AnUnknownNameSaysSo) {
  StartServer({});
  EXPECT_THAT(Ask("nobody.test"),
              ElementsAre(AllOf(HasSubstr("can't resolve nobody.test through lo (VPN): "),
                                HasSubstr("asked 127.0.0.1"))));
}

TEST_F(RouteResolverTest, AServerThatDoesNotAnswerHangsNothing) {
  StartServer({.silent = true});
  options_.within = absl::Milliseconds(300);
  EXPECT_THAT(Ask("broker.test"),
              ElementsAre(AllOf(HasSubstr("can't resolve broker.test through lo (VPN): "),
                                HasSubstr("Timeout"), HasSubstr("asked 127.0.0.1"))));
  EXPECT_THAT(server_->Questions(), testing::Not(IsEmpty()));
}

TEST_F(RouteResolverTest, WhoIsNotWantedAnyMoreStopsWaiting) {
  StartServer({.silent = true});
  options_.within = absl::Hours(1);
  std::atomic<int> asked = 0;
  options_.wanted = [&asked] { return ++asked < 3; };
  EXPECT_THAT(Ask("broker.test"), SizeIs(1));
  EXPECT_EQ(asked, 3);
}

TEST_F(RouteResolverTest, AMissingInterfaceIsNamed) {
  EXPECT_THAT(Ask("192.0.2.1", {"wwan0", "MODEM"}),
              ElementsAre("interface wwan0 (MODEM) does not exist"));
}

TEST_F(RouteResolverTest, AnInterfaceThatIsDownOrHasNoAddressIsNamed) {
  const absl::Status entered = EnterOwnNetwork();
  if (!entered.ok()) GTEST_SKIP() << "NOT TESTED: " << entered;
  const absl::StatusOr<NetworkNamespace> other = NetworkNamespace::Create();
  ASSERT_TRUE(other.ok()) << other.status();
  ASSERT_TRUE(AddCable("wwan0", *other, "far0").ok());
  const MqttRoute route = {"wwan0", "MODEM"};
  EXPECT_THAT(Ask("192.0.2.1", route), ElementsAre("interface wwan0 (MODEM) is down"));
  ASSERT_TRUE(SetInterfaceUp("wwan0").ok());
  EXPECT_THAT(Ask("192.0.2.1", route), ElementsAre("interface wwan0 (MODEM) has no address"));
  ASSERT_TRUE(AddAddress("wwan0", "10.0.2.2/24").ok());
  EXPECT_THAT(Ask("192.0.2.1", route), ElementsAre("192.0.2.1"));
  EXPECT_THAT(Ask("2001:db8::1", route),
              ElementsAre("interface wwan0 (MODEM) has no IPv6 address, and 2001:db8::1 is one"));
  // It leads neither to this machine nor to an IPv6 address, which is said at once
  // and not after a timeout.
  options_.servers = "127.0.0.53,2001:db8::53";
  options_.within = absl::Hours(1);
  EXPECT_THAT(Ask("broker.test", route),
              ElementsAre("can't resolve broker.test through wwan0 (MODEM): /etc/resolv.conf names "
                          "no server that the interface can reach: 127.0.0.53, 2001:db8::53"));
  EXPECT_THAT(Ask("localhost", route), ElementsAre("127.0.0.1"));
}

}  // namespace
}  // namespace fieldgate::cloud_link
