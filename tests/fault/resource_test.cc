// The gateway without disk, file descriptors, memory, or a clock that is right:
// README.md, "Resources". In each: it is told, the bus is read on, and once the
// fault is over all is well again without help and the data is complete.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/testing/certificate.h"
#include "common/testing/network_namespace.h"
#include "common/testing/process.h"
#include "tests/fault/fault_shim.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::fault_test {
namespace {

using system_test::GatewayHarness;
using system_test::kGateway;
using system_test::kPatience;
using system_test::Scaled;
using testing::IsEmpty;

constexpr const char* kServices[] = {"config_store", "process_data", "cloud_link"};
// Once a fault is over.
constexpr absl::Duration kRecovery = absl::Seconds(15);
constexpr long kTenYears = 10L * 365 * 24 * 3600;

// The file that fault_shim.so looks into.
class Shim {
 public:
  Shim() : file_(NewTempDir() + "/control") {
    std::ofstream(file_) << std::string(sizeof(FaultControl), '\0');
    const int fd = open(file_.c_str(), O_RDWR | O_CLOEXEC);
    void* mapped = mmap(nullptr, sizeof(FaultControl), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED) abort();
    control_ = static_cast<FaultControl*>(mapped);
  }
  ~Shim() { munmap(control_, sizeof(FaultControl)); }

  // Of the gateway.
  std::vector<std::pair<std::string, std::string>> env() const {
    return {{"FAULT_SHIM", file_},
            {"LD_PRELOAD", RunfilePath("fieldgate/tests/fault/fault_shim.so")}};
  }
  FaultControl* operator->() { return control_; }

 private:
  const std::string file_;
  FaultControl* control_;
};

// Keeps the portal's session while the broker is down.
Mosquitto::Options DurableBroker() {
  return {.config = {"persistence true", "autosave_interval 1", "autosave_on_changes true"}};
}

class ResourceTest : public testing::Test {
 protected:
  void Start(GatewayHarness::Options options = {}) {
    options.broker = DurableBroker();
    options.env = shim_.env();
    harness_ = std::make_unique<GatewayHarness>(std::move(options));
    harness_->StartGateway();
    ASSERT_THAT(harness_->WaitUntilComplete(2), IsEmpty());
    ASSERT_TRUE(harness_->BecomesWell());
    for (const char* service : kServices) pids_[service] = harness_->Pid(service);
  }

  // The bus is read at its pace of 5 requests a second.
  void ExpectThatTheBusIsRead() {
    const uint64_t before = harness_->device(0).requests();
    EXPECT_TRUE(Eventually(Scaled(absl::Seconds(4)),
                           [&] { return harness_->device(0).requests() >= before + 5; }));
  }
  void ExpectThatNobodyDied() {
    for (const auto& [service, pid] : pids_) EXPECT_EQ(harness_->Pid(service), pid) << service;
  }
  void ExpectRecovery(int64_t messages = 3) {
    EXPECT_TRUE(harness_->BecomesWell(Scaled(kRecovery)));
    EXPECT_THAT(harness_->WaitUntilComplete(messages), IsEmpty());
    EXPECT_EQ(harness_->Data().first_id, 1);
    ExpectThatTheBusIsRead();
  }
  bool LogSays(absl::string_view what) {
    return Eventually(kPatience,
                      [&] { return absl::StrContains(harness_->GatewayOutput(), what); });
  }

  Shim shim_;
  std::unique_ptr<GatewayHarness> harness_;
  std::map<std::string, pid_t> pids_;
};

// --- Disk -----------------------------------------------------------------------

TEST_F(ResourceTest, ADiskThatFailsIsToldAndDataFlowsOnceItWorks) {
  Start();
  shim_->write_error = EIO;
  EXPECT_TRUE(LogSays("data can't be stored"));
  ExpectThatTheBusIsRead();
  // The broker is away as well, and comes back first.
  harness_->broker().Stop();
  ASSERT_TRUE(harness_->broker().Start().ok());
  const int failed = shim_->failed_writes;
  EXPECT_TRUE(Eventually(kPatience, [&] { return shim_->failed_writes > failed; }));
  ExpectThatTheBusIsRead();
  ExpectThatNobodyDied();
  shim_->write_error = 0;
  ExpectRecovery();
  ExpectThatNobodyDied();
}

TEST_F(ResourceTest, AFullDiskIsToldAndDataFlowsOnceThereIsRoom) {
  if (const absl::Status s = EnterOwnNetwork(); !s.ok()) GTEST_SKIP() << "NOT TESTED: " << s;
  harness_ = std::make_unique<GatewayHarness>(GatewayHarness::Options{.broker = DurableBroker()});
  const std::string dir = harness_->state_dir();
  std::filesystem::create_directory(dir);
  ASSERT_EQ(mount("tmpfs", dir.c_str(), "tmpfs", 0, "size=8m,mode=0700"), 0) << strerror(errno);
  harness_->StartGateway();
  ASSERT_THAT(harness_->WaitUntilComplete(2), IsEmpty());
  ASSERT_TRUE(harness_->BecomesWell());
  for (const char* service : kServices) pids_[service] = harness_->Pid(service);

  // Filled to the last byte, again and again: what the gateway frees is taken.
  const std::string filler = dir + "/certs/filler";
  std::ofstream file(filler, std::ios::app);
  const auto fill = [&] {
    while (file << std::string(4096, 'x') << std::flush) {
    }
    file.clear();
  };
  EXPECT_TRUE(Eventually(kPatience, [&] {
    fill();
    return absl::StrContains(harness_->GatewayOutput(), "data can't be stored");
  }));
  for (int i = 0; i < 3; ++i) {
    fill();
    ExpectThatTheBusIsRead();
  }
  ExpectThatNobodyDied();
  file.close();
  std::filesystem::remove(filler);
  ExpectRecovery();
  ExpectThatNobodyDied();
  harness_.reset();
  umount2(dir.c_str(), MNT_DETACH);
}

// --- File descriptors -------------------------------------------------------------

size_t OpenFiles(pid_t pid) {
  std::error_code ignored;
  const std::filesystem::directory_iterator files(absl::StrCat("/proc/", pid, "/fd"), ignored);
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

void LimitFiles(pid_t pid, rlim_t limit) {
  rlimit now{};
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, nullptr, &now), 0);
  now.rlim_cur = std::min(limit, now.rlim_max);
  ASSERT_EQ(prlimit(pid, RLIMIT_NOFILE, &now, nullptr), 0);
}

TEST_F(ResourceTest, WithoutFileDescriptorsEachServiceGoesOnAndConnectsOnceThereAreSome) {
  Start();
  for (const auto& [service, pid] : pids_) LimitFiles(pid, 3);  // there are more already
  // Sockets can't be made nor accepted now: the broker is lost, and the command
  // line is not heard.
  harness_->broker().Stop();
  ASSERT_TRUE(harness_->broker().Start().ok());
  EXPECT_NE(harness_->Run("status").exit_status, 0);
  ExpectThatTheBusIsRead();
  const int64_t messages = harness_->Data().messages;
  ExpectThatTheBusIsRead();
  EXPECT_EQ(harness_->Data().messages, messages) << "the fault was not met";
  ExpectThatNobodyDied();
  for (const auto& [service, pid] : pids_) {
    EXPECT_LT(OpenFiles(pid), 200u) << service << " loses some";
    LimitFiles(pid, 1024);
  }
  ExpectRecovery();
  ExpectThatNobodyDied();
}

// --- Memory -----------------------------------------------------------------------

rlim_t AddressSpace(pid_t pid) {
  std::ifstream statm(absl::StrCat("/proc/", pid, "/statm"));
  rlim_t pages = 0;
  statm >> pages;
  return pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
}

class MemoryTest : public ResourceTest, public testing::WithParamInterface<const char*> {};

// A process whose memory is gone may die, and then begins anew.
TEST_P(MemoryTest, WithoutMemoryAServiceGoesOnOrBeginsAnewAndNothingIsLost) {
  Start();
  const pid_t pid = pids_[GetParam()];
  rlimit now{};
  ASSERT_EQ(prlimit(pid, RLIMIT_AS, nullptr, &now), 0);
  now.rlim_cur = AddressSpace(pid);
  ASSERT_EQ(prlimit(pid, RLIMIT_AS, &now, nullptr), 0);
  // Work that needs memory: requests of 200 KB, and new connections.
  for (int i = 0; i < 5; ++i) {
    harness_->portal()
        .Publish(absl::StrCat("customer-1/fp/gw-01234567/cmd"), std::string(200'000, 'x'))
        .IgnoreError();
    harness_->Run("status");
    harness_->Run("tixml", {"[<GetConfig _=\"PROCCFG\"/>]"});
  }
  const pid_t still = harness_->Pid(GetParam());
  if (still == pid) {
    now.rlim_cur = now.rlim_max;
    prlimit(pid, RLIMIT_AS, &now, nullptr);
  }
  RecordProperty("died", still == pid ? 0 : 1);
  EXPECT_TRUE(harness_->BecomesWell());
  ExpectRecovery();
  for (const char* other : kServices) {
    if (std::string(other) == GetParam()) continue;
    EXPECT_EQ(harness_->Pid(other), pids_[other]);
  }
}

INSTANTIATE_TEST_SUITE_P(Services, MemoryTest, testing::ValuesIn(kServices),
                         [](const auto& info) { return std::string(info.param); });

// --- Clock ------------------------------------------------------------------------

TEST_F(ResourceTest, AClockTenYearsOffChangesNothingButTimeStamps) {
  Start();
  for (const long offset : {kTenYears, -kTenYears, 0L}) {
    SCOPED_TRACE(offset);
    const int64_t messages = harness_->Data().messages;
    const absl::Time start = absl::Now();
    shim_->clock_offset = offset;
    // In the outbox over a lost connection, too.
    harness_->broker().Stop();
    ASSERT_TRUE(harness_->broker().Start().ok());
    ASSERT_TRUE(harness_->MoreMessages(5)) << harness_->Run("status").output;
    ASSERT_TRUE(Eventually(kPatience, [&] {
      const int64_t newest = harness_->Sensor("Process_Field1_Dev", "P0").timestamp;
      return std::abs(newest - (absl::ToUnixSeconds(absl::Now()) + offset)) < 60;
    }));
    ExpectThatTheBusIsRead();
    // The schedules are those of the monotonic clock: no storm, and no silence. A
    // message a second, and one for each change of the process variables.
    const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
    EXPECT_LE(static_cast<double>(harness_->Data().messages - messages), 2 * seconds + 5);
  }
  ExpectRecovery();
  ExpectThatNobodyDied();
}

// Certificates that are not valid at the time that the clock says.
TEST_F(ResourceTest, WithAWrongClockACertificateIsRefusedAndTheConnectionThatIsThereGoesOn) {
  const TestCertificate certificate = MakeTestCertificate().value();
  const int port = FreePort();
  harness_ = std::make_unique<GatewayHarness>(GatewayHarness::Options{
      .broker = {.config = {absl::StrCat("listener ", port, " 127.0.0.1"),
                            "certfile " + certificate.cert_file, "keyfile " + certificate.key_file,
                            "persistence true", "autosave_interval 1", "autosave_on_changes true"}},
      .cloud = {.broker_url = absl::StrCat("ssl://localhost:", port),
                .more = R"(<TLS_Server_authmode _="file"/><TLS_Server_cert _="ca.crt"/>)"},
      .env = shim_.env()});
  const std::string certs = harness_->state_dir() + "/certs";
  std::filesystem::create_directories(certs);
  std::filesystem::permissions(harness_->state_dir(), std::filesystem::perms::owner_all);
  std::filesystem::copy_file(certificate.ca_file, certs + "/ca.crt");
  harness_->StartGateway();
  ASSERT_THAT(harness_->WaitUntilComplete(2), IsEmpty());

  shim_->clock_offset = kTenYears;
  EXPECT_TRUE(harness_->MoreMessages(3));  // on the connection that is there
  harness_->broker().Stop();
  ASSERT_TRUE(harness_->broker().Start().ok());
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return absl::StrContains(harness_->Status().connector_detail, "certificate has expired");
  })) << harness_->Run("status").output;
  ExpectThatTheBusIsRead();
  shim_->clock_offset = 0;
  EXPECT_THAT(harness_->WaitUntilComplete(3), IsEmpty());
}

}  // namespace
}  // namespace fieldgate::fault_test
