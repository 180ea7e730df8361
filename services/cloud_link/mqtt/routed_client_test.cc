// Connections through one interface and no other: CL-70 to CL-74.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/testing/certificate.h"
#include "common/testing/dns_server.h"
#include "common/testing/mosquitto.h"
#include "common/testing/network_namespace.h"
#include "common/testing/two_ways.h"
#include "services/cloud_link/mqtt/paho_mqtt_client.h"
#include "services/cloud_link/mqtt/recorder.h"

namespace fieldgate::cloud_link {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

constexpr char kBroker[] = "tcp://192.0.2.1:1883";

class RoutedClientTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    entered_ = EnterOwnNetwork();
    if (entered_.ok()) {
      ASSERT_TRUE(UseResolvConf("nameserver 192.0.2.1\nnameserver 2001:db8::1\n").ok());
    }
  }

  void SetUp() override {
    if (!entered_.ok()) GTEST_SKIP() << "NOT TESTED: " << entered_;
    absl::StatusOr<std::unique_ptr<TwoWays>> ways = TwoWays::Create();
    ASSERT_TRUE(ways.ok()) << ways.status();
    ways_ = *std::move(ways);
    lan_ = std::make_unique<Mosquitto>(Options());
    wwan_ = std::make_unique<Mosquitto>(Options());
    Start(ways_->behind_lan(), *lan_);
    Start(ways_->behind_wwan(), *wwan_);
    client_ = MakePahoMqttClient(recorder_);
  }

  void TearDown() override {
    client_.reset();
    if (ways_ == nullptr) return;
    EXPECT_TRUE(DeleteInterface("lan0").ok());
    ways_->UnplugWwan().IgnoreError();  // some tests have done it
  }

  static Mosquitto::Options Options() {
    return {.config = {"listener 1883 192.0.2.1", "listener 1883 2001:db8::1"}};
  }

  static void Start(const NetworkNamespace& where, Mosquitto& broker) {
    where.Run([&broker] { ASSERT_TRUE(broker.Start().ok()) << broker.Output(); });
  }

  static MqttOptions Routed(const std::string& url) {
    MqttOptions options;
    options.url = url;
    options.client_id = "gateway";
    options.route = {"wwan0", "MODEM"};
    return options;
  }

  void Connect(const MqttOptions& options) {
    recorder_.Forget();
    const absl::Status status = client_->Connect(options);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(recorder_.Await("connected")) << recorder_.why();
  }

  std::string Refusal(const MqttOptions& options) {
    recorder_.Forget();
    EXPECT_TRUE(client_->Connect(options).ok());
    EXPECT_TRUE(recorder_.Await("disconnected"));
    return std::string(recorder_.why().message());
  }

  // From where the client came, by the broker's log; empty: it did not.
  static bool Saw(const Mosquitto& broker, absl::string_view address) {
    return absl::StrContains(broker.Output(), absl::StrCat("New client connected from ", address));
  }
  static bool SawNobody(const Mosquitto& broker) {
    return !absl::StrContains(broker.Output(), absl::StrCat("New connection from 10.")) &&
           !absl::StrContains(broker.Output(), absl::StrCat("New connection from fd"));
  }

  std::unique_ptr<DnsServer> StartDns(const NetworkNamespace& where, DnsServer::Options options) {
    if (options.address != TwoWays::kHost6) options.address = TwoWays::kHost;
    options.port = 53;
    std::unique_ptr<DnsServer> server;
    where.Run([&] {
      absl::StatusOr<std::unique_ptr<DnsServer>> started = DnsServer::Start(options);
      ASSERT_TRUE(started.ok()) << started.status();
      server = *std::move(started);
    });
    return server;
  }

  static absl::Status entered_;
  std::unique_ptr<TwoWays> ways_;
  std::unique_ptr<Mosquitto> lan_;
  std::unique_ptr<Mosquitto> wwan_;
  Recorder recorder_;
  std::unique_ptr<MqttClient> client_;
};

absl::Status RoutedClientTest::entered_;

TEST_F(RoutedClientTest, WithoutARouteTheSystemsIsTaken) {
  MqttOptions options = Routed(kBroker);
  options.route = {};
  Connect(options);
  EXPECT_TRUE(Saw(*lan_, TwoWays::kLanAddress)) << lan_->Output();
  EXPECT_TRUE(SawNobody(*wwan_)) << wwan_->Output();
}

TEST_F(RoutedClientTest, TheSameAddressIsReachedThroughItsInterfaceOnly) {
  Connect(Routed(kBroker));
  EXPECT_TRUE(Saw(*wwan_, TwoWays::kWwanAddress)) << wwan_->Output();
  EXPECT_TRUE(SawNobody(*lan_)) << lan_->Output();
}

TEST_F(RoutedClientTest, TwoClientsGoTwoWaysAtOnce) {
  Recorder other_recorder;
  const std::unique_ptr<MqttClient> other = MakePahoMqttClient(other_recorder);
  MqttOptions unrouted = Routed(kBroker);
  unrouted.route = {};
  ASSERT_TRUE(other->Connect(unrouted).ok());
  Connect(Routed(kBroker));
  ASSERT_TRUE(other_recorder.Await("connected")) << other_recorder.why();
  EXPECT_TRUE(Saw(*wwan_, TwoWays::kWwanAddress));
  EXPECT_FALSE(Saw(*wwan_, TwoWays::kLanAddress));
  EXPECT_TRUE(Saw(*lan_, TwoWays::kLanAddress));
  EXPECT_FALSE(Saw(*lan_, TwoWays::kWwanAddress));
}

TEST_F(RoutedClientTest, Ipv6GoesThroughItsInterfaceOnly) {
  Connect(Routed("tcp://[2001:db8::1]:1883"));
  EXPECT_TRUE(Saw(*wwan_, TwoWays::kWwanAddress6)) << wwan_->Output();
  EXPECT_TRUE(SawNobody(*lan_)) << lan_->Output();
}

TEST_F(RoutedClientTest, NamesAreAskedThroughItsInterfaceOnly) {
  const auto dns = StartDns(ways_->behind_wwan(), {.names = {{"broker.test", {TwoWays::kHost}}}});
  const auto lan_dns = StartDns(ways_->behind_lan(), {.names = {{"broker.test", {"10.0.1.1"}}}});
  Connect(Routed("tcp://broker.test:1883"));
  EXPECT_TRUE(Saw(*wwan_, TwoWays::kWwanAddress)) << wwan_->Output();
  EXPECT_THAT(dns->Questions(), Each(StartsWith(absl::StrCat(TwoWays::kWwanAddress, " "))));
  EXPECT_THAT(dns->Questions(), Not(IsEmpty()));
  EXPECT_THAT(lan_dns->Questions(), IsEmpty());
  EXPECT_TRUE(SawNobody(*lan_));
}

TEST_F(RoutedClientTest, AnInterfaceWithIpv6OnlyNeedsNoIpv4) {
  ASSERT_TRUE(ways_->UnplugWwan().ok());
  ASSERT_TRUE(ways_->PlugInWwan(/*ipv4=*/false, /*ipv6=*/true).ok());
  const auto dns = StartDns(
      ways_->behind_wwan(),
      {.address = TwoWays::kHost6, .names = {{"broker.test", {TwoWays::kHost, TwoWays::kHost6}}}});
  Connect(Routed("tcp://broker.test:1883"));
  EXPECT_TRUE(Saw(*wwan_, TwoWays::kWwanAddress6)) << wwan_->Output();
  EXPECT_THAT(dns->Questions(), Each(StartsWith(absl::StrCat(TwoWays::kWwanAddress6, " "))));
  EXPECT_TRUE(SawNobody(*lan_)) << lan_->Output();
  EXPECT_THAT(Refusal(Routed(kBroker)), HasSubstr("interface wwan0 (MODEM) has no IPv4 address"));
}

TEST_F(RoutedClientTest, EachAddressOfANameIsTriedInItsTurn) {
  // Nobody is at the first.
  const auto dns =
      StartDns(ways_->behind_wwan(), {.names = {{"broker.test", {"10.0.2.1", TwoWays::kHost}}}});
  EXPECT_THAT(Refusal(Routed("tcp://broker.test:1883")), Not(IsEmpty()));
  Connect(Routed("tcp://broker.test:1883"));
  EXPECT_TRUE(Saw(*wwan_, TwoWays::kWwanAddress));
}

TEST_F(RoutedClientTest, ASilentNameServerHoldsUpNobodyElse) {
  const auto dns = StartDns(ways_->behind_wwan(), {.silent = true});
  ASSERT_TRUE(client_->Connect(Routed("tcp://broker.test:1883")).ok());
  ASSERT_TRUE(Eventually(kLong, [&] { return !dns->Questions().empty(); }));
  Recorder other_recorder;
  const std::unique_ptr<MqttClient> other = MakePahoMqttClient(other_recorder);
  ASSERT_TRUE(other->Connect(Routed(kBroker)).ok());
  ASSERT_TRUE(other_recorder.Await("connected")) << other_recorder.why();
  EXPECT_THAT(recorder_.events(), IsEmpty());
  // The question is dropped with the connection that asked it.
  Connect(Routed(kBroker));
}

TEST_F(RoutedClientTest, ANameThatCannotBeResolvedSaysThroughWhat) {
  const auto dns = StartDns(ways_->behind_wwan(), {});
  EXPECT_THAT(Refusal(Routed("tcp://nobody.test:1883")),
              StartsWith("can't resolve nobody.test through wwan0 (MODEM): "));
}

TEST_F(RoutedClientTest, AMissingInterfaceIsNamedAndNoOtherIsTaken) {
  ASSERT_TRUE(ways_->UnplugWwan().ok());
  EXPECT_EQ(Refusal(Routed(kBroker)), "interface wwan0 (MODEM) does not exist");
  EXPECT_TRUE(SawNobody(*lan_)) << lan_->Output();
  ASSERT_TRUE(ways_->PlugInWwan().ok());
  Connect(Routed(kBroker));
  EXPECT_TRUE(Saw(*wwan_, TwoWays::kWwanAddress));
}

TEST_F(RoutedClientTest, AConnectionIsLostWithItsInterface) {
  Connect(Routed(kBroker));
  ASSERT_TRUE(ways_->UnplugWwan().ok());
  ASSERT_TRUE(recorder_.Await("disconnected"));
  EXPECT_EQ(recorder_.why().message(), "interface wwan0 (MODEM) does not exist");
  ASSERT_TRUE(ways_->PlugInWwan().ok());
  Connect(Routed(kBroker));
  EXPECT_TRUE(SawNobody(*lan_)) << lan_->Output();
}

TEST_F(RoutedClientTest, AConnectionIsLostWhenItsInterfaceIsTakenDown) {
  Connect(Routed(kBroker));
  ASSERT_TRUE(SetInterfaceUp("wwan0", false).ok());
  ASSERT_TRUE(recorder_.Await("disconnected"));
  EXPECT_EQ(recorder_.why().message(), "interface wwan0 (MODEM) is down");
}

TEST_F(RoutedClientTest, AConnectionIsLostWhenItsInterfaceWasReplaced) {
  Connect(Routed(kBroker));
  ASSERT_TRUE(ways_->UnplugWwan().ok());
  ASSERT_TRUE(ways_->PlugInWwan().ok());
  ASSERT_TRUE(recorder_.Await("disconnected"));
  EXPECT_THAT(std::string(recorder_.why().message()), StartsWith("interface wwan0 (MODEM) "));
}

TEST_F(RoutedClientTest, AnUnroutedConnectionDoesNotCareForTheInterface) {
  MqttOptions options = Routed(kBroker);
  options.route = {};
  Connect(options);
  ASSERT_TRUE(ways_->UnplugWwan().ok());
  ASSERT_TRUE(client_->Publish(1, "t", "x", Qos::kAtLeastOnce).ok());
  ASSERT_TRUE(recorder_.Await("published 1"));
  EXPECT_THAT(recorder_.events(), ElementsAre("connected", "published 1"));
}

TEST_F(RoutedClientTest, DataGoBothWays) {
  Connect(Routed(kBroker));
  ASSERT_TRUE(client_->Subscribe(1, {"t"}, Qos::kAtLeastOnce).ok());
  ASSERT_TRUE(recorder_.Await("subscribed 1"));
  ASSERT_TRUE(client_->Publish(2, "t", "body", Qos::kAtLeastOnce).ok());
  ASSERT_TRUE(recorder_.AwaitMessages(1));
  EXPECT_EQ(recorder_.messages()[0].payload, "body");
}

// --- TLS: the certificate must be made out to the configured host ---------------

class RoutedTlsTest : public RoutedClientTest {
 protected:
  // A broker with a certificate for `host` behind wwan0, port 8883, and a name
  // server that knows broker.test.
  MqttOptions StartTls(const std::string& host, const std::string& url) {
    const absl::StatusOr<TestCertificate> certificate = MakeTestCertificate({.host = host});
    EXPECT_TRUE(certificate.ok()) << certificate.status();
    tls_ = std::make_unique<Mosquitto>(Mosquitto::Options{
        .config = {"listener 8883 192.0.2.1", absl::StrCat("certfile ", certificate->cert_file),
                   absl::StrCat("keyfile ", certificate->key_file)}});
    Start(ways_->behind_wwan(), *tls_);
    dns_ = StartDns(ways_->behind_wwan(), {.names = {{"broker.test", {TwoWays::kHost}}}});
    MqttOptions options = Routed(url);
    options.server_auth = MqttOptions::ServerAuth::kFile;
    options.ca_file = certificate->ca_file;
    return options;
  }

  std::unique_ptr<Mosquitto> tls_;
  std::unique_ptr<DnsServer> dns_;
};

TEST_F(RoutedTlsTest, TheNameIsVerified) {
  Connect(StartTls("broker.test", "ssl://broker.test:8883"));
  EXPECT_TRUE(Saw(*tls_, TwoWays::kWwanAddress)) << tls_->Output();
}

TEST_F(RoutedTlsTest, ACertificateForAnotherNameIsRefused) {
  EXPECT_THAT(Refusal(StartTls("other.test", "ssl://broker.test:8883")),
              HasSubstr("hostname mismatch"));
}

TEST_F(RoutedTlsTest, ACertificateForTheAddressOfTheNameIsRefused) {
  EXPECT_THAT(Refusal(StartTls(TwoWays::kHost, "ssl://broker.test:8883")),
              HasSubstr("hostname mismatch"));
}

TEST_F(RoutedTlsTest, AnAddressIsVerified) {
  Connect(StartTls(TwoWays::kHost, "ssl://192.0.2.1:8883"));
  EXPECT_TRUE(Saw(*tls_, TwoWays::kWwanAddress)) << tls_->Output();
}

// What a server sees that has many names.
TEST_F(RoutedTlsTest, TheNameIsAskedForInTheHandshake) {
  MqttOptions options = StartTls("broker.test", "ssl://broker.test:8884");
  int listener = -1;
  ways_->behind_wwan().Run([&listener] {
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(8884);
    inet_pton(AF_INET, TwoWays::kHost, &address.sin_addr);
    ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(listen(listener, 1), 0);
  });
  ASSERT_TRUE(client_->Connect(options).ok());
  pollfd ready = {listener, POLLIN, 0};
  ASSERT_EQ(poll(&ready, 1, static_cast<int>(absl::ToInt64Milliseconds(kLong))), 1);
  const int connection = accept(listener, nullptr, nullptr);
  std::string hello;
  char bytes[4096];
  ssize_t size = 0;
  // It names the host in plain text.
  while (!absl::StrContains(hello, "broker.test") &&
         (size = recv(connection, bytes, sizeof bytes, 0)) > 0) {
    hello.append(bytes, static_cast<size_t>(size));
  }
  EXPECT_TRUE(absl::StrContains(hello, "broker.test"));
  close(connection);
  close(listener);
  EXPECT_TRUE(recorder_.Await("disconnected"));
}

}  // namespace
}  // namespace fieldgate::cloud_link
