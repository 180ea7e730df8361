// process_data with real gRPC, real Modbus TCP to a simulator, a real SQLite
// file and a fake config_store.
#include <gmock/gmock.h>

#include "common/testing/process.h"
#include "tests/component/process_data/process_data_harness.h"
#include "tests/simulators/modbus/modbus_simulator.h"

namespace fieldgate::process_data {
namespace {

using config_store::v1::Acquisition;
using config_store::v1::BusDevice;
using config_store::v1::BusPoint;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ProcessDataTest : public testing::Test {
 protected:
  void AddVariable(Acquisition& acquisition, const std::string& name, const std::string& value) {
    auto& variable = *acquisition.add_process_variables();
    variable.set_name(name);
    variable.set_initial_value(value);
  }
  // "/Process/Bus/Dev" has been polled `count` more times.
  bool Polls(const std::string& path, uint64_t count) {
    const uint64_t before = harness_.StatusOf(path).polls();
    return Eventually(kPatience, [&] { return harness_.StatusOf(path).polls() >= before + count; });
  }

  ProcessDataHarness harness_;
  std::unique_ptr<ModbusSimulator> field_ = *ModbusSimulator::Start({});
};

TEST_F(ProcessDataTest, ValuesOfADeviceArrive) {
  field_->SetHoldingRegister(1, 42);
  harness_.config_store().Serve(OneBus("Bus", {ModbusDevice("Dev", field_->port(), 2)}));
  EXPECT_TRUE(harness_.Becomes("/Process/Bus/Dev/P1", "42"));
  EXPECT_EQ(harness_.Get("/Process/Bus/Dev/DeviceState"), "1");
  const auto status = harness_.StatusOf("/Process/Bus/Dev");
  EXPECT_TRUE(status.ok());
  EXPECT_GT(status.last_ok_at_us(), 0);
}

TEST_F(ProcessDataTest, GetOfASubtreeIsATreeInConfigurationOrder) {
  Acquisition acquisition = OneBus("Bus", {ModbusDevice("Dev", field_->port(), 1)});
  AddVariable(acquisition, "V", "5");
  harness_.config_store().Serve(acquisition);
  ASSERT_TRUE(harness_.Becomes("/Process/Bus/Dev/DeviceState", "1"));
  const auto tree = harness_.GetTree("Process/");
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_EQ(tree->name(), "Process");
  const auto names = [](const tixml::v1::Node& node) {
    std::vector<std::string> all;
    for (const auto& child : node.children()) all.push_back(child.name());
    return all;
  };
  EXPECT_THAT(names(*tree),
              ElementsAre("Bus", "VPN", "HTTPConn", "CloudConn", "CloudConn2", "CloudConn3",
                          "IBMConn", "PV", "Program", "MB", "COM1PollActive", "COM2PollActive",
                          "COM3PollActive", "COM4PollActive", "ETHPollActive"));
  const auto& device = tree->children(0).children(0);
  EXPECT_EQ(device.name(), "Dev");
  EXPECT_THAT(names(device), ElementsAre("DeviceState", "ChangeToggle", "P0"));
  EXPECT_EQ(device.children(2).attributes(0).name(), "_");
  EXPECT_EQ(device.children(2).attributes(0).value(), "0");
}

TEST_F(ProcessDataTest, GetOfWhatIsNotThereNamesTheLongestPartThatIs) {
  Acquisition acquisition;
  AddVariable(acquisition, "V", "5");
  harness_.config_store().Serve(acquisition);
  ASSERT_TRUE(harness_.Becomes("/Process/PV/V", "5"));
  const absl::Status status = harness_.GetTree("/Process/Program/Nothing").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("/Process/Program exists"));
}

TEST_F(ProcessDataTest, ASetReachesTheDeviceAndTheImage) {
  harness_.config_store().Serve(OneBus("Bus", {ModbusDevice("Dev", field_->port(), 2)}));
  ASSERT_TRUE(harness_.Becomes("/Process/Bus/Dev/DeviceState", "1"));
  ASSERT_TRUE(harness_.Set("/Process/Bus/Dev/P1", "17").ok());
  EXPECT_EQ(field_->HoldingRegister(1), 17);
  EXPECT_EQ(harness_.Get("/Process/Bus/Dev/P1"), "17");
}

TEST_F(ProcessDataTest, ASetHasTheErrorsThatTheProtoPromises) {
  BusDevice device = ModbusDevice("Dev", field_->port(), 3);
  device.mutable_points(1)->set_writable(false);
  harness_.config_store().Serve(OneBus("Bus", {device}));
  ASSERT_TRUE(harness_.Becomes("/Process/Bus/Dev/DeviceState", "1"));
  const auto code = [this](const std::string& path, const std::string& value) {
    return harness_.Set(path, value).code();
  };
  EXPECT_EQ(code("/Process/Bus/Dev/No", "1"), absl::StatusCode::kNotFound);
  EXPECT_EQ(code("/Process/Bus/Dev", "1"), absl::StatusCode::kNotFound);
  EXPECT_EQ(code("/Process/Bus/Dev/P1", "1"), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code("/Process/Bus/Dev/DeviceState", "1"), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(code("/Process/Bus/Dev/P0", "65536"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("/Process/Bus/Dev/P0", "warm"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("/Process/Program/Mode", "Walk"), absl::StatusCode::kInvalidArgument);
  field_->SetFault({.kind = ModbusFault::Kind::kException, .first = 2, .count = 1});
  EXPECT_EQ(code("/Process/Bus/Dev/P2", "1"), absl::StatusCode::kFailedPrecondition);
  field_->SetFault({.kind = ModbusFault::Kind::kDrop});
  EXPECT_EQ(code("/Process/Bus/Dev/P0", "1"), absl::StatusCode::kUnavailable);
}

TEST_F(ProcessDataTest, AnExceptionConcernsOnlyItsBlock) {
  BusDevice device = ModbusDevice("Dev", field_->port(), 2);
  device.mutable_points(1)->set_offset(1000);
  field_->SetFault({.kind = ModbusFault::Kind::kException, .first = 1000, .count = 1});
  field_->SetHoldingRegister(0, 1);
  field_->SetHoldingRegister(1000, 2);
  harness_.config_store().Serve(OneBus("Bus", {device}));
  EXPECT_TRUE(harness_.Becomes("/Process/Bus/Dev/P0", "1"));
  EXPECT_EQ(harness_.Get("/Process/Bus/Dev/P1"), "");
  EXPECT_EQ(harness_.Get("/Process/Bus/Dev/DeviceState"), "1");
  field_->Recover();
  EXPECT_TRUE(harness_.Becomes("/Process/Bus/Dev/P1", "2"));
}

TEST_F(ProcessDataTest, AHungDeviceDelaysNoOther) {
  const auto hung = *ModbusSimulator::Start({});
  hung->Hang();
  BusDevice silent = ModbusDevice("Hung", hung->port(), 1);
  silent.set_timeout_ms(60'000);
  harness_.config_store().Serve(OneBus("Bus", {silent, ModbusDevice("Good", field_->port(), 1)}));
  ASSERT_TRUE(Eventually(kPatience, [&] { return hung->requests() > 0; }));
  EXPECT_TRUE(Polls("/Process/Bus/Good", 50));
  EXPECT_EQ(harness_.StatusOf("/Process/Bus/Hung").polls(), 0u);
  EXPECT_EQ(hung->requests(), 1u);
}

TEST_F(ProcessDataTest, ADeadUnitBehindAGatewayLeavesTheOthersAlive) {
  field_->SetFault({.kind = ModbusFault::Kind::kException, .exception = 11, .unit = 1});
  harness_.config_store().Serve(OneBus("Bus", {ModbusDevice("Dead", field_->port(), 1, 1),
                                               ModbusDevice("Good", field_->port(), 1, 2)}));
  EXPECT_TRUE(Polls("/Process/Bus/Good", 20));
  EXPECT_TRUE(harness_.StatusOf("/Process/Bus/Good").ok());
  EXPECT_THAT(harness_.StatusOf("/Process/Bus/Dead").error(), StartsWith("gateway: "));
  EXPECT_EQ(harness_.Get("/Process/Bus/Dead/DeviceState"), "0");
}

TEST_F(ProcessDataTest, ALostConnectionIsMadeAgain) {
  harness_.config_store().Serve(OneBus("Bus", {ModbusDevice("Dev", field_->port(), 1)}));
  ASSERT_TRUE(harness_.Becomes("/Process/Bus/Dev/DeviceState", "1"));
  const int port = field_->port();
  field_.reset();
  EXPECT_TRUE(harness_.Becomes("/Process/Bus/Dev/DeviceState", "0"));
  EXPECT_THAT(harness_.StatusOf("/Process/Bus/Dev").error(), HasSubstr("onnect"));
  field_ = *ModbusSimulator::Start({.port = port});
  EXPECT_TRUE(harness_.Becomes("/Process/Bus/Dev/DeviceState", "1"));
}

TEST_F(ProcessDataTest, ProcessVariablesSurviveARestart) {
  Acquisition acquisition;
  AddVariable(acquisition, "Set", "1");
  AddVariable(acquisition, "Unset", "1");
  harness_.config_store().Serve(acquisition);
  ASSERT_TRUE(harness_.Becomes("/Process/PV/Set", "1"));
  ASSERT_TRUE(harness_.Set("/Process/PV/Set", "23.5").ok());
  harness_.StopProcessData();
  harness_.StartProcessData();
  EXPECT_TRUE(harness_.Becomes("/Process/PV/Set", "23.5"));
  EXPECT_EQ(harness_.Get("/Process/PV/Unset"), "1");
}

TEST_F(ProcessDataTest, StopPausesTheBusesUntilRun) {
  harness_.config_store().Serve(OneBus("Bus", {ModbusDevice("Dev", field_->port(), 1)}));
  ASSERT_TRUE(harness_.Becomes("/Process/Bus/Dev/P0", "0"));
  ASSERT_TRUE(harness_.Set("/Process/Program/Mode", "Stop").ok());
  EXPECT_EQ(harness_.Get("/Process/Program/Mode"), "Stop");
  EXPECT_EQ(harness_.Status().mode(), "Stop");
  const uint64_t requests = field_->requests();
  field_->SetHoldingRegister(0, 9);
  // Goes through the line's thread, which would have polled by then.
  ASSERT_TRUE(harness_.Set("/Process/Bus/Dev/P0", "3").ok());
  EXPECT_EQ(field_->requests(), requests + 2);  // the write and its read back
  ASSERT_TRUE(harness_.Set("/Process/Program/Mode", "Run").ok());
  EXPECT_TRUE(Polls("/Process/Bus/Dev", 2));
}

TEST_F(ProcessDataTest, TheProgramRunsAfterARestart) {
  ASSERT_TRUE(harness_.Set("/Process/Program/Mode", "Stop").ok());
  harness_.StopProcessData();
  harness_.StartProcessData();
  EXPECT_EQ(harness_.Get("/Process/Program/Mode"), "Run");
}

TEST_F(ProcessDataTest, BusesGoOnWithoutConfigStoreAndFollowItWhenItIsBack) {
  harness_.config_store().Serve(OneBus("Bus", {ModbusDevice("Dev", field_->port(), 1)}));
  ASSERT_TRUE(harness_.Becomes("/Process/Bus/Dev/DeviceState", "1"));
  harness_.StopConfigStore();
  EXPECT_TRUE(Polls("/Process/Bus/Dev", 5));
  harness_.config_store().Serve(OneBus("Other", {ModbusDevice("Dev", field_->port(), 1)}));
  harness_.StartConfigStore();
  EXPECT_TRUE(harness_.Becomes("/Process/Other/Dev/DeviceState", "1"));
  EXPECT_EQ(harness_.Get("/Process/Bus/Dev/DeviceState"), "");
}

TEST_F(ProcessDataTest, ConfigStoreMayStartLater) {
  harness_.StopProcessData();
  harness_.StopConfigStore();
  harness_.StartProcessData();
  EXPECT_EQ(harness_.Get("/Process/Program/Mode"), "Run");
  harness_.config_store().Serve(OneBus("Bus", {ModbusDevice("Dev", field_->port(), 1)}));
  harness_.StartConfigStore();
  EXPECT_TRUE(harness_.Becomes("/Process/Bus/Dev/DeviceState", "1"));
}

TEST_F(ProcessDataTest, AReportLastsAsLongAsItsCall) {
  grpc::ClientContext context;
  v1::ReportResponse response;
  const auto writer = harness_.stub().Report(&context, &response);
  v1::ReportRequest request;
  auto& value = *request.add_values();
  value.set_path("/Process/CloudConn/ConnectionState");
  value.set_value("1");
  ASSERT_TRUE(writer->Write(request));
  EXPECT_TRUE(harness_.Becomes("/Process/CloudConn/ConnectionState", "1"));
  EXPECT_EQ(harness_.Set("/Process/CloudConn/ConnectionState", "0").code(),
            absl::StatusCode::kPermissionDenied);
  context.TryCancel();
  writer->Finish();
  EXPECT_TRUE(harness_.Becomes("/Process/CloudConn/ConnectionState", ""));
}

TEST_F(ProcessDataTest, AReportOfWhatABusOwnsIsRefused) {
  grpc::ClientContext context;
  v1::ReportResponse response;
  const auto writer = harness_.stub().Report(&context, &response);
  v1::ReportRequest request;
  request.add_values()->set_path("/Process/PV/X");
  writer->Write(request);
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace fieldgate::process_data
