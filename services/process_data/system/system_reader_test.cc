#include "services/process_data/system/system_reader.h"

#include <gmock/gmock.h>
#include <utmp.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "common/testing/process.h"

namespace fieldgate::process_data {
namespace {

using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class SystemReaderTest : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::string file = root_ + path;
    std::filesystem::create_directories(file.substr(0, file.rfind('/')));
    std::ofstream(file, std::ios::binary) << text;
  }
  void WriteInterface(const std::string& name, int index, const std::string& type = "1") {
    const std::string folder = "/sys/class/net/" + name;
    Write(folder + "/ifindex", std::to_string(index) + "\n");
    Write(folder + "/type", type + "\n");
    Write(folder + "/address", "00:11:e8:5b:b1:20\n");
    Write(folder + "/carrier", "1\n");
    Write(folder + "/speed", "100\n");
  }
  SystemReader Reader() {
    return SystemReader(
        clock_, {.root = root_,
                 .state_dir = root_,
                 .addresses = [this] { return addresses_; },
                 .log_counter = [this](const std::string& log) { return log_counter_(log); },
                 .modem =
                     [](const std::string& interface) {
                       return ModemReport{ModemReport::Kind::kPresent, {.state = interface}};
                     },
                 .polling =
                     [] {
                       return PollingStatus{.last_cycle = absl::Milliseconds(3),
                                            .longest_cycle = absl::Milliseconds(9)};
                     }});
  }
  void Read(SystemReader& reader, Sources sources, SystemValues& values) {
    reader.Read(sources, device_, reader.Ask(sources, "wwan0"), values);
  }
  SystemValues Read(Sources sources = kAllSources) {
    SystemReader reader = Reader();
    SystemValues values;
    Read(reader, sources, values);
    return values;
  }

  const std::string root_ = NewTempDir();
  FakeClock clock_;
  config_store::v1::Device device_;
  std::vector<InterfaceAddress> addresses_;
  std::function<std::optional<int64_t>(const std::string&)> log_counter_ = [](const std::string&) {
    return std::nullopt;
  };
};

TEST_F(SystemReaderTest, MemoryIsInBytesAndFreeIsWhatProgramsCanGet) {
  Write("/proc/meminfo",
        "MemTotal:         125288 kB\nMemFree:           10000 kB\nMemAvailable:      39092 kB\n");
  EXPECT_EQ(Read().ram_size, 128294912u);
  EXPECT_EQ(Read().ram_free, 40030208u);
}

TEST_F(SystemReaderTest, FlashIsAllPartitionsOrTheMemoryCard) {
  Write("/sys/class/block/mmcblk0/size", "262144\n");
  EXPECT_EQ(Read().rom_size, 134217728u);
  Write("/proc/mtd",
        "dev:    size   erasesize  name\n"
        "mtd0: 00100000 00020000 \"boot\"\nmtd1: 07f00000 00020000 \"root\"\n");
  EXPECT_EQ(Read().rom_size, 134217728u);
}

TEST_F(SystemReaderTest, TheFileSystemIsTheOneOfTheStateDirectory) {
  Write("/proc/mounts", "/dev/root / ext4 rw 0 0\nx " + root_ + " ubifs rw 0 0\ny " + root_ +
                            "/deeper tmpfs rw 0 0\nz " + root_ + "x vfat rw 0 0\n");
  const SystemValues values = Read();
  EXPECT_EQ(values.file_system_type, "ubifs");
  ASSERT_TRUE(values.file_size.has_value() && values.file_free.has_value());
  EXPECT_GT(*values.file_size, 0u);
  EXPECT_LE(*values.file_free, *values.file_size);
}

TEST_F(SystemReaderTest, SystemInfoIsALineAsUnameHasIt) {
  Write("/proc/sys/kernel/ostype", "Linux\n");
  Write("/proc/sys/kernel/hostname", "AT91SAM9\n");
  Write("/proc/sys/kernel/osrelease", "2.6.39\n");
  Write("/proc/sys/kernel/version", "#24072547 PREEMPT\n");
  EXPECT_THAT(Read().system_info, StartsWith("Linux AT91SAM9 2.6.39 #24072547 PREEMPT "));
  EXPECT_THAT(Read().system_info, EndsWith(" GNU/Linux\n"));
}

// A host name of another character set would make the whole tree unreadable.
TEST_F(SystemReaderTest, WhatCannotBeSentIsReplaced) {
  Write("/proc/sys/kernel/ostype", "Linux\n");
  Write("/proc/sys/kernel/hostname", "caf\xe9 \xc3\xa9\x01\xef\xbf\xbf\n");
  EXPECT_THAT(Read().system_info, StartsWith("Linux caf? \xc3\xa9?? "));
}

TEST_F(SystemReaderTest, TheInterfaceThatTheDeviceNamesIsEthernet) {
  WriteInterface("eth0", 2);
  WriteInterface("eth1", 3);
  (*device_.mutable_interfaces())["Ethernet"] = "eth1";
  addresses_ = {{"eth0", "10.0.0.1", "255.0.0.0"}, {"eth1", "193.101.167.163", "255.255.255.128"}};
  Write("/proc/net/route",
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\n"
        "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\n"
        "eth1\t00000000\t020202C0\t0003\t0\t0\t200\t00000000\t0\n"
        "eth1\t00000000\tC1A765C1\t0003\t0\t0\t100\t00000000\t0\n"
        "eth1\t80A765C1\t00000000\t0001\t0\t0\t100\t80FFFFFF\t0\n");
  Write("/etc/resolv.conf",
        "# made by hand\nsearch x\nnameserver 193.101.167.2\nnameserver 8.8.8.8\n");
  const SystemValues values = Read();
  ASSERT_EQ(values.interfaces.count("Ethernet"), 1u);
  const NetworkInterface& ethernet = values.interfaces.at("Ethernet");
  EXPECT_TRUE(ethernet.link);
  EXPECT_EQ(ethernet.speed, "100");
  EXPECT_EQ(ethernet.address, "193.101.167.163");
  EXPECT_EQ(ethernet.netmask, "255.255.255.128");
  EXPECT_EQ(ethernet.mac, "00:11:E8:5B:B1:20");
  EXPECT_EQ(ethernet.gateway, "193.101.167.193");
  EXPECT_EQ(ethernet.dns, "193.101.167.2");
}

TEST_F(SystemReaderTest, EthernetIsOtherwiseTheFirstInterfaceWithoutAnotherUse) {
  WriteInterface("lo", 1, "772");
  WriteInterface("wlan0", 2);
  WriteInterface("b", 4);
  WriteInterface("a", 5);
  (*device_.mutable_interfaces())["WLAN"] = "wlan0";
  addresses_ = {{"b", "10.0.0.4", ""}, {"a", "10.0.0.5", ""}};
  EXPECT_EQ(Read().interfaces.at("Ethernet").address, "10.0.0.4");
  EXPECT_EQ(Read().interfaces.count("WLAN"), 1u);
}

TEST_F(SystemReaderTest, InterfacesWithHardwareOrALinkGoFirst) {
  for (const auto& [name, index] : {std::pair("bridge", 1), std::pair("veth", 2)}) {
    WriteInterface(name, index);
    addresses_.push_back({name, name, ""});
  }
  Write("/sys/class/net/bridge/carrier", "0\n");
  EXPECT_EQ(Read().interfaces.at("Ethernet").address, "veth");
  WriteInterface("eth0", 3);
  Write("/sys/class/net/eth0/carrier", "0\n");
  Write("/sys/class/net/eth0/device/uevent", "");
  addresses_.push_back({"eth0", "eth0", ""});
  EXPECT_EQ(Read().interfaces.at("Ethernet").address, "eth0");
}

TEST_F(SystemReaderTest, AnInterfaceThatIsNotThereIsAbsent) {
  (*device_.mutable_interfaces())["Ethernet"] = "eth7";
  (*device_.mutable_interfaces())["MODEM"] = "wwan0";
  EXPECT_THAT(Read().interfaces, IsEmpty());
}

TEST_F(SystemReaderTest, ACableThatIsPulledIsNoLink) {
  WriteInterface("eth0", 2);
  Write("/sys/class/net/eth0/carrier", "0\n");
  Write("/sys/class/net/eth0/speed", "-1\n");
  EXPECT_FALSE(Read().interfaces.at("Ethernet").link);
  EXPECT_EQ(Read().interfaces.at("Ethernet").speed, "");
}

TEST_F(SystemReaderTest, PowerOnIsTheStartAndPowerOffTheLastShutdown) {
  Write("/proc/stat", "cpu  1 2 3 4\nbtime 1556269776\n");
  std::string wtmp;
  for (const auto& [type, user, at] :
       {std::tuple(RUN_LVL, "shutdown", 1500000000), std::tuple(BOOT_TIME, "reboot", 1500000100),
        std::tuple(RUN_LVL, "shutdown", 1556269276), std::tuple(RUN_LVL, "runlevel", 1556269800)}) {
    utmp record = {};
    record.ut_type = static_cast<short>(type);
    std::strncpy(record.ut_user, user, sizeof record.ut_user);
    record.ut_tv.tv_sec = at;
    wtmp.append(reinterpret_cast<const char*>(&record), sizeof record);
  }
  Write("/var/log/wtmp", wtmp + "half a record");
  EXPECT_EQ(Read().power_on, absl::FromUnixSeconds(1556269776));
  EXPECT_EQ(Read().power_off, absl::FromUnixSeconds(1556269276));
  EXPECT_EQ(Read().now, clock_.WallNow());
}

TEST_F(SystemReaderTest, TheLoadIsThatSinceTheLastReading) {
  SystemReader reader = Reader();
  SystemValues values;
  // user nice system idle iowait irq softirq steal guest guest_nice
  Write("/proc/stat", "cpu  100 0 0 850 50 0 0 0 70 0\ncpu0 1 1 1 1\n");
  Read(reader, kMainboardSource, values);
  EXPECT_EQ(values.cpu_load, 10);
  Write("/proc/stat", "cpu  150 20 10 860 50 5 3 2 70 0\n");
  Read(reader, kMainboardSource, values);
  EXPECT_EQ(values.cpu_load, 90);
  // Too soon to say something new.
  Write("/proc/stat", "cpu  150 20 10 862 50 5 3 2 70 0\n");
  Read(reader, kMainboardSource, values);
  EXPECT_EQ(values.cpu_load, 90);
}

TEST_F(SystemReaderTest, TheMainboardHasCycleTimesAndTheSignalLed) {
  device_.mutable_signal_led()->set_green("/sys/class/leds/signal");
  Write("/sys/class/leds/signal/brightness", "255\n");
  EXPECT_EQ(Read().polling.last_cycle, absl::Milliseconds(3));
  EXPECT_EQ(Read().polling.longest_cycle, absl::Milliseconds(9));
  EXPECT_EQ(Read().signal_led, "255");
}

TEST_F(SystemReaderTest, OfTwoSignalLedsTheGreenOneIsShown) {
  device_.mutable_signal_led()->set_red("/sys/class/leds/red");
  Write("/sys/class/leds/red/brightness", "7\n");
  EXPECT_EQ(Read().signal_led, "7");
  device_.mutable_signal_led()->set_green("/sys/class/leds/green");
  Write("/sys/class/leds/green/brightness", "0\n");
  EXPECT_EQ(Read().signal_led, "0");
}

TEST_F(SystemReaderTest, EachLogKeepsItsCountWhileNobodyKnowsIt) {
  SystemReader reader = Reader();
  SystemValues values;
  log_counter_ = [](const std::string& log) { return log == "Event" ? 61 : 35299; };
  Read(reader, kLogCounters, values);
  log_counter_ = [](const std::string&) { return std::nullopt; };
  Read(reader, kLogCounters, values);
  EXPECT_EQ(values.log_counters.size(), 4u);
  EXPECT_EQ(values.log_counters["Event"], 61);
  EXPECT_EQ(values.log_counters["SupportLog"], 35299);
}

TEST_F(SystemReaderTest, OneQuestionWithoutAnAnswerIsEnough) {
  int asked = 0;
  log_counter_ = [&asked](const std::string&) {
    ++asked;
    return std::nullopt;
  };
  Read(kLogCounters);
  EXPECT_EQ(asked, 1);
}

TEST_F(SystemReaderTest, TheModemIsAskedForByItsInterface) {
  EXPECT_EQ(Read().modem.modem.state, "wwan0");
  EXPECT_EQ(Read(kMemory).modem.kind, ModemReport::Kind::kAbsent);
}

TEST_F(SystemReaderTest, OnlyTheSourcesAskedForAreRead) {
  Write("/proc/meminfo", "MemTotal: 1 kB\n");
  log_counter_ = [](const std::string&) { return 1; };
  const SystemValues values = Read(kMemory);
  EXPECT_TRUE(values.ram_size.has_value());
  EXPECT_TRUE(values.log_counters.empty());
  EXPECT_FALSE(values.file_size.has_value());
}

TEST_F(SystemReaderTest, AnEmptyMachineHasNothingAndDoesNoHarm) {
  const SystemValues values = Read();
  EXPECT_FALSE(values.ram_size.has_value());
  EXPECT_FALSE(values.rom_size.has_value());
  EXPECT_FALSE(values.power_on.has_value());
  EXPECT_FALSE(values.power_off.has_value());
  EXPECT_FALSE(values.cpu_load.has_value());
  EXPECT_THAT(values.interfaces, IsEmpty());
}

TEST_F(SystemReaderTest, GarbageIsNothing) {
  for (const char* file : {"/proc/meminfo", "/proc/mtd", "/proc/mounts", "/proc/stat",
                           "/proc/net/route", "/etc/resolv.conf", "/var/log/wtmp"}) {
    Write(file, std::string("cpu \nMemTotal:\nnameserver\nbtime x\n\n:") + '\0' + "\xff");
  }
  WriteInterface("eth0", 2);
  const SystemValues values = Read();
  EXPECT_FALSE(values.ram_size.has_value());
  EXPECT_FALSE(values.power_on.has_value());
  EXPECT_EQ(values.interfaces.at("Ethernet").gateway, "");
}

TEST_F(SystemReaderTest, AStateDirectoryThatIsGoneHasNoSize) {
  SystemReader reader(clock_, {.root = root_, .state_dir = root_ + "/gone"});
  SystemValues values;
  Read(reader, kStorage, values);
  EXPECT_FALSE(values.file_size.has_value());
}

}  // namespace
}  // namespace fieldgate::process_data
