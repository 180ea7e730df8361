// Events (manual 1, 7.3): a value on the bus comes to a limit, and the real
// binaries do what the EVENTS database says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/tixml/codec.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using portal::Command;
using portal::CommandKind;
using portal::CommandResult;
using testing::HasSubstr;
using testing::IsEmpty;

// Register 0 of the Modbus device is the temperature. Realtime2 holds a text
// that never changes: it comes again only when the section is sent by command.
constexpr char kEvents[] = R"([<SetConfig _="EVENTS" ver="y">
  <EventHandler>
    <HighTemp>
      <Set _="/Process/PV/Level" value="100"/>
      <CloudSendRealtimeData _="CloudConn,Realtime2"/>
    </HighTemp>
    <TempNormal><Set _="/Process/PV/Level" value="0"/></TempNormal>
    <Configure>
      <SetConfig _="USER"><AccRights><User _="Plain"/></AccRights></SetConfig>
      <DoOn _="TempNormal"/>
    </Configure>
  </EventHandler>
  <EventStates>
    <TempHigh _="/Process/Field1/Dev/P0" condition="above" value="80" hysteresis="2"
              handler="HighTemp" endhandler="TempNormal"/>
  </EventStates>
</SetConfig>])";

constexpr uint16_t kTemperature = 0;

class EventsTest : public testing::Test {
 protected:
  explicit EventsTest(GatewayHarness::Options options = {}) : harness_(std::move(options)) {
    harness_.device(0).SetHoldingRegister(kTemperature, 50);
    harness_.StartGateway();
    EXPECT_THAT(harness_.WaitUntilComplete(1), IsEmpty());
    const Outcome configured = harness_.Run("tixml", {kEvents});
    EXPECT_EQ(configured.exit_status, 0) << configured.output;
  }

  std::string Get(const std::string& path) {
    const Outcome outcome = harness_.Run("tixml", {absl::StrCat("[<Get _=\"", path, "\"/>]")});
    const absl::StatusOr<tixml::Document> document = tixml::Parse(outcome.output);
    if (!document.ok() || document->nodes.empty()) return outcome.output;
    const std::string* value = document->nodes[0].Find("_");
    return value == nullptr ? outcome.output : *value;
  }
  testing::AssertionResult Becomes(const std::string& path, const std::string& value) {
    if (Eventually(kPatience, [&] { return Get(path) == value; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << path << " is " << Get(path) << ", not " << value;
  }
  // Messages with the section that is sent by command.
  int64_t EventMessages() { return harness_.Sensor("Process_PV", "Text").received; }

  CommandResult Cmd(const std::string& id, const std::string& commands) {
    Command command{.kind = CommandKind::kCmd, .request_id = id, .serial_number = kSerialNumber};
    command.commands = tixml::Parse(commands)->nodes;
    EXPECT_TRUE(harness_.portal().SendCommand(kGateway, command).ok());
    CommandResult found;
    EXPECT_TRUE(Eventually(kPatience, [&] {
      for (const CommandResult& result : harness_.portal().Snapshot().results) {
        if (result.response_id == id) found = result;
      }
      return found.response_id == id;
    }));
    return found;
  }

  GatewayHarness harness_;
};

TEST_F(EventsTest, AValueThatCrossesItsLimitSendsDataAndSetsAVariable) {
  const int64_t before = EventMessages();
  harness_.device(0).SetHoldingRegister(kTemperature, 81);
  EXPECT_TRUE(Eventually(kPatience, [&] { return EventMessages() > before; }));
  EXPECT_TRUE(Becomes("/Process/PV/Level", "100"));
  EXPECT_TRUE(Becomes("/Process/Events/TempHigh", "1"));
  EXPECT_TRUE(Becomes("/LogCounter/Event", "1"));
  EXPECT_TRUE(
      Eventually(kPatience, [&] { return harness_.Sensor("Process_PV", "Level").value == "100"; }));
  const std::string status = harness_.Run("status", {"--json"}).output;
  EXPECT_THAT(status, HasSubstr(R"("events":[{"name":"TempHigh","active":true,"executions":1,)"));

  harness_.device(0).SetHoldingRegister(kTemperature, 79);  // within the hysteresis
  EXPECT_TRUE(harness_.MoreMessages(2));
  EXPECT_EQ(Get("/Process/PV/Level"), "100");
  harness_.device(0).SetHoldingRegister(kTemperature, 78);
  EXPECT_TRUE(Becomes("/Process/PV/Level", "0"));
  EXPECT_TRUE(Becomes("/Process/Events/TempHigh", "0"));
  EXPECT_TRUE(Becomes("/LogCounter/Event", "2"));
}

TEST_F(EventsTest, AKilledCloudLinkRaisesNoAlarmTwiceAndMissesNone) {
  harness_.device(0).SetHoldingRegister(kTemperature, 81);
  ASSERT_TRUE(Becomes("/LogCounter/Event", "1"));
  for (int i = 0; i < 3; ++i) {
    harness_.Kill("cloud_link");
    // Its values come again, with them the alarm would.
    ASSERT_TRUE(Becomes("/Process/Events/TempHigh", "1"));
    ASSERT_TRUE(harness_.MoreMessages(2));
  }
  EXPECT_EQ(Get("/LogCounter/Event"), "1");

  // It ends while nobody looks, and comes again.
  harness_.device(0).SetHoldingRegister(kTemperature, 10);
  harness_.Kill("cloud_link");
  EXPECT_TRUE(Becomes("/LogCounter/Event", "2"));
  EXPECT_TRUE(Becomes("/Process/PV/Level", "0"));
  harness_.Kill("cloud_link");
  harness_.device(0).SetHoldingRegister(kTemperature, 90);
  EXPECT_TRUE(Becomes("/LogCounter/Event", "3"));
  EXPECT_TRUE(Becomes("/Process/PV/Level", "100"));
  EXPECT_THAT(harness_.WaitUntilComplete(2), IsEmpty());
}

TEST_F(EventsTest, ThePortalExecutesAHandlerByItsName) {
  const int64_t before = EventMessages();
  const CommandResult done = Cmd("r1", R"(<DoOn _="HighTemp" ver="y"/>)");
  EXPECT_EQ(done.error_code, 0) << done.body;
  EXPECT_THAT(done.body, HasSubstr("<DoOn/>"));
  EXPECT_TRUE(Eventually(kPatience, [&] { return EventMessages() > before; }));
  EXPECT_EQ(Get("/Process/PV/Level"), "100");

  const CommandResult unknown = Cmd("r2", R"(<DoOn _="HighTmp" ver="y"/>)");
  EXPECT_EQ(unknown.error_code, 500);
  EXPECT_THAT(unknown.body, HasSubstr("did you mean HighTemp?"));

  // A SetConfig inside stops the program like any other, and it runs again.
  EXPECT_EQ(Cmd("r3", R"(<DoOn _="Configure"/>)").error_code, 0);
  EXPECT_EQ(Get("/Process/PV/Level"), "0");
  EXPECT_EQ(Get("/Process/Program/Mode"), "Run");
  EXPECT_THAT(harness_.Run("tixml", {"[<GetConfig _=\"USER\"/>]"}).output, HasSubstr("Plain"));
}

TEST_F(EventsTest, AHandlerThatIsConfiguredAndExecutedInOneMessageIsKnown) {
  const CommandResult result =
      Cmd("r1", R"(<SetConfig _="EVENTS/EventHandler"><New><Set _="/Process/PV/Level" value="7"/>
                   </New></SetConfig><DoOn _="New"/>)");
  EXPECT_EQ(result.error_code, 0) << result.body;
  EXPECT_EQ(Get("/Process/PV/Level"), "7");
}

TEST_F(EventsTest, ANewLimitIsInForceAtOnce) {
  harness_.device(0).SetHoldingRegister(kTemperature, 60);
  ASSERT_TRUE(Becomes("/Process/Field1/Dev/P0", "60"));
  EXPECT_EQ(Get("/Process/PV/Level"), "23.5");
  const Outcome changed = harness_.Run(
      "tixml", {R"([<SetConfig _="EVENTS/EventStates"><TempHigh _="/Process/Field1/Dev/P0"
                  condition="above" value="55" handler="HighTemp"/></SetConfig>])"});
  EXPECT_EQ(changed.exit_status, 0) << changed.output;
  EXPECT_TRUE(Becomes("/Process/PV/Level", "100"));
}

TEST_F(EventsTest, DataOfAnAlarmDuringAnOutageOfTheBrokerArrivesAfterIt) {
  const int64_t before = EventMessages();
  harness_.broker().Stop();
  harness_.device(0).SetHoldingRegister(kTemperature, 81);
  EXPECT_TRUE(Becomes("/LogCounter/Event", "1"));
  ASSERT_TRUE(harness_.broker().Start().ok());
  EXPECT_TRUE(Eventually(kPatience, [&] { return EventMessages() > before; }));
  EXPECT_THAT(harness_.WaitUntilComplete(2), IsEmpty());
}

TEST_F(EventsTest, AMistakeInEventsIsRefusedWithItsPlace) {
  const Outcome refused =
      harness_.Run("tixml", {"[<SetConfig _=\"EVENTS/EventStates\" ver=\"y\">\n<TempHigh "
                             "_=\"/Process/Field1/Dev/P0\" condition=\"above\" value=\"55\" "
                             "handler=\"HighTmp\"/></SetConfig>]"});
  EXPECT_EQ(refused.exit_status, 1);
  EXPECT_THAT(refused.output,
              HasSubstr("2: /EVENTS/EventStates/TempHigh/@handler: there is no EventHandler "
                        "'HighTmp'; did you mean HighTemp?"));
}

}  // namespace
}  // namespace fieldgate::system_test
