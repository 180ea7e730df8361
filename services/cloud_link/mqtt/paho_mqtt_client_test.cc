#include "services/cloud_link/mqtt/paho_mqtt_client.h"

#include <gmock/gmock.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/testing/certificate.h"
#include "common/testing/mosquitto.h"
#include "common/testing/process.h"
#include "services/cloud_link/mqtt/raw_broker.h"
#include "services/cloud_link/mqtt/recorder.h"

namespace fieldgate::cloud_link {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

MqttOptions OptionsFor(const std::string& url) {
  MqttOptions options;
  options.url = url;
  options.client_id = "gateway";
  return options;
}

class PahoMqttClientTest : public ::testing::Test {
 protected:
  void StartBroker(Mosquitto::Options options = {}) {
    broker_ = std::make_unique<Mosquitto>(std::move(options));
    ASSERT_TRUE(broker_->Start().ok()) << broker_->Output();
  }

  void ConnectAndWait() {
    ASSERT_TRUE(client_->Connect(OptionsFor(broker_->url())).ok());
    ASSERT_TRUE(recorder_.Await("connected")) << recorder_.why();
  }

  // Why the connection failed.
  std::string Refusal(const MqttOptions& options) {
    const absl::Status status = client_->Connect(options);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_TRUE(recorder_.Await("disconnected"));
    EXPECT_THAT(recorder_.events(), ElementsAre("disconnected"));
    return std::string(recorder_.why().message());
  }

  std::unique_ptr<Mosquitto> broker_;
  Recorder recorder_;
  std::unique_ptr<MqttClient> client_ = MakePahoMqttClient(recorder_);
};

TEST_F(PahoMqttClientTest, DeliversMessagesOfEveryQos) {
  StartBroker();
  ConnectAndWait();
  ASSERT_TRUE(client_->Subscribe(1, {"a/0", "a/1", "a/2"}, Qos::kExactlyOnce).ok());
  ASSERT_TRUE(recorder_.Await("subscribed 1"));
  for (int qos = 0; qos <= 2; ++qos) {
    const std::string body = absl::StrCat("body", std::string(1, '\0'), qos);
    ASSERT_TRUE(client_
                    ->Publish(static_cast<MqttToken>(10 + qos), absl::StrCat("a/", qos), body,
                              static_cast<Qos>(qos))
                    .ok());
    ASSERT_TRUE(recorder_.Await(absl::StrCat("published ", 10 + qos)));
  }
  ASSERT_TRUE(recorder_.AwaitMessages(3));
  const std::vector<MqttMessage> messages = recorder_.messages();
  for (int qos = 0; qos <= 2; ++qos) {
    const MqttMessage& message = messages[static_cast<size_t>(qos)];
    EXPECT_EQ(message.topic, absl::StrCat("a/", qos));
    EXPECT_EQ(message.payload, absl::StrCat("body", std::string(1, '\0'), qos));
    EXPECT_EQ(message.qos, static_cast<Qos>(qos));
    EXPECT_FALSE(message.retained);
  }
}

TEST_F(PahoMqttClientTest, KeepsTheOrderOfManyMessages) {
  StartBroker();
  ConnectAndWait();
  ASSERT_TRUE(client_->Subscribe(1, {"t"}, Qos::kAtLeastOnce).ok());
  ASSERT_TRUE(recorder_.Await("subscribed 1"));
  constexpr MqttToken kCount = 1000;
  for (MqttToken token = 2; token < 2 + kCount; ++token) {
    absl::Status status;
    ASSERT_TRUE(Eventually(kLong, [&] {
      status = client_->Publish(token, "t", absl::StrCat(token), Qos::kAtLeastOnce);
      return !absl::IsResourceExhausted(status);
    }));
    ASSERT_TRUE(status.ok()) << status;
  }
  ASSERT_TRUE(recorder_.AwaitMessages(kCount));
  const std::vector<MqttMessage> messages = recorder_.messages();
  for (MqttToken i = 0; i < kCount; ++i) EXPECT_EQ(messages[i].payload, absl::StrCat(i + 2));
  EXPECT_TRUE(recorder_.Await(absl::StrCat("published ", kCount + 1)));
}

TEST_F(PahoMqttClientTest, PassesTheRetainedFlagOn) {
  RawBroker raw({RawBroker::Connack(0), RawBroker::Publish("r", "old", /*retained=*/true)});
  ASSERT_TRUE(client_->Connect(OptionsFor(raw.url())).ok());
  ASSERT_TRUE(recorder_.AwaitMessages(1));
  EXPECT_TRUE(recorder_.messages()[0].retained);
}

TEST_F(PahoMqttClientTest, SaysThatUserNameOrPasswordAreWrong) {
  StartBroker({.username = "gateway", .password = "secret"});
  MqttOptions options = OptionsFor(broker_->url());
  options.username = "gateway";
  options.password = "wrong";
  EXPECT_THAT(Refusal(options), HasSubstr("not authorised"));
  EXPECT_EQ(recorder_.why().code(), absl::StatusCode::kPermissionDenied);

  recorder_.Forget();
  options.password = "secret";
  ASSERT_TRUE(client_->Connect(options).ok());
  EXPECT_TRUE(recorder_.Await("connected")) << recorder_.why();
}

TEST_F(PahoMqttClientTest, SaysThatNobodyListens) {
  EXPECT_FALSE(Refusal(OptionsFor(absl::StrCat("tcp://127.0.0.1:", FreePort()))).empty());
  EXPECT_EQ(recorder_.why().code(), absl::StatusCode::kUnavailable);
}

TEST_F(PahoMqttClientTest, SaysThatTheHostIsUnknown) {
  EXPECT_THAT(Refusal(OptionsFor("tcp://no-such-host.invalid:1883")),
              HasSubstr("no-such-host.invalid"));
}

TEST_F(PahoMqttClientTest, RefusesUnusableUrlsAtOnce) {
  for (const char* url :
       {"", "localhost:1883", "http://localhost:80", "tcp://localhost", "tcp://:1883", "tcp://h:0",
        "tcp://h:65536", "tcp://h:12x", "tcp://u@h:1883", "ssl://[::1:8883"}) {
    EXPECT_EQ(client_->Connect(OptionsFor(url)).code(), absl::StatusCode::kInvalidArgument) << url;
  }
  EXPECT_THAT(recorder_.events(), IsEmpty());
}

TEST_F(PahoMqttClientTest, NothingCanBeSentWithoutAConnection) {
  EXPECT_EQ(client_->Publish(1, "t", "x", Qos::kAtLeastOnce).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(client_->Subscribe(1, {"t"}, Qos::kAtLeastOnce).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(PahoMqttClientTest, ALostBrokerVoidsTokensAndAnewConnectionWorks) {
  StartBroker();
  ConnectAndWait();
  broker_->Pause();
  ASSERT_TRUE(client_->Publish(7, "t", "x", Qos::kAtLeastOnce).ok());
  broker_->Kill();
  ASSERT_TRUE(recorder_.Await("disconnected"));
  EXPECT_THAT(recorder_.events(), ElementsAre("connected", "disconnected"));
  EXPECT_EQ(client_->Publish(8, "t", "x", Qos::kAtLeastOnce).code(),
            absl::StatusCode::kFailedPrecondition);

  ASSERT_TRUE(broker_->Start().ok());
  recorder_.Forget();
  ConnectAndWait();
  ASSERT_TRUE(client_->Publish(9, "t", "x", Qos::kAtLeastOnce).ok());
  EXPECT_TRUE(recorder_.Await("published 9"));
  EXPECT_THAT(recorder_.events(), ElementsAre("connected", "published 9"));
}

TEST_F(PahoMqttClientTest, ReportsAKeptSession) {
  StartBroker();
  MqttOptions options = OptionsFor(broker_->url());
  options.clean_session = false;
  ASSERT_TRUE(client_->Connect(options).ok());
  ASSERT_TRUE(recorder_.Await("connected"));
  ASSERT_TRUE(client_->Connect(options).ok());
  EXPECT_TRUE(recorder_.Await("connected with session"));
}

TEST_F(PahoMqttClientTest, InAKeptSessionQos2GoesAsQos1) {
  StartBroker();
  MqttOptions options = OptionsFor(broker_->url());
  options.clean_session = false;
  ASSERT_TRUE(client_->Connect(options).ok());
  ASSERT_TRUE(recorder_.Await("connected"));
  ASSERT_TRUE(client_->Subscribe(1, {"a"}, Qos::kExactlyOnce).ok());
  ASSERT_TRUE(recorder_.Await("subscribed 1"));
  ASSERT_TRUE(client_->Publish(2, "a", "body", Qos::kExactlyOnce).ok());
  ASSERT_TRUE(recorder_.AwaitMessages(1));
  EXPECT_EQ(recorder_.messages()[0].qos, Qos::kAtLeastOnce);
}

TEST_F(PahoMqttClientTest, ABadTopicIsRefusedLocallyAndTheConnectionGoesOn) {
  StartBroker();
  ConnectAndWait();
  for (const std::string& topic :
       {std::string(), std::string("a/+"), std::string("#"), std::string("a\0b", 3),
        std::string("\xff"), std::string(70'000, 't')}) {
    EXPECT_EQ(client_->Publish(1, topic, "x", Qos::kAtLeastOnce).code(),
              absl::StatusCode::kInvalidArgument);
  }
  ASSERT_TRUE(client_->Publish(2, "good", "x", Qos::kAtLeastOnce).ok());
  EXPECT_TRUE(recorder_.Await("published 2"));
}

TEST_F(PahoMqttClientTest, CutsAnInboundMessageOver256KiB) {
  StartBroker();
  ConnectAndWait();
  ASSERT_TRUE(client_->Subscribe(1, {"big"}, Qos::kAtLeastOnce).ok());
  ASSERT_TRUE(recorder_.Await("subscribed 1"));
  ASSERT_TRUE(client_->Publish(2, "big", std::string(300 << 10, 'x'), Qos::kAtLeastOnce).ok());
  ASSERT_TRUE(recorder_.AwaitMessages(1));
  EXPECT_EQ(recorder_.messages()[0].payload.size(), (256u << 10) + 1);
}

TEST_F(PahoMqttClientTest, AnInboundTopicThatMqttForbidsIsDropped) {
  RawBroker raw({RawBroker::Connack(0), RawBroker::Publish("a/#", "bad", false) +
                                            RawBroker::Publish("\xc0\x80", "bad", false) +
                                            RawBroker::Publish("good", "x", false)});
  ASSERT_TRUE(client_->Connect(OptionsFor(raw.url())).ok());
  ASSERT_TRUE(recorder_.AwaitMessages(1));
  EXPECT_EQ(recorder_.messages()[0].topic, "good");
}

TEST_F(PahoMqttClientTest, APacketThatIsNoneEndsTheConnectionWithItsReason) {
  RawBroker raw({RawBroker::Connack(0), "\x90\1x"});
  ASSERT_TRUE(client_->Connect(OptionsFor(raw.url())).ok());
  ASSERT_TRUE(recorder_.Await("disconnected"));
  EXPECT_THAT(std::string(recorder_.why().message()),
              HasSubstr("no packet of MQTT: type 9 with 1 bytes"));
}

TEST_F(PahoMqttClientTest, ReportsARefusedSubscription) {
  RawBroker raw({RawBroker::Connack(0), "", RawBroker::Suback(1, {0x80})});
  ASSERT_TRUE(client_->Connect(OptionsFor(raw.url())).ok());
  ASSERT_TRUE(recorder_.Await("connected"));
  ASSERT_TRUE(client_->Subscribe(5, {"t"}, Qos::kAtLeastOnce).ok());
  EXPECT_TRUE(recorder_.Await("not subscribed 5"));
}

TEST_F(PahoMqttClientTest, OneRefusedTopicOfSeveralRefusesAll) {
  RawBroker raw({RawBroker::Connack(0), "", RawBroker::Suback(1, {1}), RawBroker::Suback(2, {0x80}),
                 RawBroker::Suback(3, {1})});
  ASSERT_TRUE(client_->Connect(OptionsFor(raw.url())).ok());
  ASSERT_TRUE(recorder_.Await("connected"));
  ASSERT_TRUE(client_->Subscribe(5, {"t", "u", "v"}, Qos::kAtLeastOnce).ok());
  EXPECT_TRUE(recorder_.Await("not subscribed 5"));
}

TEST_F(PahoMqttClientTest, ExplainsWhyABrokerRefuses) {
  RawBroker raw({RawBroker::Connack(2)});
  EXPECT_THAT(Refusal(OptionsFor(raw.url())), HasSubstr("identifier rejected"));
}

TEST_F(PahoMqttClientTest, ASilentPeerEndsTheAttempt) {
  RawBroker raw({});
  MqttOptions options = OptionsFor(raw.url());
  options.connect_timeout = absl::Seconds(1);
  EXPECT_THAT(Refusal(options), HasSubstr("timeout"));
}

// Some of these messages can't be written, which Paho alone does not survive.
TEST_F(PahoMqttClientTest, AConnectionThatIsResetUnderManyMessagesIsLostAndNothingElse) {
  for (int round = 0; round < 10; ++round) {
    auto raw = std::make_unique<RawBroker>(std::vector<std::string>{RawBroker::Connack(0)});
    recorder_.Forget();
    ASSERT_TRUE(client_->Connect(OptionsFor(raw->url())).ok());
    ASSERT_TRUE(recorder_.Await("connected")) << recorder_.why();
    raw.reset();
    for (MqttToken token = 1; token <= 90; ++token) {
      client_->Publish(token, "t", "body", token % 2 == 0 ? Qos::kAtLeastOnce : Qos::kExactlyOnce)
          .IgnoreError();
    }
    ASSERT_TRUE(recorder_.Await("disconnected"));
  }
}

TEST_F(PahoMqttClientTest, BoundsWhatIsInFlight) {
  StartBroker();
  ConnectAndWait();
  broker_->Pause();
  MqttToken token = 1;
  absl::Status status;
  while (token < 1000 && (status = client_->Publish(token, "t", "x", Qos::kAtLeastOnce)).ok()) {
    ++token;
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(token, 101u);
  broker_->Resume();
  ASSERT_TRUE(recorder_.Await("published 100"));
  EXPECT_TRUE(client_->Publish(token, "t", "x", Qos::kAtLeastOnce).ok());
}

TEST_F(PahoMqttClientTest, BoundsTheBytesInFlight) {
  StartBroker();
  ConnectAndWait();
  broker_->Pause();
  MqttToken token = 1;
  while (token < 1000 &&
         client_->Publish(token, "t", std::string(300'000, 'x'), Qos::kAtLeastOnce).ok()) {
    ++token;
  }
  EXPECT_EQ(token, 5u);  // the fourth passes the limit of 1 MiB
  broker_->Resume();
  EXPECT_TRUE(recorder_.Await("published 4"));
}

TEST_F(PahoMqttClientTest, NoEventComesAfterDisconnect) {
  StartBroker();
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(client_->Connect(OptionsFor(broker_->url())).ok());
    if (i % 2 == 0) recorder_.Await("connected");
    client_->Disconnect();
    recorder_.Forget();
    EXPECT_EQ(client_->Publish(1, "t", "x", Qos::kAtLeastOnce).code(),
              absl::StatusCode::kFailedPrecondition);
  }
  broker_->Kill();
  // A fence: a later attempt's end comes after all that was before it.
  Refusal(OptionsFor(broker_->url()));
}

TEST_F(PahoMqttClientTest, DestructionReturnsWhateverTheConnectionDoes) {
  StartBroker();
  RawBroker silent({});
  for (const std::string& url : {std::string(), broker_->url(), silent.url(),
                                 absl::StrCat("tcp://127.0.0.1:", FreePort())}) {
    for (const bool connected : {false, true}) {
      Recorder recorder;
      std::unique_ptr<MqttClient> client = MakePahoMqttClient(recorder);
      if (!url.empty()) {
        ASSERT_TRUE(client->Connect(OptionsFor(url)).ok());
      }
      if (connected && url == broker_->url()) {
        ASSERT_TRUE(recorder.Await("connected"));
        broker_->Pause();
        for (MqttToken token = 1; token <= 50; ++token) {
          ASSERT_TRUE(client->Publish(token, "t", "x", Qos::kAtLeastOnce).ok());
        }
      }
      std::future<void> gone = std::async(std::launch::async, [&client] { client.reset(); });
      EXPECT_EQ(gone.wait_for(std::chrono::seconds(20)), std::future_status::ready) << url;
      broker_->Resume();
    }
  }
}

// --- TLS ---------------------------------------------------------------------

class PahoTlsTest : public PahoMqttClientTest {
 protected:
  // A broker with a certificate of the given kind, and options that trust its
  // authority.
  MqttOptions StartTlsBroker(const TestCertificateOptions& certificate,
                             std::vector<std::string> config = {}) {
    const absl::StatusOr<TestCertificate> files = MakeTestCertificate(certificate);
    EXPECT_TRUE(files.ok()) << files.status();
    StartBroker(
        {.cert_file = files->cert_file, .key_file = files->key_file, .config = std::move(config)});
    MqttOptions options = OptionsFor(broker_->url());
    options.server_auth = MqttOptions::ServerAuth::kFile;
    options.ca_file = files->ca_file;
    return options;
  }
};

TEST_F(PahoTlsTest, ConnectsToAServerThatTheFileTrusts) {
  MqttOptions options = StartTlsBroker({});
  options.alpn = "mqtt, x-amzn-mqtt-ca";
  ASSERT_TRUE(client_->Connect(options).ok());
  ASSERT_TRUE(recorder_.Await("connected")) << recorder_.why();
  ASSERT_TRUE(client_->Publish(1, "t", std::string(200'000, 'x'), Qos::kAtLeastOnce).ok());
  EXPECT_TRUE(recorder_.Await("published 1"));
}

TEST_F(PahoTlsTest, ConnectsByAddressIfTheCertificateNamesIt) {
  MqttOptions options = StartTlsBroker({.host = "127.0.0.1"});
  options.url = absl::StrCat("ssl://127.0.0.1:", broker_->port());
  ASSERT_TRUE(client_->Connect(options).ok());
  EXPECT_TRUE(recorder_.Await("connected")) << recorder_.why();
}

TEST_F(PahoTlsTest, RefusesACertificateForAnotherHost) {
  EXPECT_THAT(Refusal(StartTlsBroker({.host = "other.example"})), HasSubstr("hostname mismatch"));
}

TEST_F(PahoTlsTest, RefusesACertificateForAnotherAddress) {
  MqttOptions options = StartTlsBroker({.host = "127.0.0.2"});
  options.url = absl::StrCat("ssl://127.0.0.1:", broker_->port());
  EXPECT_THAT(Refusal(options), HasSubstr("IP address mismatch"));
}

TEST_F(PahoTlsTest, RefusesAnExpiredCertificate) {
  EXPECT_THAT(Refusal(StartTlsBroker({.valid_until = -absl::Hours(1)})), HasSubstr("expired"));
}

TEST_F(PahoTlsTest, RefusesACertificateThatIsNotYetValid) {
  EXPECT_THAT(Refusal(StartTlsBroker({.valid_from = absl::Hours(1)})), HasSubstr("not yet valid"));
}

TEST_F(PahoTlsTest, RefusesACertificateOfAnotherAuthority) {
  MqttOptions options = StartTlsBroker({});
  options.ca_file = MakeTestCertificate()->ca_file;
  EXPECT_THAT(Refusal(options),
              AnyOf(HasSubstr("issuer"), HasSubstr("self-signed"), HasSubstr("signature")));
}

TEST_F(PahoTlsTest, RefusesAnRsaKeyOf1024Bits) {
  EXPECT_THAT(Refusal(StartTlsBroker({.rsa_bits = 1024}, {"ciphers DEFAULT@SECLEVEL=0"})),
              HasSubstr("key too weak"));
}

TEST_F(PahoTlsTest, RefusesAServerThatKnowsTls11Only) {
  const absl::StatusOr<TestCertificate> files = MakeTestCertificate();
  ASSERT_TRUE(files.ok()) << files.status();
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
  ASSERT_EQ(SSL_CTX_use_certificate_file(context, files->cert_file.c_str(), SSL_FILETYPE_PEM), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey_file(context, files->key_file.c_str(), SSL_FILETYPE_PEM), 1);
  const std::string port = absl::StrCat("127.0.0.1:", FreePort());
  BIO* const listener = BIO_new_accept(port.c_str());
  BIO_set_accept_bios(listener, BIO_new_ssl(context, /*client=*/0));
  ASSERT_EQ(BIO_do_accept(listener), 1);
  std::thread server([listener] {
    if (BIO_do_accept(listener) != 1) return;
    BIO* const peer = BIO_pop(listener);
    BIO_do_handshake(peer);
    BIO_free_all(peer);
  });
  MqttOptions options = OptionsFor(absl::StrCat("ssl://", port));
  options.server_auth = MqttOptions::ServerAuth::kNone;
  EXPECT_THAT(Refusal(options), HasSubstr("protocol version"));
  server.join();
  BIO_free_all(listener);
  SSL_CTX_free(context);
}

TEST_F(PahoTlsTest, WithoutServerAuthAnyCertificateWillDo) {
  MqttOptions options = StartTlsBroker({.host = "other.example"});
  options.server_auth = MqttOptions::ServerAuth::kNone;
  ASSERT_TRUE(client_->Connect(options).ok());
  EXPECT_TRUE(recorder_.Await("connected")) << recorder_.why();
}

TEST_F(PahoTlsTest, SaysWhenTheServerSpeaksNoTls) {
  StartBroker();
  MqttOptions options = OptionsFor(absl::StrCat("ssl://127.0.0.1:", broker_->port()));
  options.server_auth = MqttOptions::ServerAuth::kNone;
  EXPECT_FALSE(Refusal(options).empty());
}

TEST_F(PahoTlsTest, AMissingCertificateFileIsRefusedAtOnce) {
  MqttOptions options = OptionsFor("ssl://localhost:8883");
  options.server_auth = MqttOptions::ServerAuth::kFile;
  options.ca_file = "/no/such/file";
  EXPECT_EQ(client_->Connect(options).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(recorder_.events(), IsEmpty());
}

}  // namespace
}  // namespace fieldgate::cloud_link
