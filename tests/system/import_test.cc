// A bad import ends the run; it names file, line, path and remedy, and nothing
// of it is in force.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ImportTest : public testing::Test {
 protected:
  // `fieldgate run` with an import of this text, to its end.
  Outcome Import(const std::string& text) {
    const std::string file = harness_.WriteFile("bad.tixml", text);
    return harness_.Run("run", {"--device=" + harness_.file("device.json"), "--import=" + file});
  }
  // The good ISP database with one text replaced.
  std::string IspWith(absl::string_view from, absl::string_view to) {
    const std::string good = Isp({.broker_url = harness_.broker().url()});
    const std::string bad = absl::StrReplaceAll(good, {{from, to}});
    EXPECT_NE(good, bad);
    return bad;
  }
  // "bad.tixml:LINE" of the first line that holds `part`.
  std::string Where(const std::string& text, absl::string_view part) {
    const size_t at = text.find(std::string(part));
    EXPECT_NE(at, std::string::npos);
    return absl::StrCat("bad.tixml:",
                        1 + std::count(text.begin(), text.begin() + static_cast<long>(at), '\n'));
  }
  // The configuration of the state directory, from a run without an import.
  std::string StoredIsp() {
    harness_.StartGatewayAgain();
    Outcome stored;
    EXPECT_TRUE(Eventually(kPatience, [&] {
      stored = harness_.Run("tixml", {"[<GetConfig _=\"\"/>]"});
      return stored.output.find("-2197") == std::string::npos && !stored.output.empty() &&
             stored.exit_status >= 0 && stored.output.find("[") != std::string::npos;
    }));
    EXPECT_EQ(harness_.StopGateway(), 0);
    return stored.output;
  }

  GatewayHarness harness_{{.modbus_devices = 0}};
};

TEST_F(ImportTest, AFileThatCannotBeParsedIsRefusedWithItsLine) {
  const Outcome outcome =
      Import("[<SetConfig _=\"ISP\">\n  <CloudConn>\n  </CloudCon>\n</SetConfig>]");
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("bad.tixml:3"), HasSubstr("CloudConn")));
}

TEST_F(ImportTest, AMissingFileIsNamed) {
  const Outcome outcome =
      harness_.Run("run", {"--device=" + harness_.file("device.json"), "--import=/tmp/none.tixml"});
  EXPECT_NE(outcome.exit_status, 0);
  EXPECT_THAT(outcome.output, HasSubstr("/tmp/none.tixml"));
}

TEST_F(ImportTest, AWrongNumberIsRefusedWithPathAndRemedyAndNothingIsInForce) {
  const std::string bad = IspWith("<RTSendTime1 _=\"1\"/>", "<RTSendTime1 _=\"abc\"/>");
  const Outcome outcome = Import(bad);
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr(Where(bad, "RTSendTime1")), HasSubstr("/ISP/CloudConn/RTSendTime1"),
                    HasSubstr("'abc'"), HasSubstr("1073741824")));
  EXPECT_THAT(StoredIsp(), Not(HasSubstr("CloudBaseUrl")));
}

TEST_F(ImportTest, AMissingMandatoryKeyIsRefused) {
  const Outcome outcome = Import(IspWith("CloudBaseUrl", "Comment"));
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("/ISP/CloudConn"), HasSubstr("CloudBaseUrl")));
}

TEST_F(ImportTest, EveryErrorOfACommandIsNamed) {
  std::string bad = IspWith("<RTSendTime1 _=\"1\"/>", "<RTSendTime1 _=\"0\"/>");
  bad = absl::StrReplaceAll(bad, {{"<QoS _=\"1\"/>", "<QoS _=\"7\"/>"}});
  const Outcome outcome = Import(bad);
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr(Where(bad, "RTSendTime1")), HasSubstr(Where(bad, "QoS"))));
}

TEST_F(ImportTest, ADuplicatePointIsRefused) {
  const std::string bad = R"([<SetConfig _="PROCCFG">
  <External><Bus1 protocol="ModbusTCP"><Dev address="127.0.0.1:1502">
    <P0 register="holding" offset="0"/>
    <P0 register="holding" offset="1"/>
  </Dev></Bus1></External>
</SetConfig>])";
  const Outcome outcome = Import(bad);
  EXPECT_EQ(outcome.exit_status, 1);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("bad.tixml:4"), HasSubstr("P0")));
}

TEST_F(ImportTest, AnUnknownKeyIsAWarningWithTheNearestOne) {
  harness_.WriteFile("isp.tixml", IspWith("<QoS _=", "<QosS _="));
  harness_.StartGateway();
  EXPECT_TRUE(harness_.BecomesWell());
  EXPECT_THAT(harness_.GatewayOutput(),
              AllOf(HasSubstr("isp.tixml:"), HasSubstr("QosS"), HasSubstr("QoS")));
}

TEST_F(ImportTest, AnUnknownPathOfADataPointIsAWarning) {
  harness_.WriteFile("isp.tixml", IspWith("/Process/Sim/Dev/Wave", "/Process/Sim/Dev/Wafe"));
  harness_.StartGateway();
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return harness_.GatewayOutput().find("/Process/Sim/Dev/Wafe") != std::string::npos;
  }));
  // The rest works; the unknown one is sent as invalid.
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const portal::SensorStats sensor = harness_.Sensor("Process_Sim_Dev", "Wafe");
    return sensor.received > 0 && sensor.state == 0;
  }));
}

TEST_F(ImportTest, AnUnknownDatabaseIsStored) {
  const std::string file = harness_.WriteFile(
      "isp.tixml", "[<SetConfig _=\"WHATEVER\"><Some key=\"value\"/></SetConfig>]");
  harness_.StartGateway();
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return harness_.Run("tixml", {"[<GetConfig _=\"WHATEVER\"/>]"}).output.find("key=\"value\"") !=
           std::string::npos;
  }));
}

}  // namespace
}  // namespace fieldgate::system_test
