// Manual 7.2 over the wire: a series of register values that a device plays,
// and exactly those of them that the rule wants.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/system/data/data_gateway.h"

namespace fieldgate::system_test {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;

constexpr char kProcCfg[] = R"(
  <External>
    <Bus1 protocol="ModbusTCP">
      <Device1 address="127.0.0.1:$port" poll="20" timeout="300" retries="0" backoffmax="200">
        <Temperature register="holding" offset="0" type="int16" scale="0.1"/>
        <Marker register="holding" offset="1" type="uint16"/>
      </Device1>
    </Bus1>
  </External>
  <ProcessVars>
    <Text value="calm"/>
    <Level value="1"/>
  </ProcessVars>)";

// The manual's example: 20.5 K with a hysteresis of 0.5.
constexpr char kSections[] = R"(
  <RTsendTime1 _="-1"/>
  <UpdateRate1 _="0.05"/>
  <Realtime1>
    <Temperature _="/Process/Bus1/Device1/Temperature" meta_type="temperature" hysteresis="0.5"/>
    <Marker _="/Process/Bus1/Device1/Marker" meta_type="volume"/>
  </Realtime1>
  <RTSendTime2 _="-1"/>
  <UpdateRate2 _="0.05"/>
  <Realtime2>
    <Text _="/Process/PV/Text" meta_type="custom" hysteresis="5"/>
    <Level _="/Process/PV/Level" meta_type="volume" hysteresis="2.25"/>
  </Realtime2>)";

const char kTopic[] = "c/fp/gw/data";

class HysteresisTest : public testing::Test {
 protected:
  HysteresisTest() { gateway_.Configure(kProcCfg, {{.content = kSections}}); }

  ModbusSimulator& device() { return gateway_.harness().device(0); }

  // "VALUE/STATE" of this sensor in all messages from `first` on that have it;
  // but for an empty one, which comes first when the gateway starts faster
  // than the device is polled and the variables are there.
  std::vector<std::string> Sent(const std::string& sensor, size_t first = 0) {
    const std::vector<WireTap::Message> messages = gateway_.tap().On(kTopic);
    std::vector<std::string> values;
    for (size_t i = first; i < messages.size(); ++i) {
      const std::string& body = messages[i].body;
      size_t at = body.find("<" + sensor + " _=\"");
      if (at == std::string::npos) continue;
      at += sensor.size() + 5;
      const size_t end = body.find("\" state=\"", at);
      values.push_back(body.substr(at, end - at) + "/" + body[end + 9]);
    }
    if (!values.empty() && values.front()[0] == '/') values.erase(values.begin());
    return values;
  }
  void AwaitSent(const std::string& sensor, const std::string& value, size_t first = 0) {
    EXPECT_TRUE(Eventually(kPatience,
                           [&] {
                             const std::vector<std::string> sent = Sent(sensor, first);
                             return !sent.empty() && sent.back() == value;
                           }))
        << sensor << " " << value;
  }

  // The device has this temperature, in tenths, until the gateway has seen it:
  // the marker, which is polled and looked at with it, is sent on each change.
  void Play(int tenths) {
    device().SetHoldingRegister(0, static_cast<uint16_t>(tenths));
    device().SetHoldingRegister(1, ++marker_);
    AwaitSent("Marker", absl::StrCat(marker_, "/1"));
  }

  DataGateway gateway_;
  uint16_t marker_ = 0;
};

TEST_F(HysteresisTest, ExactlyTheValuesOfTheRuleAreSent) {
  device().SetHoldingRegister(0, 205);
  gateway_.Run();
  AwaitSent("Temperature", "20.5/1");
  for (const int tenths : {
           209, 201,                // within 0.5 of 20.5
           210,                     // 20.5 + 0.5
           206, 214,                // within 0.5 of 21, the last one sent
           205,                     // 21 - 0.5
           200,                     // 20.5 - 0.5
           204, 196, 204,           // within 0.5 of 20
           195,                     // 20 - 0.5
           -3,                      // a leap, below zero
           1,   -7,                 // within 0.5 of -0.3
           2,   3,   4,   5, 6, 7,  // a slow rise: at 0.2, and again at 0.7
           7,   7,
       }) {
    Play(tenths);
  }
  EXPECT_THAT(Sent("Temperature"), ElementsAreArray({"20.5/1", "21/1", "20.5/1", "20/1", "19.5/1",
                                                     "-0.3/1", "0.2/1", "0.7/1"}));
  // The marker alone came in messages of their own (2.3.1).
  EXPECT_GT(Sent("Marker").size(), Sent("Temperature").size());
}

TEST_F(HysteresisTest, AChangeOfStateIsSentWhateverTheValue) {
  device().SetHoldingRegister(0, 205);
  gateway_.Run();
  AwaitSent("Temperature", "20.5/1");
  device().Hang();
  AwaitSent("Temperature", "20.5/0");
  device().SetHoldingRegister(0, 206);
  device().Recover();
  AwaitSent("Temperature", "20.6/1");
  EXPECT_THAT(Sent("Temperature"), ElementsAre("20.5/1", "20.5/0", "20.6/1"));
}

TEST_F(HysteresisTest, TextsAreSentOnEveryChangeAndAllValuesOnceAfterARestart) {
  device().SetHoldingRegister(0, 205);
  gateway_.Run();
  AwaitSent("Temperature", "20.5/1");
  AwaitSent("Text", "calm/2");
  gateway_.SetVariable("Text", "calmer");
  AwaitSent("Text", "calmer/2");
  gateway_.SetVariable("Level", "3.24");  // 2.24 more than 1
  gateway_.SetVariable("Text", "storm");
  AwaitSent("Text", "storm/2");
  gateway_.SetVariable("Level", "3.25");  // 2.25 more
  AwaitSent("Level", "3.25/2");
  EXPECT_THAT(Sent("Text"), ElementsAre("calm/2", "calmer/2", "storm/2"));
  EXPECT_THAT(Sent("Level"), ElementsAre("1/2", "3.25/2"));

  const size_t before = gateway_.tap().Count(kTopic);
  ASSERT_EQ(gateway_.harness().StopGateway(), 0);
  gateway_.harness().StartGatewayAgain();
  AwaitSent("Temperature", "20.5/1", before);
  AwaitSent("Level", "3.25/2", before);
  AwaitSent("Text", "storm/2", before);
}

// 7.3: by command everything of a section is sent, and counts as sent.
TEST_F(HysteresisTest, ByCommandEverythingIsSentAndCounts) {
  device().SetHoldingRegister(0, 205);
  gateway_.Run();
  AwaitSent("Temperature", "20.5/1");
  Play(208);
  gateway_.Execute("[<CloudSendRealtimeData _=\"CloudConn,Realtime1\"/>]");
  AwaitSent("Temperature", "20.8/1");
  Play(204);  // 0.4 below the last one sent
  Play(203);
  EXPECT_THAT(Sent("Temperature"), ElementsAre("20.5/1", "20.8/1", "20.3/1"));
}

}  // namespace
}  // namespace fieldgate::system_test
