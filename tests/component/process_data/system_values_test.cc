// What the device tells about itself, of this machine, over real gRPC.
#include <gmock/gmock.h>

#include "common/testing/process.h"
#include "tests/component/process_data/process_data_harness.h"
#include "tests/simulators/modbus/modbus_simulator.h"

namespace fieldgate::process_data {
namespace {

using ::testing::MatchesRegex;

class SystemValuesTest : public testing::Test {
 protected:
  SystemValuesTest() {
    config_store::v1::Device device;
    device.set_serial_number("04600912");
    device.set_product_name("WT640");
    harness_.config_store().ServeDevice(device);
  }

  ProcessDataHarness harness_;
};

TEST_F(SystemValuesTest, GetWithoutAPathIsTheWholeSystem) {
  ASSERT_TRUE(harness_.Becomes("/SerialNo", "04600912"));
  const auto tree = harness_.GetTree("");
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_EQ(tree->name(), "SYSTEM");
  EXPECT_EQ(tree->children(0).name(), "Hardware");
  EXPECT_EQ(tree->children(5).name(), "Process");
  EXPECT_EQ(tree->children(5).children(0).name(), "VPN");
}

TEST_F(SystemValuesTest, ThisMachineHasMemoryTimeAndLoad) {
  EXPECT_THAT(harness_.Get("/FreeFileSize"), MatchesRegex("[0-9]+"));
  EXPECT_THAT(harness_.Get("/FreeRAMSize"), MatchesRegex("[1-9][0-9]*"));
  EXPECT_THAT(harness_.Get("/Hardware/RAM/Size"), MatchesRegex("[1-9][0-9]*"));
  EXPECT_THAT(harness_.Get("/Process/MB/CPULoad"), MatchesRegex("[0-9]+"));
  EXPECT_THAT(harness_.Get("/Linux/SystemInfo"), MatchesRegex("Linux .* GNU/Linux\n"));
  EXPECT_THAT(harness_.Get("/TIMES/ISO8601DATE"), MatchesRegex("2[0-9]+-.*Z"));
  EXPECT_THAT(harness_.Get("/TIMES/PowerOnTime"), MatchesRegex("2[0-9]+/.*"));
}

TEST_F(SystemValuesTest, TheLogsAreCountedAndTheCountsKeptWhileConfigStoreIsAway) {
  ASSERT_TRUE(harness_.Becomes("/LogCounter/SupportLog", "35299"));
  EXPECT_EQ(harness_.Get("/LogCounter/Event"), "61");
  harness_.StopConfigStore();
  EXPECT_EQ(harness_.Get("/LogCounter/Event"), "61");
  EXPECT_EQ(harness_.Get("/LogCounter/SupportLog"), "35299");
  EXPECT_EQ(harness_.Get("/GSM/State"), "no modem");
}

TEST_F(SystemValuesTest, ElementsOfTheProcessThatHaveNothingAreEmpty) {
  ASSERT_TRUE(harness_.Becomes("/SerialNo", "04600912"));
  for (const char* path : {"/Process/HTTPConn", "/Process/CloudConn", "/Process/VPN"}) {
    absl::StatusOr<tixml::v1::Node> node;
    // Before the configuration has come they are not there.
    ASSERT_TRUE(Eventually(kPatience, [&] { return (node = harness_.GetTree(path)).ok(); }))
        << node.status();
    EXPECT_EQ(node->attributes_size() + node->children_size(), 0) << path;
  }
}

TEST_F(SystemValuesTest, APollOverEthernetIsShownWhileTheProgramRuns) {
  EXPECT_EQ(harness_.Get("/Process/ETHPollActive"), "0");
  const auto device = ModbusSimulator::Start({});
  ASSERT_TRUE(device.ok()) << device.status();
  harness_.config_store().Serve(OneBus("B", {ModbusDevice("D", (*device)->port(), 1)}));
  EXPECT_TRUE(harness_.Becomes("/Process/ETHPollActive", "1"));
  EXPECT_TRUE(harness_.Becomes("/Process/MB/FirstCycle", "0"));
  ASSERT_TRUE(harness_.Set("/Process/Program/Mode", "Stop").ok());
  EXPECT_EQ(harness_.Get("/Process/ETHPollActive"), "0");
  EXPECT_EQ(harness_.Get("/Process/COM1PollActive"), "0");
}

TEST_F(SystemValuesTest, TheFirstCycleEndsWhenEachDeviceWasPolled) {
  EXPECT_EQ(harness_.Get("/Process/MB/FirstCycle"), "0");
  const auto device = ModbusSimulator::Start({});
  ASSERT_TRUE(device.ok()) << device.status();
  ASSERT_TRUE(harness_.Set("/Process/Program/Mode", "Stop").ok());
  harness_.config_store().Serve(OneBus("B", {ModbusDevice("D", (*device)->port(), 1)}));
  EXPECT_TRUE(harness_.Becomes("/Process/MB/FirstCycle", "1"));
  ASSERT_TRUE(harness_.Set("/Process/Program/Mode", "Run").ok());
  EXPECT_TRUE(harness_.Becomes("/Process/MB/FirstCycle", "0"));
}

TEST_F(SystemValuesTest, BeforeTheFirstConfigurationUnknownPathsAreNotAvailable) {
  config_store::v1::Acquisition acquisition;
  acquisition.add_process_variables()->set_name("V");
  harness_.config_store().Serve(acquisition);
  harness_.StopProcessData();
  harness_.StopConfigStore();
  harness_.StartProcessData();
  const auto code = [this](const char* path) { return harness_.GetTree(path).status().code(); };
  EXPECT_EQ(code("/Process/PV/V"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(code("/Process/Nowhere"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(harness_.Set("/Process/PV/V", "1").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(harness_.Get("/Process/Program/Mode"), "Run");
  EXPECT_TRUE(harness_.GetTree("").ok());

  harness_.StartConfigStore();
  EXPECT_TRUE(Eventually(kPatience, [&] { return harness_.GetTree("/Process/PV/V").ok(); }));
  EXPECT_TRUE(Eventually(kPatience,
                         [&] { return code("/Process/Nowhere") == absl::StatusCode::kNotFound; }));
  // From now on config_store may be away.
  harness_.StopConfigStore();
  EXPECT_TRUE(harness_.Set("/Process/PV/V", "1").ok());
  EXPECT_EQ(code("/Process/Nowhere"), absl::StatusCode::kNotFound);
}

TEST_F(SystemValuesTest, ASystemValueCanNotBeSet) {
  EXPECT_EQ(harness_.Set("/SerialNo", "1").code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(SystemValuesTest, SystemValuesAreStreamedWithState2) {
  ASSERT_TRUE(harness_.Becomes("/SerialNo", "04600912"));
  grpc::ClientContext context;
  rpc::SetTimeout(context, kPatience);
  v1::SubscribeRequest request;
  for (const char* path : {"/SerialNo", "/FreeFileSize", "/Process/MB/CPULoad"}) {
    request.add_paths(path);
  }
  const auto reader = harness_.stub().Subscribe(&context, request);
  v1::ValueBatch batch;
  ASSERT_TRUE(reader->Read(&batch));
  EXPECT_EQ(batch.dictionary().origins(), std::string(3, char{v1::OTHER}));
  EXPECT_EQ(batch.states(), std::string(3, 2));
  EXPECT_EQ(batch.texts(0), "04600912");
  // Read again without anybody's asking.
  ASSERT_TRUE(reader->Read(&batch));
  EXPECT_EQ(batch.runs(0).first(), 1u);
  context.TryCancel();
  reader->Finish();
}

}  // namespace
}  // namespace fieldgate::process_data
