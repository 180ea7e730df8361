#include "common/service/service.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace fieldgate::service {
namespace {

using ::testing::HasSubstr;

mode_t Mode(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

class ServiceTest : public testing::Test {
 protected:
  ServiceTest() {
    std::string pattern = std::string(getenv("TEST_TMPDIR")) + "/s.XXXXXX";
    root_ = mkdtemp(pattern.data());
    dir_.path = root_ + "/state";
  }
  ~ServiceTest() override { std::filesystem::remove_all(root_); }

  // In a child process: Main blocks signals for good.
  int Run(std::vector<std::string> arguments,
          const std::function<absl::Status(const Options&, const std::function<void()>&)>& run,
          absl::string_view service = "process_data") {
    const pid_t child = fork();
    if (child == 0) {
      arguments.insert(arguments.begin(), std::string(service));
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      _exit(Main(service, static_cast<int>(arguments.size()), argv.data(), run));
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  std::string root_;
  StateDir dir_;
};

absl::Status MustNotRun(const Options&, const std::function<void()>&) { _exit(99); }
absl::Status ReturnOk(const Options&, const std::function<void()>&) { return absl::OkStatus(); }

TEST_F(ServiceTest, StateDirNamesItsParts) {
  const StateDir dir{"/s"};
  EXPECT_EQ(dir.Socket("config_store"), "/s/run/config_store.sock");
  EXPECT_EQ(dir.File("config.db"), "/s/config.db");
  EXPECT_EQ(dir.Certs(), "/s/certs");
}

TEST_F(ServiceTest, PrepareMakesDirectoriesForTheOwnerOnly) {
  ASSERT_TRUE(Prepare(dir_).ok());
  EXPECT_EQ(Mode(dir_.path), 0700u);
  EXPECT_EQ(Mode(dir_.File("run")), 0700u);
  EXPECT_EQ(Mode(dir_.Certs()), 0700u);
}

TEST_F(ServiceTest, PrepareAgainChangesNothing) {
  ASSERT_TRUE(Prepare(dir_).ok());
  std::ofstream(dir_.File("config.db")) << "x";
  EXPECT_TRUE(Prepare(dir_).ok());
  EXPECT_TRUE(std::filesystem::exists(dir_.File("config.db")));
}

TEST_F(ServiceTest, PrepareClosesAnEmptyDirectoryToOthers) {
  ASSERT_EQ(mkdir(dir_.path.c_str(), 0755), 0);
  ASSERT_TRUE(Prepare(dir_).ok());
  EXPECT_EQ(Mode(dir_.path), 0700u);
}

TEST_F(ServiceTest, PrepareLeavesADirectoryWithOtherThingsAlone) {
  ASSERT_EQ(mkdir(dir_.path.c_str(), 0755), 0);
  std::ofstream(dir_.File("passwd")) << "x";
  const absl::Status status = Prepare(dir_);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("choose an empty directory"));
  EXPECT_EQ(Mode(dir_.path), 0755u);
}

TEST_F(ServiceTest, PrepareRefusesAFile) {
  std::ofstream(dir_.path) << "x";
  EXPECT_EQ(Prepare(dir_).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ServiceTest, PrepareNamesAMissingParent) {
  const absl::Status status = Prepare({root_ + "/missing/state"});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr(root_ + "/missing/state"));
}

TEST_F(ServiceTest, PrepareRefusesAForeignDirectory) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to give a directory away";
  ASSERT_EQ(mkdir(dir_.path.c_str(), 0700), 0);
  if (chown(dir_.path.c_str(), 12345, 12345) != 0) GTEST_SKIP() << "chown is not allowed here";
  EXPECT_EQ(Prepare(dir_).code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(ServiceTest, MainGivesRunItsOptions) {
  const auto check = [this](const Options& options, const std::function<void()>&) {
    return options.state_dir.path == dir_.path && options.device_file == "d.json" &&
                   std::filesystem::is_directory(dir_.File("run"))
               ? absl::OkStatus()
               : absl::InternalError("options");
  };
  EXPECT_EQ(Run({"--state-dir=" + dir_.path, "--device=d.json"}, check, "config_store"), 0);
}

TEST_F(ServiceTest, WaitReturnsOnSigterm) {
  EXPECT_EQ(Run({"--state-dir=" + dir_.path},
                [](const Options&, const std::function<void()>& wait) {
                  kill(getpid(), SIGTERM);
                  wait();
                  return absl::OkStatus();
                }),
            0);
}

TEST_F(ServiceTest, WaitReturnsOnSigint) {
  EXPECT_EQ(Run({"--state-dir=" + dir_.path},
                [](const Options&, const std::function<void()>& wait) {
                  kill(getpid(), SIGINT);
                  wait();
                  return absl::OkStatus();
                }),
            0);
}

TEST_F(ServiceTest, HangingShutdownIsCutOff) {
  EXPECT_EQ(Run({"--state-dir=" + dir_.path},
                [](const Options&, const std::function<void()>& wait) {
                  kill(getpid(), SIGTERM);
                  wait();
                  while (true) pause();
                  return absl::OkStatus();
                }),
            0);
}

TEST_F(ServiceTest, WritingToAClosedPipeDoesNotKill) {
  EXPECT_EQ(Run({"--state-dir=" + dir_.path},
                [](const Options&, const std::function<void()>&) {
                  int ends[2];
                  if (pipe(ends) != 0) return absl::InternalError("pipe");
                  close(ends[0]);
                  return write(ends[1], "x", 1) == -1 ? absl::OkStatus()
                                                      : absl::InternalError("written");
                }),
            0);
}

TEST_F(ServiceTest, ErrorOfRunIsExitStatusOne) {
  EXPECT_EQ(Run({"--state-dir=" + dir_.path},
                [](const Options&, const std::function<void()>&) {
                  return absl::UnavailableError("no disk");
                }),
            1);
}

TEST_F(ServiceTest, UnusableStateDirIsExitStatusOne) {
  EXPECT_EQ(Run({"--state-dir=" + root_ + "/a/b"}, MustNotRun), 1);
}

TEST_F(ServiceTest, MisuseIsExitStatusTwo) {
  const std::string state_dir = "--state-dir=" + dir_.path;
  EXPECT_EQ(Run({}, MustNotRun), 2);
  EXPECT_EQ(Run({state_dir, "--log-format=xml"}, MustNotRun), 2);
  EXPECT_EQ(Run({state_dir, "--log-level=loud"}, MustNotRun), 2);
  EXPECT_EQ(Run({state_dir, "--device=d.json"}, MustNotRun), 2);
  EXPECT_EQ(Run({state_dir, "extra"}, MustNotRun), 2);
  EXPECT_EQ(Run({state_dir}, MustNotRun, "config_store"), 2);
}

TEST_F(ServiceTest, HelpIsExitStatusZero) { EXPECT_EQ(Run({"--help"}, MustNotRun), 0); }

TEST_F(ServiceTest, LogOptionsAreAccepted) {
  EXPECT_EQ(Run({"--state-dir=" + dir_.path, "--log-format=json", "--log-level=debug"}, ReturnOk),
            0);
}

}  // namespace
}  // namespace fieldgate::service
