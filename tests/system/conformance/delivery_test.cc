// Requests that come twice, late, retained, for somebody else or all at once
// (manual 3, 4; QoS 1 delivers at least once).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/system/conformance/bodies.h"
#include "tests/system/conformance/conversation.h"
#include "tests/system/conformance/requirement.h"

namespace fieldgate::system_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

Statement SetScratch(int value) {
  return {absl::StrCat("<Set _=\"/Process/PV/Scratch\" value=\"", value, "\"/>"),
          absl::StrCat(R"({"Set": {"-_": "/Process/PV/Scratch", "-value": )", value, "}}")};
}

class DeliveryTest : public SharedConversation<testing::Test> {
 protected:
  std::string Scratch() { return gateway().ValueOf("/Process/PV/Scratch"); }

  // Values can neither be read nor set until it is destroyed.
  class StoppedAcquisition {
   public:
    StoppedAcquisition() { gateway().harness().Signal("process_data", SIGSTOP); }
    ~StoppedAcquisition() { gateway().harness().Signal("process_data", SIGCONT); }
  };
  // The gateway has all that was sent before: a 404 needs no other service.
  void AwaitDelivery() {
    const std::string id = absl::StrCat("marker-", ++markers_);
    gateway().Publish("cmd", RequestBody(Wire::kTiXml, {"cmd", id, "76543210", SetScratch(1)}));
    gateway().Answer("cmd", id);
  }
  void KillCloudLink() {
    gateway().harness().Kill("cloud_link");
    gateway().AwaitRunning();
  }

 private:
  static inline int markers_ = 0;  // over all tests of the gateway
};

TEST_F(DeliveryTest, ARequestThatComesAgainIsAnsweredAgainButNotExecuted) {
  const std::string first = gateway().Ask("cmd", Wire::kTiXml, "twice", SetScratch(1));
  gateway().Ask("cmd", Wire::kTiXml, "other", SetScratch(2));
  {
    const Requirement requirement("4 cmd TiXML", "a request_id again -> the same answer again");
    gateway().Send("cmd", Wire::kTiXml, "twice", SetScratch(1));
    EXPECT_EQ(gateway().Answer("cmd", "twice", 2), first);
    EXPECT_EQ(Scratch(), "2");
  }
  {
    const Requirement requirement("4 cmd JSON",
                                  "the same request_id in another form -> the first answer");
    gateway().Send("cmd", Wire::kJson, "twice", SetScratch(3));
    EXPECT_EQ(gateway().Answer("cmd", "twice", 3), first);
    EXPECT_EQ(Scratch(), "2");
  }
  {
    const Requirement requirement("3 config TiXML", "each topic numbers its requests apart");
    gateway().Ask("config", Wire::kTiXml, "twice", SetScratch(4));
    EXPECT_EQ(Scratch(), "4");
    gateway().Send("config", Wire::kTiXml, "twice", SetScratch(5));
    gateway().Answer("config", "twice", 2);
    EXPECT_EQ(Scratch(), "4");
  }
  {
    const Requirement requirement("5 state TiXML", "a request_id again -> the same answer again");
    const Statement path = {"/Process/PV/Scratch", ""};
    const std::string four = gateway().Ask("state", Wire::kTiXml, "twice", path);
    EXPECT_THAT(four, HasSubstr("\"4\""));
    gateway().Ask("cmd", Wire::kTiXml, "reset-twice", SetScratch(0));
    gateway().Send("state", Wire::kTiXml, "twice", path);
    EXPECT_EQ(gateway().Answer("state", "twice", 2), four);
  }
}

TEST_F(DeliveryTest, AlsoOverAKillOfTheProcess) {
  const Requirement requirement(
      "4 cmd TiXML", "a request_id again after kill -9 -> the same answer, not executed");
  const std::string first = gateway().Ask("cmd", Wire::kTiXml, "killed", SetScratch(1));
  gateway().Ask("cmd", Wire::kTiXml, "killed-other", SetScratch(2));
  KillCloudLink();
  gateway().Send("cmd", Wire::kTiXml, "killed", SetScratch(1));
  EXPECT_EQ(gateway().Answer("cmd", "killed", 2), first);
  EXPECT_EQ(Scratch(), "2");
  gateway().Ask("cmd", Wire::kTiXml, "killed-reset", SetScratch(0));
}

TEST_F(DeliveryTest, WhatWasRefusedMayBeSentAgainWithItsRequestId) {
  const Requirement requirement("4 cmd TiXML", "after a 404 the request_id is still new");
  gateway().Publish("cmd", RequestBody(Wire::kTiXml, {"cmd", "again", "76543210", SetScratch(1)}));
  EXPECT_THAT(gateway().Answer("cmd", "again"), HasSubstr("<error_code _=\"404\"/>"));
  gateway().Send("cmd", Wire::kTiXml, "again", SetScratch(7));
  EXPECT_THAT(gateway().Answer("cmd", "again", 2), HasSubstr("<error_code _=\"0\"/>"));
  EXPECT_EQ(Scratch(), "7");
  gateway().Ask("cmd", Wire::kTiXml, "again-reset", SetScratch(0));
}

TEST_F(DeliveryTest, DuplicatesInFlightAreExecutedAndAnsweredOnce) {
  const Requirement requirement("4 cmd TiXML",
                                "three deliveries before the answer -> executed and answered once");
  ModbusSimulator& device = gateway().harness().device(0);
  const Statement set = {R"(<Set _="/Process/Bus1/Device1/Small" value="1"/>)", ""};
  {
    const StoppedAcquisition stopped;
    for (int i = 0; i < 3; ++i) gateway().Send("cmd", Wire::kTiXml, "in-flight", set);
    AwaitDelivery();
  }
  EXPECT_THAT(gateway().Answer("cmd", "in-flight"), HasSubstr("<error_code _=\"0\"/>"));
  EXPECT_EQ(device.HoldingRegister(1), 1);
  // Were they in a queue, the register would be written again.
  device.SetHoldingRegister(1, 0);
  EXPECT_EQ(Scratch(), "0");
  EXPECT_THAT(gateway().Answers("cmd", "in-flight"), SizeIs(1));
  EXPECT_EQ(device.HoldingRegister(1), 0);
}

TEST_F(DeliveryTest, AThousandRequestsAtOnceAreEachAnsweredOnce) {
  constexpr int kRequests = 1000;
  constexpr int kMayWait = 100;
  std::optional<StoppedAcquisition> stopped(std::in_place);
  {
    const Requirement requirement("3 config TiXML",
                                  "SetConfig while the program can't be stopped -> 409");
    EXPECT_THAT(
        gateway().Ask("config", Wire::kTiXml, "no-stop",
                      {R"(<SetConfig _="NEVER"><Some/></SetConfig>)", ""}),
        IsBody(Wire::kTiXml, ResultBody(Wire::kTiXml, "config", 409, "no-stop",
                                        {R"(<SetConfig><Error _="-2198"/></SetConfig>)", ""})));
  }
  const Requirement requirement("4 cmd TiXML",
                                "1,000 at once -> 100 wait, the rest 409, each answered once");
  std::vector<std::string> bodies;
  for (int i = 0; i < kRequests; ++i) {
    bodies.push_back(RequestBody(Wire::kTiXml,
                                 {"cmd", absl::StrCat("flood-", i), kSerialNumber, SetScratch(i)}));
  }
  const std::string topic = Conversation::Topic("cmdResult");
  const size_t before = gateway().tap().Count(topic);
  const absl::Status sent = gateway().tap().PublishAll(Conversation::Topic("cmd"), bodies);
  ASSERT_TRUE(sent.ok()) << sent;
  EXPECT_TRUE(Eventually(
      kPatience, [&] { return gateway().tap().Count(topic) >= before + kRequests - kMayWait; }));
  stopped.reset();
  EXPECT_TRUE(
      Eventually(kPatience, [&] { return gateway().tap().Count(topic) >= before + kRequests; }));
  // Nothing comes behind them.
  EXPECT_THAT(gateway().Ask("cmd", Wire::kTiXml, "flood-end", SetScratch(0)),
              HasSubstr("<error_code _=\"0\"/>"));

  const std::string busy = R"(<Error><ErrNo _="-2198"/><ErrText _="busy"/>{more}</Error>)";
  int refused = 0;
  const std::vector<WireTap::Message> results = gateway().tap().On(topic);
  ASSERT_THAT(results, SizeIs(before + kRequests + 1));
  std::map<std::string, int> answers;
  for (size_t i = before; i < results.size() - 1; ++i) {
    const std::string& body = results[i].body;
    const size_t begin = body.find("flood-");
    ASSERT_NE(begin, std::string::npos) << body;
    const std::string id = body.substr(begin, body.find('"', begin) - begin);
    ++answers[id];
    if (body.find("\"409\"") == std::string::npos) {
      EXPECT_THAT(body,
                  IsBody(Wire::kTiXml, ResultBody(Wire::kTiXml, "cmd", 0, id, {"<Set/>", ""})));
      continue;
    }
    ++refused;
    EXPECT_THAT(body, IsBody(Wire::kTiXml, ResultBody(Wire::kTiXml, "cmd", 409, id, {busy, ""})));
  }
  EXPECT_EQ(answers.size(), size_t{kRequests});
  EXPECT_EQ(refused, kRequests - kMayWait);
}

TEST_F(DeliveryTest, ACommandForAnotherGatewayNeverReachesThisOne) {
  const Requirement requirement("1 cmd", "a command on another gateway's topic is not executed");
  const std::string body =
      RequestBody(Wire::kTiXml, {"cmd", "elsewhere", kSerialNumber, SetScratch(9)});
  for (const char* topic : {"customer-1/fp/gw-other/cmd", "customer-2/fp/gw-01234567/cmd",
                            "customer-1/fp/gw-third/cmd", "customer-1/fp/gw-01234567/cmd/more"}) {
    ASSERT_TRUE(gateway().tap().Publish(topic, body).ok());
  }
  EXPECT_EQ(Scratch(), "0");
  for (const std::string& topic : gateway().tap().Topics()) {
    EXPECT_THAT(topic, Not(HasSubstr("gw-other/cmdResult")));
    EXPECT_THAT(topic, Not(HasSubstr("customer-2/fp/gw-01234567/cmdResult")));
    // CloudConn3 is not started (7).
    EXPECT_THAT(topic, Not(HasSubstr("gw-third/cmdResult")));
    EXPECT_THAT(topic, Not(HasSubstr("gw-third/gatewayInit")));
  }
  EXPECT_THAT(gateway().Answers("cmd", "elsewhere"), IsEmpty());
}

TEST_F(DeliveryTest, EachConnectorAnswersOnItsOwnTopic) {
  const Requirement requirement("4 cmd", "CloudConn2's requests are answered on its cmdResult");
  ASSERT_TRUE(
      gateway()
          .tap()
          .Publish(
              "customer-1/fp/gw-second/cmd",
              RequestBody(Wire::kTiXml,
                          {"cmd", "second", kSerialNumber, {R"(<Get _="/Process/PV/Text"/>)", ""}}))
          .ok());
  // In the format of the request, not in that of the connector.
  EXPECT_THAT(gateway().tap().Await("customer-1/fp/gw-second/cmdResult", 0).body,
              IsBody(Wire::kTiXml,
                     ResultBody(Wire::kTiXml, "cmd", 0, "second", {R"(<Get _="hello"/>)", ""})));
  EXPECT_THAT(gateway().Answers("cmd", "second"), IsEmpty());
}

// A long command's connection is gone when it is done.
TEST_F(DeliveryTest, ALateAnswerComesOverTheNextConnection) {
  const Requirement requirement("3 cmd TiXML", "an answer comes although its connection is gone");
  std::optional<StoppedAcquisition> stopped(std::in_place);
  gateway().Send("cmd", Wire::kTiXml, "late", SetScratch(8));
  AwaitDelivery();
  const size_t inits = gateway().tap().Count(Conversation::Topic("gatewayInit"));
  // The broker throws the older one of two clients with one id out.
  {
    const absl::StatusOr<std::unique_ptr<WireTap>> thief =
        gateway().StealConnection("WT640_01234567");
    ASSERT_TRUE(thief.ok()) << thief.status();
  }
  gateway().tap().Await(Conversation::Topic("gatewayInit"), inits);
  stopped.reset();
  EXPECT_THAT(gateway().Answer("cmd", "late"),
              IsBody(Wire::kTiXml, ResultBody(Wire::kTiXml, "cmd", 0, "late", {"<Set/>", ""})));
  gateway().AwaitRunning();
  gateway().Ask("cmd", Wire::kTiXml, "late-reset", SetScratch(0));
}

class RetainedTest : public SharedConversation<testing::Test> {
 protected:
  static void SetUpTestSuite() { Prepare(); }
};

TEST_F(RetainedTest, RetainedMessagesAreDroppedAndCounted) {
  const Requirement requirement("1 all subscribed topics",
                                "a retained message is never acted on, but counted");
  const auto retain = [&](const std::string& topic, const std::string& body) {
    ASSERT_TRUE(gateway().tap().Publish(topic, body, /*retained=*/true).ok());
  };
  retain("fp/gatewayRolloutResult/01234567",
         "{<error_code _=\"0\"/><response_id _=\"01234567_1\"/><gateway_id _=\"gw-evil\"/>"
         "<customer_id _=\"evil\"/>}");
  retain(Conversation::Topic("gatewayInitResult"),
         "{<error_code _=\"404\"/><response_id _=\"01234567_CloudConn_1\"/>}");
  for (const char* kind : {"config", "cmd"}) {
    retain(Conversation::Topic(kind),
           RequestBody(Wire::kTiXml, {kind, "retained", kSerialNumber, SetScratch(1)}));
  }
  retain(Conversation::Topic("state"),
         RequestBody(Wire::kTiXml, {"state", "retained", kSerialNumber, {}}));

  gateway().Run();
  EXPECT_EQ(gateway().ValueOf("/Process/PV/Scratch"), "0");
  EXPECT_GE(gateway().harness().Status().connectors["CloudConn"].inbound_ignored, 5);
  for (const char* kind : {"config", "cmd", "state"}) {
    EXPECT_THAT(gateway().Answers(kind, "retained"), IsEmpty()) << kind;
  }
  for (const std::string& topic : gateway().tap().Topics()) {
    EXPECT_THAT(topic, Not(HasSubstr("evil")));
  }
}

}  // namespace
}  // namespace fieldgate::system_test
