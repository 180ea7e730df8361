#include "services/fieldgate/run_lock.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace fieldgate::commands {
namespace {

using ::testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

class RunLockTest : public testing::Test {
 protected:
  RunLockTest() {
    std::string pattern = std::string(getenv("TEST_TMPDIR")) + "/l.XXXXXX";
    dir_.path = mkdtemp(pattern.data());
    std::filesystem::create_directory(dir_.File("run"));
  }
  ~RunLockTest() override { std::filesystem::remove_all(dir_.path); }

  absl::StatusOr<RunLock> Take(absl::Duration patience = absl::ZeroDuration()) {
    return RunLock::Take(dir_, kNow, patience);
  }

  // A child that shares the lock until the returned pipe end is closed.
  int ShareWithChild(pid_t& child) {
    int ends[2];
    if (pipe(ends) != 0) return -1;
    child = fork();
    if (child == 0) {
      close(ends[1]);
      char byte;
      _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(ends[0]);
    return ends[1];
  }

  service::StateDir dir_;
};

TEST_F(RunLockTest, FileHoldsPidAndStartTime) {
  const auto lock = Take();
  ASSERT_TRUE(lock.ok()) << lock.status();
  std::ifstream file(dir_.File("run/fieldgate.lock"));
  std::string content;
  std::getline(file, content);
  EXPECT_EQ(content, absl::StrCat(getpid(), " 2023-11-14T22:13:20Z"));
}

TEST_F(RunLockTest, SecondTakerIsToldTheHoldersPid) {
  const auto lock = Take();
  const auto second = Take(absl::Hours(1));  // a living holder is not waited for
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr(absl::StrCat("already running as pid ", getpid(), " on ", dir_.path)));
}

TEST_F(RunLockTest, LockIsFreeAgainAfterItsHolder) {
  { const auto lock = Take(); }
  EXPECT_TRUE(Take().ok());
}

TEST_F(RunLockTest, ServicesOfAKilledHolderKeepTheLock) {
  pid_t child = 0;
  int end = -1;
  {
    const auto lock = Take();
    end = ShareWithChild(child);
  }
  std::ofstream(dir_.File("run/fieldgate.lock")) << "2147483647 2023-11-14T22:13:20Z\n";
  const auto second = Take();
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("still running"));
  close(end);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(Take().ok());
}

TEST_F(RunLockTest, ServicesOfAKilledHolderAreWaitedFor) {
  pid_t child = 0;
  int end = -1;
  {
    const auto lock = Take();
    end = ShareWithChild(child);
  }
  std::ofstream(dir_.File("run/fieldgate.lock")) << "2147483647 2023-11-14T22:13:20Z\n";
  close(end);
  EXPECT_TRUE(Take(absl::Minutes(1)).ok());
  waitpid(child, nullptr, 0);
}

TEST_F(RunLockTest, MissingDirectoryIsNamed) {
  std::filesystem::remove_all(dir_.File("run"));
  const auto lock = Take();
  EXPECT_EQ(lock.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(lock.status().message()), HasSubstr("fieldgate.lock"));
}

}  // namespace
}  // namespace fieldgate::commands
