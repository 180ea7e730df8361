// PD-26 to PD-28: what the device tells about its modem, with a real message bus.
#include <gmock/gmock.h>

#include "common/testing/dbus_daemon.h"
#include "common/testing/process.h"
#include "tests/component/process_data/process_data_harness.h"
#include "tests/simulators/modem_manager/modem_manager_simulator.h"

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using Mood = ModemManagerSimulator::Mood;

class GsmTest : public testing::Test {
 protected:
  void StartBus() {
    const absl::Status started = bus_.Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  void StartManager() {
    auto manager = ModemManagerSimulator::Start(bus_.address());
    ASSERT_TRUE(manager.ok()) << manager.status();
    manager_ = *std::move(manager);
  }
  std::vector<std::string> Elements(const std::string& path) {
    std::vector<std::string> names;
    const auto node = harness_.GetTree(path);
    if (!node.ok()) return {node.status().ToString()};
    for (const auto& child : node->children()) names.push_back(child.name());
    return names;
  }

  DBusDaemon bus_;
  std::unique_ptr<ModemManagerSimulator> manager_;
  ProcessDataHarness harness_{bus_.address()};
};

TEST_F(GsmTest, TheStateFollowsTheModemAndItsBus) {
  EXPECT_EQ(harness_.Get("/GSM/State"), "no modem");  // no bus
  StartBus();
  EXPECT_TRUE(harness_.Becomes("/GSM/State", "no modem"));  // no ModemManager
  StartManager();
  EXPECT_TRUE(harness_.Becomes("/GSM/State", "no modem"));  // it has none
  EXPECT_THAT(Elements("/GSM"), ElementsAre("SM", "FD", "State"));
  manager_->Show({{.state = -1,
                   .failed_reason = 2,
                   .access_technologies = 0,
                   .network = std::nullopt,
                   .sim = std::nullopt}});
  EXPECT_TRUE(harness_.Becomes("/GSM/State", "missing SIM Card"));
  EXPECT_EQ(harness_.Get("/GSM/IMEI"), "860000000000001");
  EXPECT_EQ(harness_.Get("/GSM/IMSI"), "");
  manager_->Show({{.state = 8}});
  EXPECT_TRUE(harness_.Becomes("/GSM/State", "registered"));
  EXPECT_EQ(harness_.Get("/GPRSLinkState"), "0");
  manager_->Show({{.state = 11}});
  EXPECT_TRUE(harness_.Becomes("/GSM/State", "connected"));
  EXPECT_TRUE(harness_.Becomes("/GPRSLinkState", "1"));
  manager_.reset();
  bus_.Kill();
  EXPECT_TRUE(harness_.Becomes("/GSM/State", "no modem"));
  StartBus();
  StartManager();
  manager_->Show({{}});
  EXPECT_TRUE(harness_.Becomes("/GSM/State", "connected"));
}

TEST_F(GsmTest, AllThatTheManualPromisesIsInTheTree) {
  StartBus();
  StartManager();
  manager_->Show({{.lte_rssi = -65}});
  ASSERT_TRUE(harness_.Becomes("/GSM/State", "connected"));
  EXPECT_THAT(Elements("/GSM"),
              ElementsAre("SM", "FD", "State", "IMEI", "IMSI", "SIMID", "Provider", "Service",
                          "Quality", "RSSI", "RSRP", "CELLID"));
  EXPECT_EQ(harness_.Get("/GSM/IMSI"), "262011234567890");
  EXPECT_EQ(harness_.Get("/GSM/Provider"), "Telekom.de");
  EXPECT_EQ(harness_.Get("/GSM/Service"), "LTE");
  EXPECT_EQ(harness_.Get("/GSM/Quality"), "67");
  EXPECT_EQ(harness_.Get("/GSM/RSSI"), "-65");
  EXPECT_EQ(harness_.Get("/GSM/CELLID"), "179328");
  EXPECT_EQ(harness_.Get("/Hardware/Modules/GsmModule"), "ME909s-120");
  EXPECT_EQ(harness_.Get("/Hardware/Modules/ModuleVer"), "11.617.09.00.00");
}

TEST_F(GsmTest, AModemManagerThatFallsSilentLeavesTheLastValues) {
  StartBus();
  StartManager();
  manager_->Show({{}});
  ASSERT_TRUE(harness_.Becomes("/GSM/State", "connected"));
  manager_->SetMood(Mood::kSilent);
  manager_->Show({{.state = 8}});
  EXPECT_EQ(harness_.Get("/GSM/State"), "connected");
  EXPECT_TRUE(harness_.GetTree("").ok());
  manager_->SetMood(Mood::kWell);
  EXPECT_TRUE(harness_.Becomes("/GSM/State", "registered"));
}

TEST_F(GsmTest, NobodyIsAskedBeforeSomebodyAsksForAModem) {
  StartBus();
  StartManager();
  for (const char* path : {"/SerialNo", "/Ethernet", "/TIMES", "/Process", "/Hardware/RAM"}) {
    EXPECT_TRUE(harness_.GetTree(path).ok()) << path;
  }
  EXPECT_EQ(manager_->clients(), 0u);
  EXPECT_TRUE(harness_.GetTree("/GSM").ok());
  EXPECT_EQ(manager_->clients(), 1u);
}

TEST_F(GsmTest, SystemModemAndAbsentHardwareAreRealtimePoints) {
  StartBus();
  StartManager();
  manager_->Show({{.state = 7}});
  config_store::v1::Device device;
  device.set_serial_number("04600912");
  harness_.config_store().ServeDevice(device);
  ASSERT_TRUE(harness_.Becomes("/SerialNo", "04600912"));
  ASSERT_TRUE(harness_.Becomes("/GSM/State", "searching"));

  grpc::ClientContext context;
  rpc::SetTimeout(context, kPatience);
  v1::SubscribeRequest request;
  for (const char* path :
       {"/SerialNo", "/GSM/State", "/Process/VPN/ConnectionState", "/Ethernet2/MAC"}) {
    request.add_paths(path);
  }
  const auto reader = harness_.stub().Subscribe(&context, request);
  v1::ValueBatch batch;
  ASSERT_TRUE(reader->Read(&batch));
  EXPECT_EQ(batch.dictionary().origins(), std::string(4, char{v1::OTHER}));
  EXPECT_EQ(batch.states(), std::string(4, 2));
  EXPECT_EQ(batch.kinds(), (std::string{v1::TEXT, v1::TEXT, v1::NONE, v1::NONE}));
  EXPECT_THAT(batch.texts(), ElementsAre("04600912", "searching"));

  // What the modem does comes without anybody's asking.
  manager_->Show({{.state = 11}});
  bool connected = false;
  while (!connected && reader->Read(&batch)) {
    for (const std::string& text : batch.texts()) connected |= text == "connected";
  }
  EXPECT_TRUE(connected);
  context.TryCancel();
  reader->Finish();
}

}  // namespace
}  // namespace fieldgate::process_data
