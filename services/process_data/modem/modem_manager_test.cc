// PD-26 to PD-28: ModemManager over a real message bus.
#include "services/process_data/modem/modem_manager.h"

#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "absl/strings/strip.h"
#include "common/testing/dbus_daemon.h"
#include "common/testing/process.h"
#include "services/process_data/modem/modem_watch.h"
#include "tests/simulators/modem_manager/modem_manager_simulator.h"

namespace fieldgate::process_data {
namespace {

using ::testing::HasSubstr;
using Mood = ModemManagerSimulator::Mood;

constexpr absl::Duration kPatience = absl::Seconds(30);

size_t OpenFiles() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

// Connections that wait for a bus that doesn't accept any, until it can take no
// more.
std::vector<int> FillQueue(absl::string_view bus_address) {
  absl::ConsumePrefix(&bus_address, "unix:path=");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  bus_address.copy(address.sun_path, sizeof address.sun_path - 1);
  std::vector<int> fds;
  do {
    fds.push_back(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  } while (connect(fds.back(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  EXPECT_EQ(errno, EAGAIN);
  return fds;
}

class ModemManagerTest : public testing::Test {
 protected:
  void StartBus() {
    const absl::Status started = bus_.Start();
    ASSERT_TRUE(started.ok()) << started;
  }
  void StartManager(std::vector<SimulatedModem> modems = {}) {
    auto manager = ModemManagerSimulator::Start(bus_.address());
    ASSERT_TRUE(manager.ok()) << manager.status();
    manager_ = *std::move(manager);
    manager_->Show(std::move(modems));
  }
  // The modem, or one whose state says why there is none.
  Modem Read(const std::string& interface = "") {
    const auto modem = source_.Read(interface);
    if (!modem.ok()) return {.state = modem.status().ToString()};
    return modem->value_or(Modem{.state = "no modem"});
  }

  DBusDaemon bus_;
  ModemManager source_{bus_.address(), kPatience};
  // Where a timeout is awaited.
  ModemManager impatient_{bus_.address(), absl::Milliseconds(50)};
  std::unique_ptr<ModemManagerSimulator> manager_;
};

TEST_F(ModemManagerTest, AModemThatIsConnectedTellsEverything) {
  StartBus();
  StartManager({{.lte_rssi = -65.5}});
  EXPECT_EQ(Read(), (Modem{.state = "connected",
                           .model = "ME909s-120",
                           .revision = "11.617.09.00.00",
                           .imei = "860000000000001",
                           .imsi = "262011234567890",
                           .sim_id = "89490200001234567890",
                           .provider = "Telekom.de",
                           .quality = "67",
                           .rssi = "-65.5",
                           .service = "LTE",
                           .cell_id = "179328"}));
}

TEST_F(ModemManagerTest, AModemWithoutADataServiceIsRegisteredOnly) {
  StartBus();
  StartManager({{.state = 8}});
  EXPECT_EQ(Read().state, "registered");
}

TEST_F(ModemManagerTest, WithoutASimTheModemItselfIsKnown) {
  StartBus();
  StartManager({{.state = -1,
                 .failed_reason = 2,
                 .quality = 0,
                 .quality_is_recent = false,
                 .access_technologies = 0,
                 .network = std::nullopt,
                 .sim = std::nullopt}});
  EXPECT_EQ(Read(), (Modem{.state = "missing SIM Card",
                           .model = "ME909s-120",
                           .revision = "11.617.09.00.00",
                           .imei = "860000000000001"}));
}

TEST_F(ModemManagerTest, NoModemIsNoError) {
  StartBus();
  StartManager();
  EXPECT_EQ(Read().state, "no modem");
}

TEST_F(ModemManagerTest, TheModemOfTheInterfaceIsMeant) {
  StartBus();
  StartManager({{.number = 0}, {.number = 1, .model = "other", .net_ports = {"wwan1"}}});
  EXPECT_EQ(Read().model, "ME909s-120");
  EXPECT_EQ(Read("wwan1").model, "other");
}

TEST_F(ModemManagerTest, WithoutABusNobodyKnowsAModem) {
  const auto modem = source_.Read("");
  EXPECT_EQ(modem.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(modem.status().message(), HasSubstr("no system bus"));
}

TEST_F(ModemManagerTest, AnAddressThatIsNoneIsNoBus) {
  ModemManager source("this is no address");
  EXPECT_EQ(source.Read("").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ModemManagerTest, WithoutModemManagerNobodyKnowsAModem) {
  StartBus();
  const auto modem = source_.Read("");
  EXPECT_EQ(modem.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(modem.status().message(), HasSubstr("ModemManager"));
}

TEST_F(ModemManagerTest, ModemManagerThatStartsLaterIsFound) {
  StartBus();
  EXPECT_FALSE(source_.Read("").ok());
  StartManager({{}});
  EXPECT_EQ(Read().state, "connected");
}

TEST_F(ModemManagerTest, ModemManagerThatIsSilentIsATimeout) {
  StartBus();
  StartManager({{}});
  manager_->SetMood(Mood::kSilent);
  EXPECT_EQ(impatient_.Read("").status().code(), absl::StatusCode::kDeadlineExceeded);
  manager_->SetMood(Mood::kWell);
  EXPECT_TRUE(Eventually(kPatience, [&] { return impatient_.Read("").ok(); }));
}

TEST_F(ModemManagerTest, ABusThatIsSilentIsATimeout) {
  StartBus();
  StartManager({{}});
  EXPECT_TRUE(Eventually(kPatience, [&] { return impatient_.Read("").ok(); }));
  bus_.Pause();
  EXPECT_EQ(impatient_.Read("").status().code(), absl::StatusCode::kDeadlineExceeded);
  // On a new connection, too, which such a bus lets wait for its greeting.
  EXPECT_EQ(impatient_.Read("").status().code(), absl::StatusCode::kDeadlineExceeded);
  bus_.Resume();
  EXPECT_TRUE(Eventually(kPatience, [&] { return impatient_.Read("").ok(); }));
}

TEST_F(ModemManagerTest, ABusThatDoesNotEvenAcceptDelaysNobody) {
  StartBus();
  StartManager({{}});
  bus_.Pause();
  const std::vector<int> waiting = FillQueue(bus_.address());
  {
    ModemWatch watch(std::make_unique<ModemManager>(bus_.address()),
                     {.patience = absl::Milliseconds(10)});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(watch.Read("").kind, ModemReport::Kind::kUnknown);
  }
  bus_.Resume();
  for (const int fd : waiting) close(fd);
  EXPECT_EQ(Read().state, "connected");
}

TEST_F(ModemManagerTest, ABusThatDiesAndComesBackCostsNoError) {
  StartBus();
  StartManager({{}});
  EXPECT_EQ(Read().state, "connected");
  manager_.reset();
  bus_.Kill();
  StartBus();
  StartManager({{.state = 8}});
  EXPECT_EQ(Read().state, "registered");
}

TEST_F(ModemManagerTest, ABusThatDiesIsNoBus) {
  StartBus();
  StartManager({{}});
  EXPECT_EQ(Read().state, "connected");
  bus_.Kill();
  EXPECT_THAT(Read().state, HasSubstr("NOT_FOUND: no system bus"));
}

TEST_F(ModemManagerTest, ErrorsAndNonsenseAreNoAnswer) {
  StartBus();
  StartManager({{}});
  manager_->SetMood(Mood::kWithErrors);
  EXPECT_THAT(Read().state, HasSubstr("UNAVAILABLE: ModemManager: not in the mood"));
  manager_->SetMood(Mood::kWithNonsense);
  EXPECT_THAT(Read().state, HasSubstr("UNAVAILABLE: ModemManager: wrong answer"));
  manager_->SetMood(Mood::kWell);
  EXPECT_EQ(Read().state, "connected");
}

TEST_F(ModemManagerTest, ACellThatEverybodySeesIsNotAskedFor) {
  StartBus();
  StartManager({{.location_is_shown = true}});
  EXPECT_EQ(Read().cell_id, "179328");
  EXPECT_EQ(manager_->calls("GetLocation"), 0);
}

TEST_F(ModemManagerTest, ACellThatIsRefusedIsEmptyAndNotAskedForAgain) {
  StartBus();
  StartManager({{.location_is_refused = true}});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Read().cell_id, "");
    EXPECT_EQ(Read().imsi, "262011234567890");
  }
  EXPECT_EQ(manager_->calls("GetLocation"), 1);
}

TEST_F(ModemManagerTest, AllReadingsShareOneConnection) {
  StartBus();
  StartManager({{}});
  EXPECT_EQ(Read().state, "connected");
  const size_t files = OpenFiles();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Read().state, "connected");
  EXPECT_EQ(OpenFiles(), files);
  EXPECT_EQ(manager_->clients(), 1u);
  source_.Rest();
  EXPECT_EQ(OpenFiles(), files - 1);
  EXPECT_EQ(Read().state, "connected");
  EXPECT_EQ(manager_->clients(), 2u);
}

TEST_F(ModemManagerTest, FailuresLeaveNoConnection) {
  const size_t files = OpenFiles();
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(source_.Read("").ok());
  EXPECT_EQ(OpenFiles(), files);
}

TEST(SystemBusAddressTest, IsThatOfTheEnvironmentOrTheUsualOne) {
  ASSERT_EQ(setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/x", 1), 0);
  EXPECT_EQ(SystemBusAddress(), "unix:path=/x");
  ASSERT_EQ(unsetenv("DBUS_SYSTEM_BUS_ADDRESS"), 0);
  EXPECT_EQ(SystemBusAddress(), "unix:path=/var/run/dbus/system_bus_socket");
}

}  // namespace
}  // namespace fieldgate::process_data
