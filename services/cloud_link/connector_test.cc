#include "services/cloud_link/connector.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "services/cloud_link/connector_fixture.h"

namespace fieldgate::cloud_link {
namespace {

constexpr char kRolloutResult[] =
    R"({"error_code": 0, "response_id": "01234567_1", "gateway_id": "g", "customer_id": "c"})";

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

TEST_F(ConnectorTest, ChangedLimitsTouchNeitherTheConnectionNorTheDataModel) {
  Create(Config());
  AnswerInit();
  Value(1);
  Advance(absl::Seconds(1));
  const int connects = mqtt_.connects();
  const size_t before = DataBodies().size();
  config::Connector config = Config();
  config.set_response_timeout_s(5);
  config.set_retry_max_s(7);
  config.set_cache_max_mb(3);
  config.set_confirm_time_s(10);
  config.set_qos(0);
  config.set_time_zone("Asia/Tokyo");
  ASSERT_TRUE(Connector::SameConnection(Config(), config));
  EXPECT_FALSE(connector_->ChangeDataModel(config, now())) << "the same values";
  Run();
  EXPECT_EQ(state(), v1::RUNNING);
  EXPECT_EQ(mqtt_.connects(), connects);
  Advance(absl::Seconds(1));
  ASSERT_EQ(DataBodies().size(), before + 1) << "and at the same pace";
  // Sampled at 1,700,000,000 UTC.
  EXPECT_TRUE(absl::StrContains(DataBodies().back(), absl::StrCat(1'700'000'000 + 9 * 3600)))
      << DataBodies().back();
  EXPECT_EQ(mqtt_.published().back().message.qos, Qos::kAtMostOnce);
}

TEST_F(ConnectorTest, AChangedResponseTimeoutHoldsForTheNextRequest) {
  Create(Config());
  config::Connector config = Config();
  config.set_response_timeout_s(5);
  config.mutable_sections(0)->mutable_points(0)->set_name("Renamed");  // init again
  EXPECT_TRUE(connector_->ChangeDataModel(config, now()));
  Run();
  EXPECT_EQ(state(), v1::WAIT_INIT_RESULT);
  Advance(absl::Seconds(5));
  EXPECT_EQ(state(), v1::BACKOFF);
}

TEST_F(ConnectorTest, AnotherPeriodOrOriginIsTakenOverWithoutInit) {
  Create(Config());
  AnswerInit();
  const std::string request = LastRequestId();
  config::Connector config = Config();
  config.mutable_sections(0)->set_send_period_ms(5000);
  config.mutable_sections(0)->mutable_points(0)->set_origin(config::DataPoint::UNKNOWN);
  EXPECT_TRUE(connector_->ChangeDataModel(config, now()));
  Run();
  EXPECT_EQ(state(), v1::RUNNING);
  EXPECT_EQ(LastRequestId(), request);
}

TEST_F(ConnectorTest, OtherBracesAreTakenOverOnTheSameConnection) {
  config::Connector config = Config();
  config.set_format(config::TIXML);
  config.set_tixml_braces(true);
  Create(config);
  AnswerInit();
  Value(1);
  Advance(absl::Seconds(1));
  ASSERT_EQ(DataBodies().back().front(), '{');
  const int connects = mqtt_.connects();
  config.set_tixml_braces(false);
  connector_->ChangeDataModel(config, now());
  Run();
  AnswerInit();
  Advance(absl::Seconds(1));
  EXPECT_EQ(DataBodies().back().front(), '<');
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

TEST_F(ConnectorTest, ItsRouteIsThatOfItsConnectionsAndShown) {
  config::Connector config = Config();
  config.set_route("MODEM");
  config.set_interface("wwan0");
  Create(config);
  EXPECT_EQ(mqtt_.options().route.interface, "wwan0");
  EXPECT_EQ(mqtt_.options().route.name, "MODEM");
  EXPECT_EQ(connector_->Status().route(), "MODEM (wwan0)");
}

TEST_F(ConnectorTest, EthernetWithoutAnInterfaceIsShownAndBindsNothing) {
  config::Connector config = Config();
  config.set_route("Ethernet");
  Create(config);
  EXPECT_EQ(mqtt_.options().route.interface, "");
  EXPECT_EQ(connector_->Status().route(), "Ethernet");
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

}  // namespace
}  // namespace fieldgate::cloud_link
