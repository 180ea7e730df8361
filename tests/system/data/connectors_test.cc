// Manual 7, 7.3: up to three connectors, each with a broker, a format and
// sections of its own, and up to five sections with a cycle each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/testing/mosquitto.h"
#include "tests/system/data/data_gateway.h"

namespace fieldgate::system_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kProcCfg[] = R"(
  <ProcessVars>
    <A value="1"/><B value="2"/><C value="3"/><D value="4"/><E value="5"/>
  </ProcessVars>)";

// A broker of its own, with a portal and a tap.
struct Site {
  Site() {
    EXPECT_TRUE(broker.Start().ok());
    absl::StatusOr<std::unique_ptr<portal::PortalSimulator>> started =
        portal::PortalSimulator::Start({.broker_url = broker.url()});
    EXPECT_TRUE(started.ok()) << started.status();
    portal = *std::move(started);
    EXPECT_TRUE(Eventually(kPatience, [this] { return portal->connected(); }));
    absl::StatusOr<std::unique_ptr<WireTap>> tapped =
        WireTap::Start({.url = broker.url()}, portal.get());
    EXPECT_TRUE(tapped.ok()) << tapped.status();
    tap = *std::move(tapped);
  }

  Mosquitto broker;
  std::unique_ptr<portal::PortalSimulator> portal;
  std::unique_ptr<WireTap> tap;
};

class ConnectorsTest : public testing::Test {
 protected:
  static std::string Section(int qos, const std::string& variable) {
    return absl::StrCat("<QoS _=\"", qos, "\"/><RTSendTime1 _=\"0.2\"/><Realtime1><Point_",
                        variable, " _=\"/Process/PV/", variable,
                        "\" meta_type=\"volume\"/></Realtime1>");
  }
  static std::string Json(const std::string& variable, int value) {
    return DataBody(Wire::kJson,
                    absl::StrCat(R"({"external_controller_id": "Process_PV", "sensors": [)",
                                 R"({"external_sensor_id": ")", variable, R"(", "value": )", value,
                                 R"(, "sensor_state": 2}]})"));
  }
  static std::string Xml(Wire wire, const std::string& variable, int value) {
    return DataBody(wire, absl::StrCat("<Process_PV><sensors><", variable, " _=\"", value,
                                       "\" state=\"2\"/></sensors></Process_PV>"));
  }
  // It has had init and data of this gateway alone, ids one after the other
  // from 1 on (a message that came twice counts once), all with this QoS.
  static void ExpectOnly(const WireTap& tap, const std::string& gateway, int qos) {
    EXPECT_THAT(tap.Topics(),
                ElementsAre(DataGateway::Topic(gateway), DataGateway::Topic(gateway, "gatewayInit"),
                            DataGateway::Topic(gateway, "gatewayInitResult")));
    int64_t id = 0;
    std::set<std::string> bodies;
    for (const WireTap::Message& message : tap.On(DataGateway::Topic(gateway))) {
      EXPECT_EQ(message.qos, qos);
      if (!bodies.insert(message.body).second) continue;
      EXPECT_EQ(StampOf(message.body).message_id, ++id);
    }
  }

  DataGateway gateway_;
};

TEST_F(ConnectorsTest, ThreeAtOnceWithABrokerAFormatAQosAndDataOfTheirOwn) {
  Site second;
  Site third;
  gateway_.Configure(kProcCfg,
                     {{"CloudConn", "gw-1", "TiXML", "$url", Section(0, "A")},
                      {"CloudConn2", "gw-2", "JSON", second.broker.url(), Section(1, "B")},
                      {"CloudConn3", "gw-3", "XML", third.broker.url(), Section(2, "C")}});
  gateway_.Run();
  gateway_.tap().Await(DataGateway::Topic("gw-1"), 4);
  second.tap->Await(DataGateway::Topic("gw-2"), 4);
  third.tap->Await(DataGateway::Topic("gw-3"), 4);
  gateway_.ExpectNewest(DataGateway::Topic("gw-1"), Wire::kTiXml, Xml(Wire::kTiXml, "A", 1));
  gateway_.ExpectNewest(*second.tap, DataGateway::Topic("gw-2"), Wire::kJson, Json("B", 2));
  gateway_.ExpectNewest(*third.tap, DataGateway::Topic("gw-3"), Wire::kXml,
                        Xml(Wire::kXml, "C", 3));
  ExpectOnly(gateway_.tap(), "gw-1", 0);
  ExpectOnly(*second.tap, "gw-2", 1);
  ExpectOnly(*third.tap, "gw-3", 2);

  // One broker that is silent concerns its connector alone.
  second.broker.Pause();
  gateway_.SetVariable("A", "10");
  gateway_.SetVariable("C", "30");
  gateway_.ExpectNewest(DataGateway::Topic("gw-1"), Wire::kTiXml, Xml(Wire::kTiXml, "A", 10));
  gateway_.ExpectNewest(*third.tap, DataGateway::Topic("gw-3"), Wire::kXml,
                        Xml(Wire::kXml, "C", 30));
  second.broker.Resume();
  gateway_.SetVariable("B", "20");
  gateway_.ExpectNewest(*second.tap, DataGateway::Topic("gw-2"), Wire::kJson, Json("B", 20));
  ExpectOnly(*second.tap, "gw-2", 1);
}

// Names of sensors of a message, which says what section it is of.
std::set<std::string> Sensors(const std::string& body) {
  std::set<std::string> sensors;
  for (const char* name : {"A", "B", "C", "D", "E"}) {
    if (absl::StrContains(body, absl::StrCat("<", name, " _="))) sensors.insert(name);
  }
  return sensors;
}

TEST_F(ConnectorsTest, FiveSectionsEachInItsOwnCycle) {
  std::string content;
  const char* const points[] = {"A", "B", "C", "D", "E"};
  // Section 4 by hysteresis: on change. 7.3 has the other cases of the names.
  const char* const cycles[] = {
      R"(<RTSendTime1 _="0.25"/>)", R"(<RTSendTime2 _="0.5"/>)", R"(<RTsendTime3 _="1"/>)",
      R"(<RTSendTime4 _="-1"/><UpdateRate4 _="0.1"/>)", R"(<RTSendTime5 _="3600"/>)"};
  for (int i = 0; i < 5; ++i) {
    absl::StrAppend(&content, cycles[i], "<", i % 2 == 0 ? "Realtime" : "RealTime", i + 1, "><P",
                    i + 1, " _=\"/Process/PV/", points[i], "\" meta_type=\"volume\"/></",
                    i % 2 == 0 ? "Realtime" : "RealTime", i + 1, ">\n");
  }
  gateway_.Configure(kProcCfg, {{.content = content}});
  gateway_.Run();
  const std::string topic = DataGateway::Topic("gw");
  const auto count = [&](const std::string& sensor) {
    int messages = 0;
    for (const WireTap::Message& message : gateway_.tap().On(topic)) {
      messages += Sensors(message.body) == std::set<std::string>{sensor} ? 1 : 0;
    }
    return messages;
  };
  ASSERT_TRUE(Eventually(kPatience, [&] { return count("C") >= 5; }));
  const int unchanged = count("D");
  EXPECT_GE(unchanged, 1);
  gateway_.SetVariable("D", "40");
  ASSERT_TRUE(Eventually(kPatience, [&] { return count("D") > unchanged; }));

  // Never more often than its cycle: C's fifth message came after 4 s.
  const int seconds = count("C");
  EXPECT_LE(count("A"), 4 * seconds + 4);
  EXPECT_LE(count("B"), 2 * seconds + 2);
  // And not seldomer, but for cycles that a busy machine leaves out.
  EXPECT_GT(count("A"), count("B"));
  EXPECT_GT(count("B"), count("C"));
  EXPECT_EQ(count("D"), unchanged + 1);
  EXPECT_EQ(count("E"), 1);
  // 2.3.1: each of these messages holds its section alone.
  for (const WireTap::Message& message : gateway_.tap().On(topic)) {
    EXPECT_EQ(Sensors(message.body).size(), 1u) << message.body;
  }

  // By command (7.3): the section with the long cycle now, and the others as before.
  gateway_.Execute("[<CloudSendRealtimeData _=\"CloudConn,Realtime5\"/>]");
  EXPECT_TRUE(Eventually(kPatience, [&] { return count("E") == 2; }));
}

}  // namespace
}  // namespace fieldgate::system_test
