#include "services/cloud_link/connector.h"

#include <bit>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "services/cloud_link/mqtt/fake_mqtt_client.h"
#include "services/cloud_link/outbox/fake_outbox.h"

namespace fieldgate::cloud_link {
namespace {

namespace config = config_store::v1;

constexpr char kRolloutResult[] =
    R"({"error_code": 0, "response_id": "01234567_1", "gateway_id": "g", "customer_id": "c"})";

config::Connector Config() {
  config::Connector c;
  c.set_name("CloudConn");
  c.set_start(true);
  c.set_base_url("tcp://broker:1883");
  c.set_gateway_id("g");
  c.set_customer_id("c");
  c.set_qos(1);
  c.set_format(config::JSON);
  c.set_client_id("id");
  c.set_clean_session(true);
  c.set_cache(true);
  c.set_response_timeout_s(60);
  c.set_retry_max_s(900);
  c.set_broker_fallback_s(86400);
  auto& section = *c.add_sections();
  section.set_number(1);
  section.set_send_period_ms(1000);
  auto& point = *section.add_points();
  point.set_name("Level");
  point.set_path("/Process/Bus1/D/Level");
  point.set_origin(config::DataPoint::BUS);
  auto& type = *point.add_metadata();
  type.set_name("type");
  type.set_value("custom");
  return c;
}

config::Device Device() {
  config::Device device;
  device.set_serial_number("01234567");
  device.set_product_name("WT640");
  return device;
}

// A connector with a fake broker, disk and process around it, in simulated
// time.
class ConnectorTest : public testing::Test, public MqttListener, public Connector::Host {
 protected:
  explicit ConnectorTest() : mqtt_(*this) {}

  void Create(const config::Connector& config) {
    connector_ = std::make_unique<Connector>(config, Device(), outbox_, mqtt_, *this, now());
    connector_->Start(now());
    Run();
  }

  Now now() const { return {clock_.Now(), clock_.WallNow()}; }

  // All that happens without time passing.
  void Run() {
    for (int i = 0; i < 100; ++i) {
      connector_->Settle(now());
      if (mqtt_.Deliver() == 0) return;
    }
    FAIL() << "does not come to rest";
  }
  void Advance(absl::Duration d) {
    clock_.Advance(d);
    Run();
  }

  void Value(double value) {
    process_data::v1::ValueBatch batch;
    auto& run = *batch.add_runs();
    run.set_count(1);
    run.set_sampled_at_us(absl::ToUnixMicros(clock_.WallNow()));
    batch.set_kinds(std::string(1, process_data::v1::FLOAT));
    batch.set_states(std::string(1, 1));
    batch.add_bits(std::bit_cast<uint64_t>(value));
    connector_->OnBatch(batch, now());
    Run();
  }

  void Answer(const std::string& topic, const std::string& body, bool retained = false) {
    mqtt_.Send({topic, body, Qos::kAtLeastOnce, retained});
    Run();
  }
  void AnswerInit() {
    Answer("c/fp/g/gatewayInitResult",
           absl::StrCat(R"({"error_code": 0, "response_id": ")", LastRequestId(),
                        R"(", "portal_version": "1.2"})"));
  }
  // request_id of the newest request of init.
  std::string LastRequestId() const {
    std::string id;
    for (const auto& p : mqtt_.published()) {
      const size_t at = p.message.payload.find("01234567_CloudConn_");
      if (absl::StrContains(p.message.topic, "gatewayInit") && at != std::string::npos) {
        id = p.message.payload.substr(at, p.message.payload.find('"', at) - at);
      }
    }
    return id;
  }
  std::vector<std::string> DataBodies() const {
    std::vector<std::string> bodies;
    for (const auto& p : mqtt_.published()) {
      if (p.message.topic == "c/fp/g/data") bodies.push_back(p.message.payload);
    }
    return bodies;
  }
  v1::LifecycleState state() const { return connector_->Status().state(); }

  // MqttListener
  void OnConnected(bool) override { connector_->OnConnected(now()); }
  void OnDisconnected(const absl::Status& why) override { connector_->OnDisconnected(why, now()); }
  void OnSubscribed(MqttToken token, const absl::Status& status) override {
    connector_->OnSubscribed(token, status, now());
  }
  void OnPublished(MqttToken token, const absl::Status& status) override {
    connector_->OnPublished(token, status, now());
  }
  void OnMessage(MqttMessage message) override { connector_->OnMessage(message, now()); }
  // Host
  void SaveIdentity(const Identity& identity) override { saved_.push_back(identity); }
  void ForgetIdentities() override { ++forgotten_; }
  void ExecuteConfiguration(std::vector<tixml::Node> commands) override {
    executed_ = std::move(commands);
  }
  std::string CertificatePath(absl::string_view file) override {
    return absl::StrCat("/certs/", file);
  }

  FakeClock clock_;
  FakeOutbox outbox_;
  FakeMqttClient mqtt_;
  std::unique_ptr<Connector> connector_;
  std::vector<Identity> saved_;
  int forgotten_ = 0;
  std::vector<tixml::Node> executed_;
};

TEST_F(ConnectorTest, WithConfiguredIdsItInitialisesAndSends) {
  Create(Config());
  EXPECT_EQ(state(), v1::WAIT_INIT_RESULT);
  AnswerInit();
  EXPECT_EQ(state(), v1::RUNNING);
  EXPECT_EQ(connector_->Status().broker_version(), "1.2");
  Value(42);
  Advance(absl::Seconds(1));
  ASSERT_EQ(DataBodies().size(), 2u);
  EXPECT_TRUE(absl::StrContains(DataBodies()[1], R"("value":"42")")) << DataBodies()[1];
}

TEST_F(ConnectorTest, ARolloutIsStoredBeforeInit) {
  config::Connector config = Config();
  config.clear_gateway_id();
  config.clear_customer_id();
  Create(config);
  EXPECT_EQ(state(), v1::WAIT_ROLLOUT_RESULT);
  Answer("fp/gatewayRolloutResult/01234567", kRolloutResult);
  ASSERT_EQ(saved_.size(), 1u);
  EXPECT_EQ(saved_[0].gateway_id, "g");
  EXPECT_EQ(LastRequestId(), "") << "no init before the ids are on the disk";
  connector_->OnIdentityStored(absl::OkStatus(), now());
  Run();
  EXPECT_NE(LastRequestId(), "");
}

TEST_F(ConnectorTest, TheFirstDataOfALongPeriodComeWhenTheRolloutIsDone) {
  config::Connector c = Config();
  c.clear_gateway_id();
  c.clear_customer_id();
  c.mutable_sections(0)->set_send_period_ms(86'400'000);
  Create(c);
  Value(20.5);
  Advance(absl::Seconds(5));
  Answer("fp/gatewayRolloutResult/01234567", kRolloutResult);
  connector_->OnIdentityStored(absl::OkStatus(), now());
  Run();
  AnswerInit();
  EXPECT_EQ(DataBodies().size(), 1u);
}

TEST_F(ConnectorTest, TheConfigurationOfTheAcceptedRolloutIsExecuted) {
  config::Connector config = Config();
  config.clear_gateway_id();
  config.clear_customer_id();
  Create(config);
  const std::string with = R"({"error_code": 0, "response_id": "ID", "gateway_id": "g",
      "customer_id": "c", "gateway_configuration": {"SetConfig": {"-_": "NAME"}}})";
  Answer("fp/gatewayRolloutResult/01234567",
         absl::StrReplaceAll(with, {{"ID", "01234567_1"}, {"NAME", "USER"}}));
  // A late one, for somebody else, comes before the ids are stored.
  Answer("fp/gatewayRolloutResult/01234567",
         absl::StrReplaceAll(with, {{"ID", "01234567_0"}, {"NAME", "ISP"}}));
  connector_->OnIdentityStored(absl::OkStatus(), now());
  Run();
  ASSERT_EQ(executed_.size(), 1u);
  EXPECT_EQ(*executed_[0].Find("_"), "USER");
}

TEST_F(ConnectorTest, ARetainedResultIsNeverActedOn) {
  Create(Config());
  Answer("c/fp/g/gatewayInitResult",
         absl::StrCat(R"({"error_code": 0, "response_id": ")", LastRequestId(), "\"}"), true);
  EXPECT_EQ(state(), v1::WAIT_INIT_RESULT);
  EXPECT_EQ(connector_->Status().inbound_ignored(), 1u);
}

TEST_F(ConnectorTest, DataOfAnOutageIsSentInOrderAfterIt) {
  Create(Config());
  AnswerInit();
  Value(1);
  mqtt_.refuse_connect = absl::UnavailableError("no route");
  mqtt_.Break();
  Run();
  for (int i = 0; i < 10; ++i) Advance(absl::Seconds(1));
  EXPECT_GE(connector_->Status().messages_waiting(), 9u);
  mqtt_.refuse_connect = absl::OkStatus();
  for (int i = 0; i < 300 && state() != v1::WAIT_INIT_RESULT; ++i) {
    Advance(absl::Seconds(1));
  }
  AnswerInit();
  Advance(absl::Seconds(2));
  const std::vector<std::string> bodies = DataBodies();
  int64_t last = 0;
  for (const std::string& body : bodies) {
    const size_t at = body.find_first_of("0123456789", body.find("message_id"));
    const int64_t id = std::stoll(body.substr(at));
    EXPECT_TRUE(id == last || id == last + 1) << body << " after " << last;
    last = std::max(last, id);
  }
  EXPECT_GE(last, 11);
  EXPECT_EQ(connector_->Status().messages_waiting(), 0u);
}

TEST_F(ConnectorTest, ASilentBrokerIsGivenUpAndNothingIsLost) {
  Create(Config());
  AnswerInit();
  Value(1);
  mqtt_.silent = true;
  for (int i = 0; i < 14; ++i) Advance(absl::Seconds(1));
  EXPECT_EQ(state(), v1::RUNNING);
  for (int i = 0; i < 3 && state() == v1::RUNNING; ++i) Advance(absl::Seconds(1));
  EXPECT_EQ(state(), v1::BACKOFF);
  EXPECT_TRUE(absl::StrContains(connector_->Status().detail(), "acknowledged nothing"));

  mqtt_.silent = false;
  for (int i = 0; i < 300 && state() != v1::WAIT_INIT_RESULT; ++i) Advance(absl::Seconds(1));
  AnswerInit();
  Advance(absl::Seconds(2));
  EXPECT_EQ(connector_->Status().messages_waiting(), 0u);
}

TEST_F(ConnectorTest, ABrokerThatAcknowledgesSlowlyIsKept) {
  Create(Config());
  AnswerInit();
  Value(1);
  for (int i = 0; i < 10; ++i) {
    mqtt_.acknowledge = false;
    for (int j = 0; j < 10; ++j) Advance(absl::Seconds(1));
    mqtt_.acknowledge = true;
    Run();
  }
  EXPECT_EQ(state(), v1::RUNNING);
  EXPECT_EQ(connector_->Status().reconnects(), 0u);
}

TEST_F(ConnectorTest, WithoutCacheNothingIsKeptWhileTheBrokerIsAway) {
  config::Connector config = Config();
  config.set_cache(false);
  Create(config);
  AnswerInit();
  Value(1);
  Advance(absl::Seconds(2));
  mqtt_.refuse_connect = absl::UnavailableError("no route");
  mqtt_.Break();
  Run();
  for (int i = 0; i < 10; ++i) Advance(absl::Seconds(1));
  EXPECT_EQ(connector_->Status().messages_waiting(), 0u);
}

TEST_F(ConnectorTest, AFullDiskIsSurvivedAndShownOnce) {
  Create(Config());
  AnswerInit();
  Value(1);
  outbox_.FailWith(absl::UnavailableError("disk full"));
  for (int i = 0; i < 5; ++i) Advance(absl::Seconds(1));
  const size_t before = DataBodies().size();
  outbox_.FailWith(absl::OkStatus());
  Advance(absl::Seconds(1));
  EXPECT_GT(DataBodies().size(), before);
}

TEST_F(ConnectorTest, AChangedDataModelRunsInitAgainOnTheSameConnection) {
  Create(Config());
  AnswerInit();
  const int connects = mqtt_.connects();
  config::Connector config = Config();
  config.mutable_sections(0)->mutable_points(0)->set_name("Renamed");
  connector_->ChangeDataModel(config, now());
  Run();
  EXPECT_EQ(state(), v1::WAIT_INIT_RESULT);
  AnswerInit();
  EXPECT_EQ(state(), v1::RUNNING);
  EXPECT_EQ(mqtt_.connects(), connects);
}

TEST_F(ConnectorTest, StatusAndProcessValuesFollowSection75) {
  Create(Config());
  AnswerInit();
  Value(1);
  Advance(absl::Seconds(1));
  const auto values = connector_->ProcessValues();
  EXPECT_EQ(values[0], (std::pair<std::string, std::string>("/Process/CloudConn/ConnectionType",
                                                            "mqtt:broker:1883")));
  EXPECT_EQ(values[1].second, "1");
  EXPECT_EQ(values[2].second, "connected");
  EXPECT_EQ(values[3].second, absl::StrCat(absl::ToUnixSeconds(clock_.WallNow())));
  const std::string toggle = values[4].second;
  Advance(absl::Seconds(1));
  EXPECT_NE(connector_->ProcessValues()[4].second, toggle);
  EXPECT_EQ(values[5].second, "1.2");
}

TEST_F(ConnectorTest, TlsFilesAreThoseOfTheStateDirectory) {
  config::Connector config = Config();
  config.set_base_url("ssl://broker:8883");
  config.mutable_tls()->set_server_auth(config::Tls::FILE);
  config.mutable_tls()->set_server_cert("ca.crt");
  Create(config);
  EXPECT_EQ(mqtt_.options().ca_file, "/certs/ca.crt");
  EXPECT_EQ(connector_->Status().connection_type(), "mqtt+ssl:broker:8883");
}

TEST_F(ConnectorTest, RequestsAreTheMessagesOnItsOwnTopicsThatAreNotRetained) {
  Create(Config());
  for (const char* topic : {"c/fp/g/config", "c/fp/g/cmd", "c/fp/g/state"}) {
    EXPECT_TRUE(mqtt_.subscriptions().contains(topic)) << topic;
    EXPECT_TRUE(connector_->IsRequest({topic, "{}", Qos::kAtLeastOnce, false})) << topic;
    EXPECT_FALSE(connector_->IsRequest({topic, "{}", Qos::kAtLeastOnce, true})) << topic;
  }
  EXPECT_FALSE(connector_->IsRequest({"c/fp/other/cmd", "{}", Qos::kAtLeastOnce, false}));
  EXPECT_FALSE(connector_->IsRequest({"c/fp/g/gatewayInitResult", "{}", Qos::kAtLeastOnce, false}));
}

TEST_F(ConnectorTest, BeforeTheIdsAreKnownNothingIsARequest) {
  config::Connector config = Config();
  config.clear_gateway_id();
  config.clear_customer_id();
  Create(config);
  EXPECT_FALSE(connector_->IsRequest({"c/fp/g/cmd", "{}", Qos::kAtLeastOnce, false}));
  EXPECT_FALSE(connector_->IsRequest({"", "{}", Qos::kAtLeastOnce, false}));
}

TEST_F(ConnectorTest, AnAnswerOvertakesDataThatWait) {
  Create(Config());
  Value(1);
  Advance(absl::Seconds(3));
  ASSERT_GE(connector_->Status().messages_waiting(), 1u);
  StoredEntry answer;
  answer.entry.lane = Lane::kResult;
  answer.entry.topic = "c/fp/g/cmdResult";
  answer.entry.content = "{}";
  ASSERT_TRUE(outbox_.Begin().ok());
  answer.id = outbox_.Append(answer.entry).value();
  ASSERT_TRUE(outbox_.Commit().ok());
  connector_->OnAnswerStored(answer);
  const size_t before = mqtt_.published().size();
  AnswerInit();
  ASSERT_GT(mqtt_.published().size(), before + 1);
  EXPECT_EQ(mqtt_.published()[before].message.topic, "c/fp/g/cmdResult");
  EXPECT_EQ(mqtt_.published()[before + 1].message.topic, "c/fp/g/data");
}

TEST_F(ConnectorTest, RealtimeDataAreSentOnCommand) {
  config::Connector config = Config();
  config.mutable_sections(0)->set_send_period_ms(3'600'000);
  Create(config);
  AnswerInit();
  Value(1);
  const size_t before = DataBodies().size();
  EXPECT_TRUE(connector_->SendRealtimeData(1).ok());
  Run();
  EXPECT_EQ(DataBodies().size(), before + 1);
  EXPECT_TRUE(absl::IsNotFound(connector_->SendRealtimeData(2)));
}

TEST_F(ConnectorTest, RealtimeDataThatCanNeitherBeSentNorKeptAreAnError) {
  config::Connector config = Config();
  config.set_cache(false);
  Create(config);
  EXPECT_TRUE(absl::IsUnavailable(connector_->SendRealtimeData(std::nullopt)));
}

TEST(ConnectorConfigurationTest, TellsTheConnectionFromTheDataModel) {
  config::Connector a = Config();
  config::Connector b = a;
  b.mutable_sections(0)->set_send_period_ms(5000);
  EXPECT_TRUE(Connector::SameConnection(a, b));
  EXPECT_FALSE(Connector::SameDataModel(a, b));
  b = a;
  b.set_password("other");
  EXPECT_FALSE(Connector::SameConnection(a, b));
  b = a;
  b.mutable_stored_identity()->set_gateway_id("x");
  EXPECT_TRUE(Connector::SameConnection(a, b));
  EXPECT_TRUE(Connector::SameDataModel(a, b));
}

}  // namespace
}  // namespace fieldgate::cloud_link
