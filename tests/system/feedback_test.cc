// The feedback channel (manual 3, 4, 5): a portal's requests to the real
// binaries through a real broker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <set>

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
using testing::SizeIs;
using tixml::Format;

constexpr char kCmdTopic[] = "customer-1/fp/gw-01234567/cmd";
constexpr char kSetLevel[] = R"(<Set _="/Process/PV/Level" value="$"/>)";
constexpr char kGetLevel[] = R"(<Get _="/Process/PV/Level"/>)";

std::string SetLevel(int value) {
  std::string command = kSetLevel;
  return command.replace(command.find('$'), 1, absl::StrCat(value));
}

class Gateway {
 public:
  explicit Gateway(GatewayHarness::Options options = {}) : harness_(std::move(options)) {}

  GatewayHarness& harness() { return harness_; }
  void Run() {
    harness_.StartGateway();
    ASSERT_THAT(harness_.WaitUntilComplete(1), IsEmpty());
  }

  // All results with this response_id, in the order of their arrival.
  std::vector<CommandResult> ResultsOf(const std::string& id) {
    std::vector<CommandResult> results;
    for (const CommandResult& result : harness_.portal().Snapshot().results) {
      if (result.response_id == id) results.push_back(result);
    }
    return results;
  }
  // Waits for the `count`th result with this response_id.
  CommandResult Result(const std::string& id, size_t count = 1) {
    EXPECT_TRUE(Eventually(kPatience, [&] { return ResultsOf(id).size() >= count; })) << id;
    const std::vector<CommandResult> results = ResultsOf(id);
    return results.size() < count ? CommandResult() : results[count - 1];
  }

  void Send(CommandKind kind, const std::string& id, const std::string& commands,
            Format format = Format::kTiXml, const std::string& serial = kSerialNumber) {
    Command command{.kind = kind, .request_id = id, .serial_number = serial};
    if (kind == CommandKind::kState) {
      command.path = commands;
    } else {
      command.commands = tixml::Parse(commands)->nodes;
    }
    const absl::Status sent = harness_.portal().SendCommand(kGateway, command, format);
    ASSERT_TRUE(sent.ok()) << sent;
  }
  CommandResult Cmd(const std::string& id, const std::string& commands,
                    Format format = Format::kTiXml) {
    Send(CommandKind::kCmd, id, commands, format);
    return Result(id);
  }
  std::string Level(const std::string& id) { return Cmd(id, kGetLevel, Format::kJson).body; }

 private:
  GatewayHarness harness_;
};

class FeedbackFormatTest : public testing::TestWithParam<const char*> {
 protected:
  Format format() const {
    const std::string name = GetParam();
    return name == "JSON" ? Format::kJson : name == "XML" ? Format::kXml : Format::kTiXml;
  }
  void ExpectDone(const CommandResult& result, CommandKind kind) const {
    EXPECT_EQ(result.error_code, 0) << result.body;
    EXPECT_EQ(result.kind, kind);
    const char* const root = kind == CommandKind::kCmd      ? "cmdResult"
                             : kind == CommandKind::kConfig ? "configResult"
                                                            : "stateResult";
    EXPECT_EQ(tixml::Parse(result.body, {root})->format, format()) << result.body;
  }
};

// The connector's own format is TiXML: an answer has that of its request.
TEST_P(FeedbackFormatTest, EachKindOfRequestIsAnsweredInItsFormat) {
  Gateway gateway;
  gateway.Run();

  const CommandResult set_and_get = gateway.Cmd("r1", SetLevel(77) + kGetLevel, format());
  ExpectDone(set_and_get, CommandKind::kCmd);
  EXPECT_THAT(set_and_get.body, HasSubstr("\"77\""));

  gateway.Send(CommandKind::kConfig, "r2",
               "<SetConfig _=\"USER\" ver=\"y\"><AccRights><User _=\"Plain\"/></AccRights>"
               "</SetConfig>",
               format());
  const CommandResult config = gateway.Result("r2");
  ExpectDone(config, CommandKind::kConfig);
  EXPECT_THAT(config.body, HasSubstr(format() == Format::kJson
                                         ? R"("config_result_xml":"<SetConfig/>")"
                                         : "<config_result_xml><SetConfig/></config_result_xml>"));
  EXPECT_THAT(gateway.Cmd("r3", "<GetConfig _=\"USER\"/>").body, HasSubstr("Plain"));

  gateway.Send(CommandKind::kState, "r4", "/Process/PV", format());
  const CommandResult state = gateway.Result("r4");
  ExpectDone(state, CommandKind::kState);
  EXPECT_THAT(state.body, HasSubstr("gateway_states"));
  EXPECT_THAT(state.body, HasSubstr("hello"));

  EXPECT_THAT(gateway.harness().portal().Snapshot().errors, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Formats, FeedbackFormatTest, testing::Values("TiXML", "XML", "JSON"),
                         [](const auto& info) { return std::string(info.param); });

TEST(FeedbackTest, WhatIsNotForUsOrNotValidIsRefusedWithItsCode) {
  Gateway gateway;
  gateway.Run();
  gateway.Send(CommandKind::kCmd, "foreign", SetLevel(1), Format::kTiXml, "76543210");
  EXPECT_EQ(gateway.Result("foreign").error_code, 404);
  EXPECT_EQ(gateway.Cmd("unknown", "<DoMagic/>").error_code, 500);
  gateway.Send(CommandKind::kConfig, "get", kGetLevel);
  EXPECT_EQ(gateway.Result("get").error_code, 500);
  gateway.Send(CommandKind::kState, "nowhere", "/Process/Nowhere");
  const CommandResult nowhere = gateway.Result("nowhere");
  EXPECT_EQ(nowhere.error_code, 500);
  EXPECT_THAT(nowhere.body, HasSubstr("-2196"));
  ASSERT_TRUE(
      gateway.harness().portal().Publish(kCmdTopic, "{" + std::string(300 << 10, ' ') + "}").ok());
  EXPECT_EQ(gateway.Result("").error_code, 413);
  EXPECT_THAT(gateway.Level("level"), HasSubstr("23.5"));
}

TEST(FeedbackTest, ARequestThatComesTwiceIsExecutedOnceAlsoAfterARestart) {
  Gateway gateway;
  gateway.Run();
  gateway.Cmd("r1", SetLevel(1));
  gateway.Cmd("r2", SetLevel(2));
  gateway.Send(CommandKind::kCmd, "r1", SetLevel(1));
  EXPECT_EQ(gateway.Result("r1", 2).body, gateway.Result("r1").body);
  EXPECT_THAT(gateway.Level("g1"), HasSubstr("\"2\""));

  ASSERT_EQ(gateway.harness().StopGateway(), 0);
  gateway.harness().StartGatewayAgain();
  ASSERT_TRUE(gateway.harness().MoreMessages(1));
  gateway.Send(CommandKind::kCmd, "r1", SetLevel(1));
  EXPECT_EQ(gateway.Result("r1", 3).body, gateway.Result("r1").body);
  // Before process_data has its configuration again it is not available, and
  // never said not to exist.
  int asked = 0;
  std::string level;
  EXPECT_TRUE(Eventually(kPatience, [&] {
    level = gateway.Level(absl::StrCat("again", ++asked));
    return !absl::StrContains(level, "-2197");
  }));
  EXPECT_THAT(level, HasSubstr("\"2\""));
}

TEST(FeedbackTest, ARetainedRequestIsNeverExecuted) {
  Gateway gateway;
  ASSERT_TRUE(gateway.harness()
                  .portal()
                  .Publish(kCmdTopic,
                           absl::StrCat("{<request_id _=\"old\"/><serial_number _=\"",
                                        kSerialNumber, "\"/><cmd>", SetLevel(1), "</cmd>}"),
                           /*retained=*/true)
                  .ok());
  gateway.Run();
  EXPECT_THAT(gateway.Level("level"), HasSubstr("23.5"));
  EXPECT_THAT(gateway.ResultsOf("old"), IsEmpty());
}

TEST(FeedbackTest, AConfigurationThatReplacesTheConnectionIsAnswered) {
  Gateway gateway;
  gateway.Run();
  const int64_t inits = gateway.harness().portal().Snapshot().init_requests;
  gateway.Send(CommandKind::kConfig, "r1",
               "<SetConfig _=\"ISP/CloudConn\" ver=\"y\"><MQTTKeepAlive _=\"30\"/></SetConfig>");
  EXPECT_EQ(gateway.Result("r1").error_code, 0);
  EXPECT_TRUE(Eventually(
      kPatience, [&] { return gateway.harness().portal().Snapshot().init_requests > inits; }));
  EXPECT_THAT(gateway.harness().WaitUntilComplete(2), IsEmpty());
}

TEST(FeedbackTest, RealtimeDataAreSentOnCommand) {
  Gateway gateway;
  gateway.Run();
  // Realtime2 sends on change only.
  const auto level_messages = [&] {
    return gateway.harness().Sensor("Process_PV", "Level").received;
  };
  ASSERT_TRUE(Eventually(kPatience, [&] { return level_messages() >= 1; }));
  const int64_t before = level_messages();
  EXPECT_EQ(gateway.Cmd("r1", "<CloudSendRealtimeData _=\"CloudConn,Realtime2\"/>").error_code, 0);
  EXPECT_TRUE(Eventually(kPatience, [&] { return level_messages() > before; }));
  EXPECT_EQ(gateway.Cmd("r2", "<CloudSendRealtimeData _=\"CloudConn3\"/>").error_code, 500);
}

TEST(FeedbackTest, ResetOfTheSecretfileRollsOutAgain) {
  Gateway gateway;
  gateway.Run();
  EXPECT_EQ(gateway.Cmd("r1", "<Reset _=\"Secretfile\"/>").error_code, 0);
  EXPECT_TRUE(Eventually(
      kPatience, [&] { return gateway.harness().portal().Snapshot().rollout_requests == 2; }));
  EXPECT_THAT(gateway.harness().WaitUntilComplete(2), IsEmpty());
}

// A device that does not answer makes a Set last for its whole timeout.
TEST(FeedbackTest, AQuickCommandDoesNotWaitForALongOne) {
  Gateway gateway;
  gateway.Run();
  ModbusSimulator& device = gateway.harness().device(0);
  const CommandResult configured = gateway.Cmd(
      "slow bus", absl::StrCat("<SetConfig _=\"PROCCFG/External\" ver=\"y\">"
                               "<Slow protocol=\"ModbusTCP\"><Dev address=\"127.0.0.1:",
                               device.port(),
                               "\" unit=\"1\" timeout=\"30000\" retries=\"0\" poll=\"86400000\">"
                               "<P0 register=\"holding\" offset=\"0\" type=\"uint16\" "
                               "access=\"rw\"/></Dev></Slow></SetConfig>"));
  ASSERT_EQ(configured.error_code, 0) << configured.body;
  device.Hang();
  gateway.Send(CommandKind::kCmd, "long", "<Set _=\"/Process/Slow/Dev/P0\" value=\"1\"/>");
  EXPECT_THAT(gateway.Level("quick"), HasSubstr("23.5"));
  gateway.Send(CommandKind::kState, "state", "/Process/PV");
  EXPECT_EQ(gateway.Result("state").error_code, 0);
  const Outcome local = gateway.harness().Run("tixml", {"[<Get _=\"/Process/PV/Level\"/>]"});
  EXPECT_THAT(local.output, HasSubstr("23.5"));
  EXPECT_THAT(gateway.ResultsOf("long"), IsEmpty());
}

// With a kept session the broker delivers again what was not acknowledged, and
// what was is on the disk: no request is left without an answer.
TEST(FeedbackTest, EveryRequestIsAnsweredAlthoughTheProcessIsKilledMeanwhile) {
  Gateway gateway({.cloud = {.more = "    <MQTTCleanSession _=\"0\"/>\n"}});
  gateway.Run();
  constexpr int kRequests = 40;
  for (int i = 0; i < kRequests; ++i) {
    gateway.Send(CommandKind::kCmd, absl::StrCat("r", i), SetLevel(i));
    if (i == kRequests / 2) gateway.harness().Signal("cloud_link", SIGKILL);
  }
  for (int i = 0; i < kRequests; ++i) {
    const CommandResult result = gateway.Result(absl::StrCat("r", i));
    // One at most had begun when the process was killed.
    EXPECT_TRUE(result.error_code == 0 || absl::StrContains(result.body, "interrupted"))
        << result.body;
  }
}

}  // namespace
}  // namespace fieldgate::system_test
