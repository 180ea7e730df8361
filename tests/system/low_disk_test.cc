// A disk with little room, and one with none: the gateway goes on, nothing is
// lost without a name, and it heals by itself. The state directory is a small
// file system of the test's own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/testing/network_namespace.h"
#include "tests/system/cache_load.h"

namespace fieldgate::system_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kMiB = 1 << 20;

// A file system in memory, for as long as it lives.
class SmallDisk {
 public:
  SmallDisk(std::string path, int64_t bytes) : path_(std::move(path)) {
    EXPECT_EQ(mkdir(path_.c_str(), 0700), 0);
    EXPECT_EQ(mount("tmpfs", path_.c_str(), "tmpfs", 0, absl::StrCat("size=", bytes).c_str()), 0)
        << strerror(errno);
  }
  ~SmallDisk() { umount2(path_.c_str(), MNT_DETACH); }

  int64_t Free() const {
    struct statvfs fs;
    EXPECT_EQ(statvfs(path_.c_str(), &fs), 0);
    return static_cast<int64_t>(fs.f_bavail) * static_cast<int64_t>(fs.f_frsize);
  }
  // Somebody else's file takes all but `free` bytes.
  void FillUp(int64_t free) {
    const int fd = open(File().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_GE(fd, 0);
    struct stat file;
    ASSERT_EQ(fstat(fd, &file), 0);
    EXPECT_EQ(posix_fallocate(fd, 0, file.st_size + Free() - free), 0);
    close(fd);
  }
  void MakeRoom() { EXPECT_EQ(unlink(File().c_str()), 0); }

 private:
  std::string File() const { return path_ + "/somebody_elses"; }
  const std::string path_;
};

class LowDiskTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { entered_ = EnterOwnNetwork(); }

  void Start(const std::string& settings) {
    GatewayHarness::Options options;
    options.broker.config = {"persistence true", "autosave_interval 1", "autosave_on_changes true"};
    options.cloud.more = settings;
    options.on_message = [this](const std::string& topic, const std::string& body) {
      received_.OnMessage(topic, body);
    };
    harness_ = std::make_unique<GatewayHarness>(std::move(options));
    disk_ = std::make_unique<SmallDisk>(harness_->state_dir(), 64 * kMiB);
    harness_->StartGateway();
    ASSERT_THAT(harness_->WaitUntilComplete(1), IsEmpty());
    AddBulk(*harness_);
    harness_->broker().Stop();
    ASSERT_TRUE(
        Eventually(kPatience, [&] { return harness_->Status().connector_state != "running"; }));
  }
  void SetUp() override {
    if (!entered_.ok()) GTEST_SKIP() << entered_.message();
  }
  void TearDown() override {
    if (harness_ == nullptr) return;
    if (HasFailure()) harness_->Explain();
    harness_->StopGateway();
    disk_.reset();
  }
  // The broker is back, and all that was stored is delivered.
  void Drain() {
    ASSERT_TRUE(harness_->broker().Start().ok());
    ASSERT_TRUE(harness_->BecomesWell());
    ASSERT_TRUE(
        Eventually(kPatience, [&] { return StatusMember(*harness_, "messages_waiting") == "0"; }));
    ASSERT_TRUE(harness_->MoreMessages(2));
  }

  static absl::Status entered_;
  Received received_;
  std::unique_ptr<GatewayHarness> harness_;
  std::unique_ptr<SmallDisk> disk_;
};

absl::Status LowDiskTest::entered_;

TEST_F(LowDiskTest, BelowTheFloorTheOldestGoInsteadOfGrowth) {
  Start("");
  disk_->FillUp(10 * kMiB);
  ASSERT_TRUE(Eventually(kPatience, [&] { return StatusMember(*harness_, "disk_low") == "true"; }));
  EXPECT_THAT(harness_->Run("status").output, HasSubstr("  disk "));
  for (int i = 0; i < 5; ++i) SendBulk(*harness_, 120);  // some 12 MB
  EXPECT_GE(disk_->Free(), 3 * kMiB);
  EXPECT_EQ(StatusMember(*harness_, "disk_error"), "");
  const std::vector<NamedLoss> losses = ListLosses(*harness_);
  ASSERT_FALSE(losses.empty());
  for (const NamedLoss& loss : losses) EXPECT_EQ(loss.reason, "disk low: oldest dropped");

  disk_->MakeRoom();
  ASSERT_TRUE(
      Eventually(kPatience, [&] { return StatusMember(*harness_, "disk_low") == "false"; }));
  Drain();
  EXPECT_EQ(IdsOf(ListLosses(*harness_)), MissingIds(received_.data()));
}

TEST_F(LowDiskTest, AFullDiskStopsNeitherPollingNorLosesWhatMemoryHolds) {
  Start("    <MQTTCacheMinFreeMB _=\"0\"/>\n");
  disk_->FillUp(0);
  for (int i = 0; i < 50 && StatusMember(*harness_, "disk_error").empty(); ++i) {
    SendBulk(*harness_, 20);
  }
  EXPECT_THAT(StatusMember(*harness_, "disk_error"), HasSubstr("full"));
  EXPECT_TRUE(harness_->Status().devices_ok);
  const auto in_memory = [&] {
    int64_t count = 0;
    EXPECT_TRUE(absl::SimpleAtoi(StatusMember(*harness_, "messages_in_memory"), &count));
    return count;
  };
  const int64_t before = in_memory();
  ASSERT_TRUE(Eventually(kPatience, [&] { return in_memory() >= before + 5; })) << "a second each";

  disk_->MakeRoom();
  ASSERT_TRUE(Eventually(kPatience, [&] {
    return StatusMember(*harness_, "disk_error").empty() &&
           StatusMember(*harness_, "messages_in_memory") == "0";
  }));
  Drain();
  EXPECT_THAT(MissingIds(received_.data()), IsEmpty());
  // Live data of each second are there, those of the full disk, too.
  int64_t last = 0;
  for (const auto& [id, timestamp] : received_.data()) {
    EXPECT_TRUE(last == 0 || timestamp - last <= 3) << "before id " << id;
    last = std::max(last, timestamp);
  }
  for (const NamedLoss& loss : ListLosses(*harness_)) {
    EXPECT_EQ(loss.reason, "disk failed: oldest dropped");
  }
}

}  // namespace
}  // namespace fieldgate::system_test
