// Manual 3: SetConfig and Set on `config`, answered on `configResult`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/system/conformance/bodies.h"
#include "tests/system/conformance/conversation.h"
#include "tests/system/conformance/requirement.h"

namespace fieldgate::system_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// The manual's example 1.
constexpr char kUser[] = R"(<SetConfig _="USER" ver="y">
 <AccRights>
  <Groups>
   <Admin>
    <LocalLogin AccLevel="1"/>
    <CardLogin AccLevel="1"/>
    <RemoteLogin AccLevel="1"/>
    <EthernetLogin AccLevel="1"/>
   </Admin>
   <Webserver>
    <WebServer AccLevel="20"/>
   </Webserver>
  </Groups>
  <User _="Plain">
   <Def_LocalLogin Plain="" Group="Admin"/>
   <ADMIN Plain="" Group="Admin"/>
  </User>
 </AccRights>
</SetConfig>)";
constexpr char kStop[] = R"(<Set _="/Process/Program/Mode" value="Stop" ver="v"/>)";
constexpr char kRun[] = R"(<Set _="/Process/Program/Mode" value="Run" ver="v"/>)";
constexpr char kMode[] = "/Process/Program/Mode";

std::string SetScratch(int value) {
  return absl::StrCat(R"(<Set _="/Process/PV/Scratch" value=")", value, R"("/>)");
}

class ConfigTest : public SharedConversation<testing::TestWithParam<Wire>> {
 protected:
  std::string where() const { return "3 config " + Name(GetParam()); }
  // In JSON as the text of config_xml.
  std::string Ask(const std::string& name, const std::string& commands) {
    return gateway().Ask("config", GetParam(), Id(name), {commands, ""});
  }
  std::string Id(const std::string& name) const { return name + "-" + Name(GetParam()); }
  std::string Result(int error_code, const std::string& name, const std::string& answers) const {
    return ResultBody(GetParam(), "config", error_code, Id(name), {answers, ""});
  }
  std::string Scratch() { return gateway().ValueOf("/Process/PV/Scratch"); }
};

TEST_P(ConfigTest, SetConfigAndSet) {
  {
    const Requirement requirement(where(), "SetConfig -> an empty SetConfig");
    EXPECT_THAT(Ask("user", kUser), IsBody(GetParam(), Result(0, "user", "<SetConfig/>")));
  }
  {
    const Requirement requirement(where(), "Set -> an empty Set");
    EXPECT_THAT(Ask("set", SetScratch(10)), IsBody(GetParam(), Result(0, "set", "<Set/>")));
    EXPECT_EQ(Scratch(), "10");
  }
  {
    const Requirement requirement(where(), "several statements are answered in their order");
    EXPECT_THAT(Ask("both", SetScratch(11) + kUser + SetScratch(0)),
                IsBody(GetParam(), Result(0, "both", "<Set/><SetConfig/><Set/>")));
    EXPECT_EQ(Scratch(), "0");
  }
}

TEST_P(ConfigTest, AnythingElseIsRefusedAndNothingIsExecuted) {
  {
    const Requirement requirement(where(), "another command -> 500, nothing executed");
    EXPECT_THAT(
        Ask("get", SetScratch(1) + R"(<Get _="/Process/PV/Text"/>)"),
        IsBody(GetParam(), Result(500, "get", R"(<Error><ErrNo _="-2100"/>{more}</Error>)")));
    EXPECT_EQ(Scratch(), "0");
  }
  {
    const Requirement requirement(where(), "no statement -> 500");
    EXPECT_THAT(
        Ask("empty", ""),
        IsBody(GetParam(), Result(500, "empty", R"(<Error><ErrNo _="-2101"/>{more}</Error>)")));
  }
}

TEST_P(ConfigTest, OneBadEntryAmongGoodOnesChangesNothingAndAllProblemsAreListed) {
  const Requirement requirement(
      where(), "SetConfig with bad entries -> 500 with each of them, nothing is applied");
  const std::string before =
      gateway().Ask("cmd", Wire::kTiXml, Id("before"), {R"(<GetConfig _="ISP/CloudConn2"/>)", ""});
  const std::string answer = Ask("bad", R"(<SetConfig _="ISP/CloudConn2" ver="y">
                      <MQTTKeepAlive _="77"/>
                      <QoS _="9"/>
                      <RTSendTime2 _="abc"/>
                      <ResponseTimeout _="30"/>
                    </SetConfig>)");
  EXPECT_THAT(
      answer,
      IsBody(GetParam(),
             Result(500, "bad",
                    R"(<SetConfig><Error><ErrNo _="-2151"/><ErrText _="invalid configuration"/>
                       <ErrorCause><ErrNo _="-2151"/><ErrText _="{any}"/><Class _="{any}"/></ErrorCause>
                       <ErrorCause><ErrNo _="-2151"/><ErrText _="{any}"/><Class _="{any}"/></ErrorCause>
                       </Error></SetConfig>)")));
  EXPECT_THAT(answer,
              AllOf(HasSubstr("/ISP/CloudConn2/QoS"), HasSubstr("/ISP/CloudConn2/RTSendTime2"),
                    Not(HasSubstr("MQTTKeepAlive")), Not(HasSubstr("ResponseTimeout"))));
  const std::string after =
      gateway().Ask("cmd", Wire::kTiXml, Id("after"), {R"(<GetConfig _="ISP/CloudConn2"/>)", ""});
  EXPECT_EQ(after.substr(after.find("<cmd_result>")), before.substr(before.find("<cmd_result>")));
}

TEST_P(ConfigTest, TheProgramsModeIsRestoredAfterTheLastSetConfig) {
  const Requirement requirement(
      where(), "the program is stopped for SetConfig, and then in its former mode again");
  Ask("run", kRun);
  EXPECT_THAT(Ask("config", kUser), IsBody(GetParam(), Result(0, "config", "<SetConfig/>")));
  EXPECT_EQ(gateway().ValueOf(kMode), "Run");
  Ask("stop", kStop);
  EXPECT_THAT(Ask("stopped", kUser), IsBody(GetParam(), Result(0, "stopped", "<SetConfig/>")));
  EXPECT_EQ(gateway().ValueOf(kMode), "Stop");
  Ask("again", kRun);
}

INSTANTIATE_TEST_SUITE_P(Formats, ConfigTest, testing::ValuesIn(kWires),
                         [](const auto& info) { return Name(info.param); });

class JsonConfigTest : public SharedConversation<testing::Test> {};

// As the rollout's gateway_configuration (2.1.2) and cmd (4) have it.
TEST_F(JsonConfigTest, ConfigMayBeNestedJsonToo) {
  const Requirement requirement("3 config JSON", "statements as nested JSON instead of a text");
  EXPECT_THAT(gateway().Ask("config", Wire::kJson, "nested",
                            {"", R"({"SetConfig": [{"-_": "USER", "-ver": "y",
                             "AccRights": {"User": {"-_": "Plain"}}}],
                             "Set": {"-_": "/Process/PV/Scratch", "-value": 5}})"}),
              IsBody(Wire::kJson,
                     ResultBody(Wire::kJson, "config", 0, "nested", {"<SetConfig/><Set/>", ""})));
  EXPECT_EQ(gateway().ValueOf("/Process/PV/Scratch"), "5");
}

}  // namespace
}  // namespace fieldgate::system_test
