// Manual 1.1, 2.1, 2.2 and 8: from power on to running, with every answer that
// a portal may give.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/testing/mosquitto.h"
#include "common/tixml/codec.h"
#include "tests/system/conformance/bodies.h"
#include "tests/system/conformance/requirement.h"
#include "tests/system/gateway_harness.h"
#include "tests/system/wire_tap.h"

namespace fieldgate::system_test {
namespace {

using portal::Fault;
using portal::PortalPolicy;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kRollout[] = "fp/gatewayRollout";
constexpr char kRolloutResult[] = "fp/gatewayRolloutResult/01234567";

constexpr char kProcCfg[] = R"([<SetConfig _="PROCCFG" ver="y">
  <ProcessVars><Level value="23.5"/></ProcessVars>
</SetConfig>])";
// With $url, $format, $timeout and $more.
constexpr char kIsp[] = R"([<SetConfig _="ISP" ver="y">
  <CloudConn>
    <CloudBaseUrl _="$url"/>
    <CloudConnStart _="1"/>
    <CloudConnType _="FPIL_Tixi_MQTT_1"/>
    <CloudConnDataFormat _="$format"/>
    <ResponseTimeout _="$timeout"/>
    <RetryMaxTime _="1"/>
    $more
    <RTSendTime1 _="1"/>
    <Realtime1><Level _="/Process/PV/Level" meta_type="volume"/></Realtime1>
  </CloudConn>
</SetConfig>])";

// All requests are answered so.
Fault Always(Fault::Kind kind, int error_code = 0) {
  return {.first = 1'000'000, .kind = kind, .error_code = error_code};
}

std::string BodyOf(Wire wire, const char* root, const std::string& xml, const std::string& json) {
  constexpr char kDeclaration[] = R"(<?xml version="1.0" encoding="UTF-8" ?>)";
  if (wire == Wire::kJson) return json;
  if (wire == Wire::kTiXml) return absl::StrCat("{\n", kDeclaration, xml, "\n}");
  return absl::StrCat(kDeclaration, "<", root, ">", xml, "</", root, ">");
}

class LifecycleTest : public testing::TestWithParam<Wire> {
 protected:
  LifecycleTest() : LifecycleTest(PortalPolicy()) {}
  explicit LifecycleTest(PortalPolicy policy)
      : harness_({.broker = {.config = {"log_type subscribe", "log_type notice"}},
                  .portal = std::move(policy),
                  .modbus_devices = 0}) {
    harness_.WriteFile("proccfg.tixml", kProcCfg);
    absl::StatusOr<std::unique_ptr<WireTap>> tap =
        WireTap::Start({.url = harness_.broker().url()}, &harness_.portal());
    EXPECT_TRUE(tap.ok()) << tap.status();
    tap_ = *std::move(tap);
  }

  Wire wire() const { return GetParam(); }
  std::string where(const char* section, const char* topic) const {
    return absl::StrCat(section, " ", topic, " ", Name(wire()));
  }
  void Start(const std::string& more = "") {
    harness_.WriteFile("isp.tixml", absl::StrReplaceAll(kIsp, {{"$url", harness_.broker().url()},
                                                               {"$format", Name(wire())},
                                                               {"$timeout", response_timeout_},
                                                               {"$more", more}}));
    harness_.StartGateway();
  }
  void Answer(const Fault& rollout, const Fault& init) {
    policy_.rollout_fault = rollout;
    policy_.init_fault = init;
    harness_.portal().SetPolicy(policy_);
  }
  void AnswerRightly() { Answer({}, {}); }

  static std::string Topic(const std::string& level, const std::string& gateway = "gw-01234567") {
    return absl::StrCat("customer-1/fp/", gateway, "/", level);
  }
  size_t Rollouts() const { return tap_->Count(kRollout); }
  void ExpectStatus(const std::string& text) {
    EXPECT_TRUE(Eventually(kPatience, [&] {
      return absl::StrContains(harness_.Status().connector_detail, text);
    })) << harness_.Run("status").output;
  }
  void ExpectRunning() {
    EXPECT_TRUE(Eventually(kPatience, [&] {
      return harness_.Status().connector_state == "running";
    })) << harness_.Run("status").output;
  }
  std::string Value(const std::string& path) {
    const std::string answer = harness_.Run("tixml", {"[<Get _=\"" + path + "\"/>]"}).output;
    const std::string before = "<Get _=\"";
    const size_t at = answer.find(before);
    if (at == std::string::npos) return answer;
    const size_t begin = at + before.size();
    return answer.substr(begin, answer.find('"', begin) - begin);
  }
  // request_id of a rollout request of 2.1.1; the test fails if it is no such.
  std::string RolloutId(const std::string& body) {
    EXPECT_THAT(body, IsBody(wire(), BodyOf(wire(), "gatewayRollout",
                                            R"(<request_id _="01234567_{any}"/>
                                               <prod_name _="WT640"/>
                                               <serial_number _="01234567"/>)",
                                            R"({"request_id": "01234567_{any}",
                                                "prod_name": "WT640",
                                                "serial_number": "01234567"})")));
    const size_t begin = body.find("01234567_");
    return body.substr(begin, body.find('"', begin) - begin);
  }
  // What a portal would send, whenever it is sent.
  std::string RolloutResult(const std::string& response_id, const std::string& gateway_id) {
    return BodyOf(
        wire(), "gatewayRolloutResult",
        absl::StrCat(R"(<error_code _="0"/><response_id _=")", response_id, R"("/><gateway_id _=")",
                     gateway_id, R"("/><customer_id _="customer-1"/>)"),
        absl::StrCat(R"({"error_code": 0, "response_id": ")", response_id, R"(", "gateway_id": ")",
                     gateway_id, R"(", "customer_id": "customer-1"})"));
  }

  // In seconds; short where a test waits for it.
  std::string response_timeout_ = "20";
  PortalPolicy policy_;
  GatewayHarness harness_;
  std::unique_ptr<WireTap> tap_;
};

TEST_P(LifecycleTest, RolloutUntilThePortalAcceptsIt) {
  response_timeout_ = "1";
  Answer(Always(Fault::Kind::kWrongResponseId), {});
  Start();
  {
    const Requirement requirement(where("2.1.1", "gatewayRollout"),
                                  "request_id <serial>_1, prod_name and serial_number");
    EXPECT_EQ(RolloutId(tap_->Await(kRollout, 0).body), "01234567_1");
  }
  {
    const Requirement requirement(where("2.1.2", "gatewayRolloutResult"),
                                  "a response_id that is not ours -> rollout again with n+1");
    EXPECT_EQ(RolloutId(tap_->Await(kRollout, 1).body), "01234567_2");
    EXPECT_EQ(RolloutId(tap_->Await(kRollout, 2).body), "01234567_3");
    EXPECT_EQ(tap_->Count(Topic("gatewayInit")), 0u);
  }
  {
    const Requirement requirement(where("8", "gatewayRolloutResult"),
                                  "404 -> gateway not found, and rollout again");
    Answer(Always(Fault::Kind::kErrorCode, 404), {});
    ExpectStatus("portal answered 404 to rollout: gateway not found");
    tap_->Await(kRollout, Rollouts());
  }
  {
    const Requirement requirement(where("8", "gatewayRolloutResult"),
                                  "409 -> gateway not in rollout state, and rollout again");
    Answer(Always(Fault::Kind::kErrorCode, 409), {});
    ExpectStatus("portal answered 409 to rollout: gateway not in rollout state");
    tap_->Await(kRollout, Rollouts());
  }
  {
    const Requirement requirement(where("2.1.2", "gatewayRolloutResult"),
                                  "a gateway_id that can't be part of a topic -> rollout again");
    policy_.gateway_id = "gw/+";
    AnswerRightly();
    ExpectStatus("gateway_id");
    tap_->Await(kRollout, Rollouts());
    policy_.gateway_id.clear();
  }
  {
    const Requirement requirement(where("2.1.2", "gatewayRolloutResult"),
                                  "an answer to an earlier request is ignored and counted");
    Answer(Always(Fault::Kind::kNever), {});
    const int64_t ignored = harness_.Status().connectors["CloudConn"].inbound_ignored;
    const std::string id = RolloutId(tap_->Await(kRollout, Rollouts()).body);
    tap_->Await(kRollout, Rollouts());
    ASSERT_TRUE(tap_->Publish(kRolloutResult, RolloutResult(id, "gw-late")).ok());
    EXPECT_TRUE(Eventually(kPatience, [&] {
      return harness_.Status().connectors["CloudConn"].inbound_ignored > ignored;
    }));
    EXPECT_EQ(tap_->Count(Topic("gatewayInit", "gw-late")), 0u);
  }
  {
    const Requirement requirement(where("2.1.2", "gatewayRolloutResult"),
                                  "error_code 0 and the right response_id -> init with these ids");
    AnswerRightly();
    tap_->Await(Topic("gatewayInit"), 0);
    ExpectRunning();
  }
  const Requirement requirement(where("2.1.1", "gatewayRollout"), "n grows by one each time");
  int n = 0;
  for (const WireTap::Message& message : tap_->On(kRollout)) {
    EXPECT_EQ(RolloutId(message.body), absl::StrCat("01234567_", ++n));
  }
}

TEST_P(LifecycleTest, WhatARolloutGivesIsKeptAndReset) {
  const std::string first = "gw-first";
  policy_.gateway_id = first;
  AnswerRightly();
  Start();
  tap_->Await(Topic("data", first), 0);
  {
    const Requirement requirement(where("2.1.2", "gatewayRolloutResult"),
                                  "the ids are kept over a restart: no further rollout");
    const size_t inits = tap_->Count(Topic("gatewayInit", first));
    ASSERT_EQ(harness_.StopGateway(), 0);
    harness_.StartGatewayAgain();
    tap_->Await(Topic("gatewayInit", first), inits);
    ExpectRunning();
    EXPECT_EQ(Rollouts(), 1u);
  }
  {
    const Requirement requirement(where("2.1.2", "cmd"),
                                  "Reset of the Secretfile -> answered, then rollout, n goes on");
    policy_.gateway_id = "gw-second";
    AnswerRightly();
    ASSERT_TRUE(tap_->Publish(Topic("cmd", first),
                              RequestBody(wire(), {"cmd",
                                                   "reset",
                                                   kSerialNumber,
                                                   {R"(<Reset _="Secretfile"/>)",
                                                    R"({"Reset": {"-_": "Secretfile"}})"}}))
                    .ok());
    EXPECT_THAT(
        tap_->Await(Topic("cmdResult", first), 0).body,
        IsBody(wire(), ResultBody(wire(), "cmd", 0, "reset", {"<Reset/>", R"({"Reset": null})"})));
    EXPECT_EQ(RolloutId(tap_->Await(kRollout, 1).body), "01234567_2");
    tap_->Await(Topic("data", "gw-second"), 0);
    ExpectRunning();
  }
}

TEST_P(LifecycleTest, GatewayConfigurationIsExecutedOneByOne) {
  const absl::StatusOr<tixml::Document> commands = tixml::Parse(R"([
      <SetConfig _="USER" ver="y"><AccRights><User _="Plain"/></AccRights></SetConfig>
      <SetConfig _="ISP" ver="y"><CloudConn><QoS _="9"/></CloudConn></SetConfig>
      <SetConfig _="PROCCFG" ver="y"><ProcessVars><Level value="23.5"/><FromPortal value="7"/>
      </ProcessVars></SetConfig>])");
  ASSERT_TRUE(commands.ok()) << commands.status();
  policy_.gateway_configuration = commands->nodes;
  AnswerRightly();
  Start();
  {
    const Requirement requirement(where("2.1.2", "gateway_configuration"),
                                  "is in force, and a bad part stops neither the rest nor rollout");
    tap_->Await(Topic("data"), 0);
    ExpectRunning();
    EXPECT_TRUE(Eventually(kPatience, [&] { return Value("/Process/PV/FromPortal") == "7"; }));
    EXPECT_THAT(harness_.Run("tixml", {"[<GetConfig _=\"USER\"/>]"}).output,
                HasSubstr("<User _=\"Plain\"/>"));
    EXPECT_THAT(harness_.Run("tixml", {"[<GetConfig _=\"ISP\"/>]"}).output,
                testing::Not(HasSubstr("QoS")));
    EXPECT_EQ(Rollouts(), 1u);
  }
  const Requirement requirement(where("2.1.2", "gateway_configuration"),
                                "each part has an entry in the SupportLog");
  EXPECT_TRUE(Eventually(kPatience, [&] { return Value("/LogCounter/SupportLog") == "3"; }))
      << Value("/LogCounter/SupportLog");
  EXPECT_THAT(harness_.GatewayOutput(),
              testing::AllOf(HasSubstr("gateway_configuration of CloudConn: SetConfig USER: done"),
                             HasSubstr("gateway_configuration of CloudConn: SetConfig ISP: failed"),
                             HasSubstr("/ISP/CloudConn/QoS")));
}

TEST_P(LifecycleTest, InitUntilThePortalAcceptsIt) {
  response_timeout_ = "1";
  Answer({}, Always(Fault::Kind::kErrorCode, 404));
  Start();
  {
    const Requirement requirement(where("2.2.1", "gatewayInit"), "the data model");
    EXPECT_THAT(
        tap_->Await(Topic("gatewayInit"), 0).body,
        IsBody(wire(), BodyOf(wire(), "gatewayInit",
                              R"(<request_id _="{any}"/><controllers><Process_PV><sensors><Level>
                         <name _="Level"/><type _="volume"/></Level></sensors></Process_PV>
                         </controllers>)",
                              R"({"request_id": "{any}", "controllers": [{"name": "Process_PV",
                          "external_controller_id": "Process_PV", "sensors": [
                          {"external_sensor_id": "Level", "name": "Level", "type": "volume"}
                          ]}]})")));
  }
  {
    const Requirement requirement(where("2.2.1", "gatewayInitResult"),
                                  "error -> the rollout is repeated, as the ids came from one");
    ExpectStatus("portal answered 404 to init: gateway not found");
    tap_->Await(kRollout, 1);
  }
  for (const auto& [code, text] :
       {std::pair(409, "portal answered 409 to init: gateway not in valid state"),
        std::pair(500, "portal answered 500 to init: response_id of gatewayInit is empty")}) {
    const Requirement requirement(where("8", "gatewayInitResult"),
                                  absl::StrCat(code, " -> its meaning in the status"));
    Answer({}, Always(Fault::Kind::kErrorCode, code));
    ExpectStatus(text);
  }
  {
    const Requirement requirement(where("2.2.2", "gatewayInitResult"),
                                  "a response_id that is not ours is ignored");
    Answer({}, Always(Fault::Kind::kWrongResponseId));
    tap_->Await(Topic("gatewayInit"), tap_->Count(Topic("gatewayInit")) + 1);
    EXPECT_EQ(tap_->Count(Topic("data")), 0u);
  }
  {
    const Requirement requirement(where("2.2.2", "gatewayInitResult"),
                                  "error_code 0 -> running, and portal_version is shown");
    policy_.portal_version = "7.1-b";
    AnswerRightly();
    ExpectRunning();
    tap_->Await(Topic("data"), 0);
    EXPECT_TRUE(Eventually(kPatience,
                           [&] { return Value("/Process/CloudConn/BrokerVersion") == "7.1-b"; }));
  }
  {
    const Requirement requirement(where("2.2.2", "gatewayInitResult"),
                                  "a result that nobody waits for is ignored and counted");
    const int64_t ignored = harness_.Status().connectors["CloudConn"].inbound_ignored;
    const std::string error =
        BodyOf(wire(), "gatewayInitResult", R"(<error_code _="404"/><response_id _="old"/>)",
               R"({"error_code": 404, "response_id": "old"})");
    ASSERT_TRUE(tap_->Publish(Topic("gatewayInitResult"), error).ok());
    ASSERT_TRUE(tap_->Publish(kRolloutResult, RolloutResult("01234567_1", "gw-late")).ok());
    EXPECT_TRUE(Eventually(kPatience, [&] {
      return harness_.Status().connectors["CloudConn"].inbound_ignored >= ignored + 2;
    }));
    EXPECT_EQ(harness_.Status().connector_state, "running");
  }
}

TEST_P(LifecycleTest, ConfiguredIdsNeedNoRollout) {
  Answer({}, Always(Fault::Kind::kErrorCode, 409));
  Start(R"(<customer_id _="customer-1"/><gateway_id _="gw-fixed"/>)");
  {
    const Requirement requirement(where("2.1.1", "gatewayRollout"),
                                  "with configured ids: no rollout, init is retried");
    tap_->Await(Topic("gatewayInit", "gw-fixed"), 2);
    ExpectStatus("409");
    AnswerRightly();
    ExpectRunning();
    EXPECT_EQ(Rollouts(), 0u);
  }
  const Requirement requirement(where("2.1.2", "cmd"),
                                "Reset of the Secretfile leaves configured ids");
  ASSERT_TRUE(tap_->Publish(Topic("cmd", "gw-fixed"),
                            RequestBody(wire(), {"cmd",
                                                 "reset",
                                                 kSerialNumber,
                                                 {R"(<Reset _="Secretfile"/>)",
                                                  R"({"Reset": {"-_": "Secretfile"}})"}}))
                  .ok());
  EXPECT_THAT(
      tap_->Await(Topic("cmdResult", "gw-fixed"), 0).body,
      IsBody(wire(), ResultBody(wire(), "cmd", 0, "reset", {"<Reset/>", R"({"Reset": null})"})));
  const size_t data = tap_->Count(Topic("data", "gw-fixed"));
  tap_->Await(Topic("data", "gw-fixed"), data);
  EXPECT_EQ(Rollouts(), 0u);
}

// The manual's "url": "broker.juconn.io": no scheme, no port.
TEST_P(LifecycleTest, DataBrokerDetailsLeadToAnotherBroker) {
  // It listens where the first one's port leads on another address.
  Mosquitto data_broker(
      {.config = {absl::StrCat("listener ", harness_.broker().port(), " 127.0.0.2")}});
  ASSERT_TRUE(data_broker.Start().ok());
  const absl::StatusOr<std::unique_ptr<portal::PortalSimulator>> data_portal =
      portal::PortalSimulator::Start({.broker_url = data_broker.url()});
  ASSERT_TRUE(data_portal.ok()) << data_portal.status();
  const absl::StatusOr<std::unique_ptr<WireTap>> data_tap =
      WireTap::Start({.url = data_broker.url()}, &harness_.portal());
  ASSERT_TRUE(data_tap.ok()) << data_tap.status();
  policy_.data_broker = portal::DataBroker{"127.0.0.2", 0};
  AnswerRightly();
  Start(R"(<BrokerFallbackTime _="2"/>)");
  {
    const Requirement requirement(where("2.1.2", "data_broker_details"),
                                  "init, data with its qos, and commands go over that broker");
    (*data_tap)->Await(Topic("gatewayInit"), 0);
    EXPECT_EQ((*data_tap)->Await(Topic("data"), 0).qos, 0);
    EXPECT_TRUE(Eventually(kPatience, [&] { return Value("/SerialNo") == "01234567"; }));
    ASSERT_TRUE((*data_tap)
                    ->Publish(Topic("state"),
                              RequestBody(wire(), {"state", "s1", kSerialNumber, {"SerialNo", ""}}))
                    .ok());
    EXPECT_THAT(
        (*data_tap)->Await(Topic("stateResult"), 0).body,
        IsBody(wire(), ResultBody(wire(), "state", 0, "s1",
                                  {R"(<Get _="01234567"/>)", R"({"Get": {"-_": "01234567"}})"})));
    EXPECT_EQ(Value("/Process/CloudConn/ConnectionType"),
              absl::StrCat("mqtt:127.0.0.2:", harness_.broker().port()));
    EXPECT_THAT(tap_->Topics(), ElementsAre(kRollout, kRolloutResult));
  }
  const Requirement requirement(where("2.1.2", "data_broker_details"),
                                "that broker is away for too long -> rollout at CloudBaseUrl");
  const size_t rollouts = Rollouts();
  data_broker.Stop();
  tap_->Await(kRollout, rollouts);
}

TEST_P(LifecycleTest, ADataBrokerThatIsNotAllowedIsRefused) {
  const Requirement requirement(where("2.1.2", "data_broker_details"),
                                "a url that BrokerRedirectAllow doesn't list -> rollout again");
  policy_.data_broker = portal::DataBroker{"evil.example.org", 1};
  AnswerRightly();
  Start(R"(<BrokerRedirectAllow _=".juconn.io,.example.com"/>)");
  ExpectStatus("'evil.example.org': BrokerRedirectAllow doesn't list it");
  tap_->Await(kRollout, 1);
}

TEST_P(LifecycleTest, TheElevenTopicsOfTable11AndNoOther) {
  AnswerRightly();
  Start();
  ExpectRunning();
  EXPECT_TRUE(Eventually(kPatience, [&] { return Value("/Process/PV/Level") == "23.5"; }));
  const Requirement requirement(where("1", "Table 1-1"),
                                "the gateway uses these eleven topics, and no other");
  const Statement set = {R"(<Set _="/Process/PV/Level" value="1"/>)",
                         R"({"Set": {"-_": "/Process/PV/Level", "-value": 1}})"};
  for (const char* kind : {"config", "cmd", "state"}) {
    const Statement content = std::string(kind) == "state" ? Statement{"SerialNo", ""} : set;
    ASSERT_TRUE(
        tap_->Publish(Topic(kind), RequestBody(wire(), {kind, kind, kSerialNumber, content})).ok());
    tap_->Await(Topic(std::string(kind) + "Result"), 0);
  }
  tap_->Await(Topic("data"), 0);
  EXPECT_THAT(
      tap_->Topics(),
      ElementsAre("customer-1/fp/gw-01234567/cmd", "customer-1/fp/gw-01234567/cmdResult",
                  "customer-1/fp/gw-01234567/config", "customer-1/fp/gw-01234567/configResult",
                  "customer-1/fp/gw-01234567/data", "customer-1/fp/gw-01234567/gatewayInit",
                  "customer-1/fp/gw-01234567/gatewayInitResult", "customer-1/fp/gw-01234567/state",
                  "customer-1/fp/gw-01234567/stateResult", "fp/gatewayRollout",
                  "fp/gatewayRolloutResult/01234567"));

  // What the broker says that it subscribed to: five of them, by their names.
  std::set<std::string> subscribed;
  const std::string log = harness_.broker().Output();
  const std::string client = "WT640_01234567 1 ";
  for (size_t at = 0; (at = log.find(client, at)) != std::string::npos;) {
    at += client.size();
    subscribed.insert(log.substr(at, log.find('\n', at) - at));
  }
  EXPECT_THAT(subscribed,
              ElementsAre("customer-1/fp/gw-01234567/cmd", "customer-1/fp/gw-01234567/config",
                          "customer-1/fp/gw-01234567/gatewayInitResult",
                          "customer-1/fp/gw-01234567/state", "fp/gatewayRolloutResult/01234567"));
}

// What the broker logs of a client: p2 is MQTT 3.1.1, c its clean session, k
// its keep alive.
TEST_P(LifecycleTest, TheConnectionIsAsConfigured) {
  AnswerRightly();
  Start(R"(<customer_id _="customer-1"/><gateway_id _="gw-fixed"/>)");
  ExpectRunning();
  {
    const Requirement requirement(where("7", "MQTT"),
                                  "3.1.1, a client id of its own, keep alive 300 s");
    EXPECT_THAT(harness_.broker().Output(), HasSubstr("as WT640_01234567 (p2, c1, k300)"));
  }
  const Requirement requirement(where("7", "MQTT"), "MQTTKeepAlive and our own additions");
  ASSERT_EQ(harness_
                .Run("tixml", {R"([<SetConfig _="ISP/CloudConn"><MQTTKeepAlive _="200"/>
                    <MQTTClientId _="my-id"/><MQTTCleanSession _="0"/></SetConfig>])"})
                .exit_status,
            0);
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return absl::StrContains(harness_.broker().Output(), "as my-id (p2, c0, k200)");
  }));
}

INSTANTIATE_TEST_SUITE_P(Formats, LifecycleTest, testing::ValuesIn(kWires),
                         [](const auto& info) { return Name(info.param); });

}  // namespace
}  // namespace fieldgate::system_test
