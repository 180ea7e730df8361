// Changes of the configuration apply live: only what changed is started anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/tixml/codec.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::system_test {
namespace {

using testing::IsEmpty;

constexpr char kSecondGateway[] = "customer-1/second";

class LiveChangeTest : public testing::Test {
 protected:
  // Two Modbus devices, and CloudConn2 beside CloudConn at the same broker.
  LiveChangeTest() : harness_({.modbus_devices = 2}) {
    harness_.StartGateway();
    EXPECT_THAT(harness_.WaitUntilComplete(1), IsEmpty());
    Set("ISP", absl::StrCat(R"(<CloudConn2><CloudBaseUrl _=")", harness_.broker().url(),
                            R"("/><CloudConnStart _="1"/><CloudConnType _="FPIL_Tixi_MQTT_1"/>
                    <gateway_id _="second"/><customer_id _="customer-1"/><RTSendTime1 _="1"/>
                    <Realtime1><Level _="/Process/PV/Level" meta_type="custom"/></Realtime1>
                    </CloudConn2>)"));
    EXPECT_TRUE(Eventually(kPatience, [this] { return SecondStream().messages >= 2; }));
    first_ = Connects("");
    second_ = Connects("_2");
  }

  void Set(const std::string& database, const std::string& elements) {
    const Outcome outcome = harness_.Run(
        "tixml",
        {absl::StrCat("[<SetConfig _=\"", database, "\" ver=\"y\">", elements, "</SetConfig>]")});
    ASSERT_EQ(outcome.exit_status, 0) << outcome.output;
  }
  // Connections that the broker has seen of the client id with this suffix.
  int Connects(const std::string& suffix) {
    int count = 0;
    for (const absl::string_view line : absl::StrSplit(harness_.broker().Output(), '\n')) {
      if (absl::StrContains(line, "New client connected") &&
          absl::StrContains(line, absl::StrCat(" as WT640_", kSerialNumber, suffix, " "))) {
        ++count;
      }
    }
    return count;
  }
  int64_t Inits() { return harness_.portal().Snapshot().init_requests; }
  portal::StreamStats SecondStream() {
    const portal::PortalStats stats = harness_.portal().Snapshot();
    const portal::StreamStats* stream = stats.Stream(kSecondGateway);
    return stream == nullptr ? portal::StreamStats() : *stream;
  }
  // Waits until both connectors have sent on, without gap or reorder.
  void ExpectBothGoOn() {
    const int64_t before = SecondStream().messages;
    EXPECT_THAT(harness_.WaitUntilComplete(2), IsEmpty());
    EXPECT_TRUE(Eventually(kPatience, [&] { return SecondStream().messages >= before + 2; }));
    EXPECT_EQ(SecondStream().missing, 0);
  }
  // Of /Process/<bus>/Dev in the status.
  int64_t Polls(const std::string& bus) {
    const auto status = tixml::Parse(harness_.Run("status", {"--json"}).output);
    for (const tixml::Node& node : status->nodes) {
      const tixml::Node* path = node.Child("path");
      if (node.name != "devices" || path == nullptr) continue;
      if (*path->Find("_") != absl::StrCat("/Process/", bus, "/Dev")) continue;
      return std::atoll(node.Child("polls")->Find("_")->c_str());
    }
    return -1;
  }

  GatewayHarness harness_;
  int first_ = 0;   // connects of CloudConn before the change
  int second_ = 0;  // of CloudConn2
};

TEST_F(LiveChangeTest, AChangeOfOneConnectorLeavesTheOthersConnectionAlone) {
  ASSERT_EQ(first_, 1);
  ASSERT_EQ(second_, 1);
  Set("ISP/CloudConn", "<MQTTKeepAlive _=\"30\"/>");
  EXPECT_TRUE(Eventually(kPatience, [this] { return Connects("") == 2; }));
  ExpectBothGoOn();
  EXPECT_EQ(Connects("_2"), 1);
}

TEST_F(LiveChangeTest, AChangeOfDataPointsRunsInitAgainOnTheSameConnection) {
  const int64_t inits = Inits();
  Set("ISP/CloudConn",
      "<Realtime2><Renamed _=\"/Process/PV/Level\" meta_type=\"volume\"/></Realtime2>");
  EXPECT_TRUE(Eventually(kPatience, [&] { return Inits() == inits + 1; }));
  ExpectBothGoOn();
  EXPECT_EQ(Connects(""), first_);
  EXPECT_EQ(Connects("_2"), second_);
}

TEST_F(LiveChangeTest, ChangedLimitsTouchNothing) {
  const int64_t inits = Inits();
  Set("ISP/CloudConn",
      "<MQTTCacheMaxMB _=\"5\"/><ResponseTimeout _=\"9\"/><RetryMaxTime _=\"9\"/><QoS _=\"2\"/>"
      "<ConfirmTime _=\"60\"/>");
  ExpectBothGoOn();
  EXPECT_EQ(Inits(), inits);
  EXPECT_EQ(Connects(""), first_);
  EXPECT_EQ(Connects("_2"), second_);
}

TEST_F(LiveChangeTest, AChangeOfOneBusLeavesTheOthersPollingAlone) {
  ASSERT_TRUE(Eventually(kPatience, [this] { return Polls("Field2") > 20; }));
  const uint64_t connections = harness_.device(1).connections();
  const uint64_t changed = harness_.device(0).connections();
  const int64_t polls = Polls("Field2");
  const int64_t inits = Inits();
  Set("PROCCFG/External",
      absl::StrCat(
          "<Field1 protocol=\"ModbusTCP\"><Dev address=\"127.0.0.1:", harness_.device(0).port(),
          "\" unit=\"1\" poll=\"100\" timeout=\"300\"><P0 register=\"holding\" "
          "offset=\"0\" type=\"uint16\" access=\"rw\"/><P1 register=\"holding\" "
          "offset=\"1\" type=\"uint16\"/><P2 register=\"holding\" offset=\"2\" "
          "type=\"uint16\"/></Dev></Field1>"));
  EXPECT_TRUE(Eventually(kPatience, [&] { return harness_.device(0).connections() > changed; }));
  EXPECT_GE(Polls("Field2"), polls) << "it counts on";
  ExpectBothGoOn();
  EXPECT_EQ(harness_.device(1).connections(), connections);
  EXPECT_EQ(Connects(""), first_);
  EXPECT_EQ(Inits(), inits) << "no data point of a connector changed";
}

}  // namespace
}  // namespace fieldgate::system_test
