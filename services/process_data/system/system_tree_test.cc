#include "services/process_data/system/system_tree.h"

#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/testing/process.h"
#include "services/process_data/subscription.h"

namespace fieldgate::process_data {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Subscriptions that are tested to end are refreshed this often.
constexpr absl::Duration kPeriod = absl::Milliseconds(5);
constexpr absl::Duration kLong = absl::Seconds(30);
constexpr uint8_t kNone = 2;  // sensor_state of what is no bus point

class SystemTreeTest : public testing::Test {
 protected:
  SystemTreeTest() {
    std::filesystem::create_directories(root_ + "/proc");
    std::ofstream(root_ + "/proc/meminfo") << "MemTotal: 2 kB\nMemAvailable: 1 kB\n";
    config_store::v1::Device device;
    device.set_serial_number("04600912");
    device.set_product_name("WT640");
    tree_.Configure(device);
    image_.SetConfigured();
  }

  SystemReader Reader() {
    return SystemReader(clock_,
                        {.root = root_,
                         .state_dir = root_,
                         .addresses = [] { return std::vector<InterfaceAddress>(); },
                         .log_counter = [this](const std::string&) -> std::optional<int64_t> {
                           return ++log_reads_;
                         }});
  }

  // The value at `path`, or the names of the children, or what is wrong.
  std::vector<std::string> Get(const std::string& path) {
    const auto node = tree_.Get(path);
    if (!node.ok()) return {std::string(node.status().message())};
    std::vector<std::string> all;
    for (const auto& attribute : node->attributes()) all.push_back(attribute.value());
    for (const auto& child : node->children()) all.push_back(child.name());
    return all;
  }

  const std::string root_ = NewTempDir();
  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  std::atomic<int64_t> log_reads_ = 0;  // how often a counter was asked for
  ProcessImage image_{clock_.WallNow()};
  SystemTree tree_{image_, clock_, Reader(), kPeriod};
};

TEST_F(SystemTreeTest, WithoutAPathEverythingIsThereWithTheProcessInItsPlace) {
  image_.ConfigureVariables({{"V", Value(int64_t{1})}}, clock_.WallNow());
  for (const char* path : {"", "/", "/SYSTEM", "SYSTEM/"}) {
    const auto node = tree_.Get(path);
    ASSERT_TRUE(node.ok()) << node.status();
    EXPECT_EQ(node->name(), "SYSTEM");
    EXPECT_THAT(Get(path),
                ElementsAre("Hardware", "Firmware", "Linux", "LicenseRef", "EEProm", "Process",
                            "LogCounter", "GSM", "TIMES", "Ethernet", "Ethernet2", "WLAN",
                            "GPRSLinkState", "FreeFileSize", "FreeRAMSize", "PNP_String",
                            "FeatureList", "SerialNo", "HardwareID", "Components"));
    const tixml::v1::Node& process = node->children(5);
    EXPECT_EQ(process.children(6).name(), "PV");
    EXPECT_EQ(process.children(6).children_size(), 1);
    EXPECT_EQ(process.children(8).name(), "MB");
    EXPECT_EQ(process.children(13).name(), "ETHPollActive");
  }
}

TEST_F(SystemTreeTest, AnyValueAndSubtreeCanBeAddressed) {
  EXPECT_THAT(Get("/SerialNo"), ElementsAre("04600912"));
  EXPECT_THAT(Get("SerialNo"), ElementsAre("04600912"));
  EXPECT_THAT(Get("/SYSTEM/SerialNo"), ElementsAre("04600912"));
  EXPECT_THAT(Get("/GSM/State"), ElementsAre("no modem"));
  EXPECT_THAT(Get("/Hardware/Modules/Modem0"), ElementsAre("WT640"));
  EXPECT_THAT(Get("/Hardware/RAM/"), ElementsAre("Size", "Attributes"));
  EXPECT_THAT(Get("Ethernet/"), IsEmpty());
  EXPECT_EQ(tree_.Get("Ethernet/")->name(), "Ethernet");
  EXPECT_THAT(Get("/Process"),
              ElementsAre("VPN", "HTTPConn", "CloudConn", "CloudConn2", "CloudConn3", "IBMConn",
                          "PV", "Program", "MB", "COM1PollActive", "COM2PollActive",
                          "COM3PollActive", "COM4PollActive", "ETHPollActive"));
  EXPECT_THAT(Get("/Process/MB"),
              ElementsAre("FirstCycle", "MaxCycleTime", "CycleTime", "CPULoad"));
  EXPECT_THAT(Get("/Process/ETHPollActive"), ElementsAre("0"));
  EXPECT_THAT(Get("/Process/Program/Mode"), ElementsAre("Run"));
}

TEST_F(SystemTreeTest, TheSpellingOfTable2_2IsKnown) {
  EXPECT_THAT(Get("/GprsLinkState"), ElementsAre("0"));
}

TEST_F(SystemTreeTest, AValueOfAbsentHardwareIsEmpty) {
  for (const char* path :
       {"/Ethernet2/MAC", "/GSM/IMEI", "/EEProm/LED0", "/Hardware/Modules/GsmModule",
        "/Process/VPN/ConnectionState", "/Process/MB/SignalLED"}) {
    EXPECT_THAT(Get(path), ElementsAre("")) << path;
  }
}

TEST_F(SystemTreeTest, AnEmptyElementOfTheProcessCanBeAddressed) {
  for (const char* path :
       {"/Process/HTTPConn", "/Process/CloudConn3/", "/Process/PV", "/Process/VPN", "/EEProm"}) {
    EXPECT_THAT(Get(path), IsEmpty()) << path;
  }
  EXPECT_EQ(tree_.Get("/Process/HTTPConn/")->name(), "HTTPConn");
  EXPECT_THAT(Get("/Process/HTTPConn/X"), ElementsAre(EndsWith("of it /Process exists")));
}

TEST_F(SystemTreeTest, BeforeTheConfigurationOnlyWhatItCanNotBringIsMissing) {
  ProcessImage image(clock_.WallNow());
  SystemTree tree(image, clock_, Reader(), kPeriod);
  const auto code = [&tree](const char* path) { return tree.Get(path).status().code(); };
  for (const char* path : {"/Process/PV/V", "/Process/PV", "/Process/Bus1", "/Process/CloudConn",
                           "/Hardware/Modules/C218", "/SYSTEM/Process/PV/V"}) {
    EXPECT_EQ(code(path), absl::StatusCode::kUnavailable) << path;
  }
  EXPECT_EQ(code("/Foo"), absl::StatusCode::kNotFound);
  for (const char* path : {"", "/Process", "/Process/Program/Mode", "/Process/MB/CPULoad",
                           "/TIMES/TIME", "/Hardware/Modules"}) {
    EXPECT_TRUE(tree.Get(path).ok()) << path;
  }
  tree.Configure({});
  image.SetConfigured();
  EXPECT_EQ(code("/Process/PV/V"), absl::StatusCode::kNotFound);
  EXPECT_EQ(code("/Hardware/Modules/C218"), absl::StatusCode::kNotFound);
  EXPECT_TRUE(tree.Get("/Process/PV").ok());
}

TEST_F(SystemTreeTest, AModemThatHangsDelaysNoReaderOfOtherValues) {
  std::atomic<int> asked = 0;
  std::atomic<bool> released = false;
  SystemTree tree(
      image_, clock_,
      SystemReader(clock_,
                   {.root = root_,
                    .state_dir = root_,
                    .addresses = [] { return std::vector<InterfaceAddress>(); },
                    .modem =
                        [&](const std::string&) {
                          ++asked;
                          EXPECT_TRUE(Eventually(kLong, [&] { return released.load(); }));
                          return ModemReport{ModemReport::Kind::kPresent, {.state = "searching"}};
                        }}),
      kPeriod);
  std::thread reader([&] {
    const auto state = tree.Get("/GSM/State");
    ASSERT_TRUE(state.ok());
    EXPECT_EQ(state->attributes(0).value(), "searching");
  });
  EXPECT_TRUE(Eventually(kLong, [&] { return asked == 1; }));
  for (const char* path : {"/FreeRAMSize", "/TIMES", "/Process", "/SerialNo", "/LogCounter"}) {
    EXPECT_TRUE(tree.Get(path).ok()) << path;
  }
  EXPECT_NE(tree.Subscribe({"/FreeRAMSize", "/Process/MB/CPULoad"}, false), nullptr);
  tree.Configure({});
  EXPECT_EQ(asked, 1);
  released = true;
  reader.join();
}

TEST_F(SystemTreeTest, ALateAnswerDoesNotReplaceANewerOne) {
  std::atomic<int> asked = 0;
  std::atomic<bool> released = false;
  SystemTree tree(
      image_, clock_,
      SystemReader(clock_, {.root = root_,
                            .state_dir = root_,
                            .addresses = [] { return std::vector<InterfaceAddress>(); },
                            .modem =
                                [&](const std::string&) {
                                  const int question = ++asked;
                                  if (question == 1) {
                                    EXPECT_TRUE(Eventually(kLong, [&] { return released.load(); }));
                                  }
                                  return ModemReport{ModemReport::Kind::kPresent,
                                                     {.imei = std::to_string(question)}};
                                }}),
      kPeriod);
  std::thread first([&] {
    const auto imei = tree.Get("/GSM/IMEI");
    ASSERT_TRUE(imei.ok());
    EXPECT_EQ(imei->attributes(0).value(), "2");
  });
  EXPECT_TRUE(Eventually(kLong, [&] { return asked == 1; }));
  EXPECT_EQ(tree.Get("/GSM/IMEI")->attributes(0).value(), "2");
  released = true;
  first.join();
}

TEST_F(SystemTreeTest, UnknownPathsNameWhatExistsOfThem) {
  EXPECT_THAT(Get("/GSM/Stat"), ElementsAre(EndsWith("of it /GSM exists")));
  EXPECT_THAT(Get("/Procss"), ElementsAre(EndsWith("Get without a path shows all")));
  EXPECT_THAT(Get("/Process/X"), ElementsAre(EndsWith("of it /Process exists")));
  EXPECT_THAT(Get("/SerialNo/X"), ElementsAre(EndsWith("of it /SerialNo exists")));
  EXPECT_EQ(tree_.Get("/Foo").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SystemTreeTest, ValuesAreThoseOfTheMomentOfTheGet) {
  const std::string before = Get("/TIMES/ISO8601DATE")[0];
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(before, "2023-11-14T22:13:20Z");
  EXPECT_THAT(Get("/TIMES/ISO8601DATE"), ElementsAre("2023-11-14T22:13:21Z"));
}

TEST_F(SystemTreeTest, NothingIsReadThatNobodyAskedFor) {
  Get("/SerialNo");
  Get("/TIMES");
  Get("/Process");
  EXPECT_EQ(log_reads_, 0);
  EXPECT_THAT(Get("/LogCounter/JobReport"), ElementsAre("1"));
  EXPECT_THAT(Get("/LogCounter/SupportLog"), ElementsAre("8"));
}

TEST_F(SystemTreeTest, ADeviceThatBecomesKnownBringsItsPaths) {
  EXPECT_THAT(Get("/Hardware/Modules/C218"), ElementsAre(HasSubstr("nothing has the path")));
  config_store::v1::Device device;
  device.set_serial_number("01234567");
  device.mutable_signal_led()->set_green("/sys/class/leds/signal");
  auto& module = *device.add_modules();
  module.set_name("C218");
  module.set_value("S1-AA2");
  tree_.Configure(device);
  EXPECT_THAT(Get("/Hardware/Modules/C218"), ElementsAre("S1-AA2"));
  EXPECT_THAT(Get("/SerialNo"), ElementsAre("01234567"));
  EXPECT_THAT(Get("/Process/MB/"),
              ElementsAre("FirstCycle", "MaxCycleTime", "CycleTime", "SignalLED", "CPULoad"));
  EXPECT_THAT(Get("/EEProm"), ElementsAre("LED0"));
}

TEST_F(SystemTreeTest, NoneOfThemCanBeWritten) {
  for (const char* path : {"/SerialNo", "/Process/MB/CPULoad", "/GprsLinkState", "/GSM/State",
                           "/Process/VPN/ConnectionState", "/Process/ETHPollActive"}) {
    const auto location = image_.Locate(path);
    ASSERT_TRUE(location.ok()) << path;
    EXPECT_EQ(location->kind, ProcessImage::Location::Kind::kReadOnly);
  }
}

TEST_F(SystemTreeTest, ARealtimePointHasItsValueAtOnceWithState2) {
  const std::vector<std::string> paths = {"/SerialNo", "/FreeRAMSize", "/GprsLinkState",
                                          "/Ethernet2/MAC", "/LogCounter/SupportLog"};
  auto subscription = image_.Subscribe(paths, false);
  ASSERT_TRUE(subscription.ok());
  const auto interest = tree_.Subscribe(paths, false);
  Batch batch;
  ASSERT_TRUE((*subscription)->Next(kLong, batch));
  EXPECT_EQ(batch.origins, std::string(5, 2));
  EXPECT_EQ(batch.states, std::string(5, kNone));
  EXPECT_EQ(batch.texts[0], "04600912");  // no number: its leading zero counts
  EXPECT_EQ(batch.bits[1], 1024u);
  EXPECT_EQ(batch.bits[2], 0u);
  EXPECT_EQ(batch.kinds[3], static_cast<char>(ValueKind::kNone));
}

TEST_F(SystemTreeTest, WhatIsSubscribedToIsReadAgainAndAgain) {
  const std::vector<std::string> paths = {"/LogCounter/SupportLog"};
  auto subscription = image_.Subscribe(paths, false);
  const auto interest = tree_.Subscribe(paths, false);
  Batch batch;
  uint64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE((*subscription)->Next(kLong, batch));
    ASSERT_EQ(batch.bits.size(), 1u);
    EXPECT_GT(batch.bits[0], last);
    last = batch.bits[0];
  }
}

TEST_F(SystemTreeTest, SubscriptionsReadOnlyTheirOwnSources) {
  const auto interest = tree_.Subscribe({"/FreeRAMSize"}, false);
  auto subscription = image_.Subscribe({"/FreeRAMSize"}, false);
  Batch batch;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE((*subscription)->Next(kLong, batch));
  EXPECT_EQ(log_reads_, 0);
}

TEST_F(SystemTreeTest, NothingIsReadForTheProcessItselfOrForFixedValues) {
  EXPECT_EQ(tree_.Subscribe({"/SerialNo", "/Process/PV/X", "/Foo", ""}, false), nullptr);
  EXPECT_EQ(tree_.Subscribe({"/Process/PV"}, true), nullptr);
  EXPECT_NE(tree_.Subscribe({"/Process"}, true), nullptr);
  EXPECT_NE(tree_.Subscribe({"/Process/MB/CPULoad"}, false), nullptr);
  EXPECT_NE(tree_.Subscribe({"/Process/VPN/ConnectionState"}, false), nullptr);
  EXPECT_NE(tree_.Subscribe({"/Process/ETHPollActive"}, false), nullptr);
  EXPECT_NE(tree_.Subscribe({"/Process/VPN"}, true), nullptr);
}

TEST_F(SystemTreeTest, WithTheLastSubscriptionReadingEnds) {
  tree_.Subscribe({"/LogCounter/SupportLog"}, false).reset();
  // Another one's readings show that the time of several has passed.
  const auto other = tree_.Subscribe({"/FreeRAMSize"}, false);
  auto subscription = image_.Subscribe({"/FreeRAMSize"}, false);
  Batch batch;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE((*subscription)->Next(kLong, batch));
  EXPECT_EQ(log_reads_, 4) << "each of the logs once";
}

}  // namespace
}  // namespace fieldgate::process_data
