#include "services/fieldgate/supervisor.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/testing/process.h"

namespace fieldgate::commands {
namespace {

// With shells as services; the supervisor is a process of its own.
class SupervisorTest : public testing::Test {
 protected:
  ~SupervisorTest() override {
    if (supervisor_ > 0) {
      kill(supervisor_, SIGKILL);
      waitpid(supervisor_, nullptr, 0);
    }
  }

  static ChildCommand Shell(const std::string& script) {
    return {.name = "sh", .arguments = {"-c", script}};
  }

  void Start(const std::vector<ChildCommand>& services,
             const std::optional<ChildCommand>& task = std::nullopt) {
    supervisor_ = fork();
    if (supervisor_ != 0) return;
    Supervisor supervisor("/bin/sh", services, RealClock());
    _exit(supervisor.Run(task).ok() ? 0 : 1);
  }

  int Exit() {
    int status = 0;
    waitpid(supervisor_, &status, 0);
    supervisor_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  std::string File(const std::string& name) const { return dir_ + "/" + name; }
  std::string Read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(File(name)).rdbuf();
    return text.str();
  }
  bool Appears(const std::string& name, const std::string& text) {
    return Eventually(absl::Seconds(30), [&] { return Read(name) == text; });
  }

  const std::string dir_ = NewTempDir();
  pid_t supervisor_ = 0;
};

TEST_F(SupervisorTest, SigtermStopsEveryService) {
  const std::string wait = absl::StrCat("trap 'echo end >> ", File("end"), "; exit 0' TERM; ",
                                        "echo x >> ", File("up"), "; while :; do sleep 0.1; done");
  Start({Shell(wait), Shell(wait)});
  ASSERT_TRUE(Appears("up", "x\nx\n"));
  kill(supervisor_, SIGTERM);
  EXPECT_EQ(Exit(), 0);
  EXPECT_EQ(Read("end"), "end\nend\n");
}

TEST_F(SupervisorTest, SigintStopsToo) {
  Start({Shell(absl::StrCat("echo x >> ", File("up"), "; exec sleep 600"))});
  ASSERT_TRUE(Appears("up", "x\n"));
  kill(supervisor_, SIGINT);
  EXPECT_EQ(Exit(), 0);
}

TEST_F(SupervisorTest, ServiceThatDiesIsStartedAgain) {
  Start({Shell(absl::StrCat("echo x >> ", File("up"), "; [ $(wc -l < ", File("up"),
                            ") -ge 3 ] && exec sleep 600; kill -9 $$"))});
  EXPECT_TRUE(Appears("up", "x\nx\nx\n"));
}

TEST_F(SupervisorTest, ServiceThatRefusesItsArgumentsStopsEverything) {
  Start({Shell(absl::StrCat("trap 'echo end >> ", File("end"), "; exit 0' TERM; echo x >> ",
                            File("up"), "; while :; do sleep 0.1; done")),
         Shell(absl::StrCat("while [ ! -e ", File("up"), " ]; do sleep 0.1; done; exit 2"))});
  EXPECT_EQ(Exit(), 1);
  EXPECT_EQ(Read("end"), "end\n");
}

TEST_F(SupervisorTest, ServiceThatOnceStartedIsStartedAgainWhateverItsExitStatus) {
  Start({Shell(absl::StrCat("echo x >> ", File("up"), "; n=$(wc -l < ", File("up"),
                            "); [ $n -ge 3 ] && exec sleep 600; exit $n"))});
  EXPECT_TRUE(Appears("up", "x\nx\nx\n"));
}

TEST_F(SupervisorTest, OtherServicesAreNotTouchedByADeath) {
  Start({Shell(absl::StrCat("echo x >> ", File("good"), "; exec sleep 600")),
         Shell(absl::StrCat("echo x >> ", File("bad"), "; exit 1"))});
  ASSERT_TRUE(Eventually(absl::Seconds(30), [&] { return Read("bad").size() >= 4; }));
  EXPECT_EQ(Read("good"), "x\n");
}

TEST_F(SupervisorTest, ServiceThatIgnoresSigtermIsKilled) {
  Start({Shell(absl::StrCat("trap '' TERM; echo $$ > ", File("pid"), "; exec sleep 600"))});
  ASSERT_TRUE(Eventually(absl::Seconds(30), [&] { return !Read("pid").empty(); }));
  const pid_t service = std::stoi(Read("pid"));
  kill(supervisor_, SIGTERM);
  EXPECT_EQ(Exit(), 0);
  EXPECT_EQ(kill(service, 0), -1);
}

TEST_F(SupervisorTest, ServicesEndWithAKilledSupervisor) {
  Start({Shell(absl::StrCat("echo $$ > ", File("pid"), "; exec sleep 600"))});
  ASSERT_TRUE(Eventually(absl::Seconds(30), [&] { return !Read("pid").empty(); }));
  const pid_t service = std::stoi(Read("pid"));
  kill(supervisor_, SIGKILL);
  EXPECT_EQ(Exit(), -SIGKILL);
  EXPECT_TRUE(Eventually(absl::Seconds(30), [&] {
    std::ifstream stat(absl::StrCat("/proc/", service, "/stat"));
    std::string pid, name, state;
    return !(stat >> pid >> name >> state) || state == "Z";  // nobody may reap it in a sandbox
  }));
}

TEST_F(SupervisorTest, TaskThatSucceedsLeavesTheServicesRunning) {
  Start({Shell(absl::StrCat("echo x >> ", File("up"), "; exec sleep 600"))},
        Shell(absl::StrCat("echo y >> ", File("task"))));
  ASSERT_TRUE(Appears("task", "y\n"));
  ASSERT_TRUE(Appears("up", "x\n"));
  kill(supervisor_, SIGTERM);
  EXPECT_EQ(Exit(), 0);
  EXPECT_EQ(Read("task"), "y\n");
}

TEST_F(SupervisorTest, TaskThatFailsStopsEverything) {
  Start({Shell("exec sleep 600")}, Shell("exit 1"));
  EXPECT_EQ(Exit(), 1);
}

TEST_F(SupervisorTest, TaskThatIsKilledStopsEverything) {
  Start({Shell("exec sleep 600")}, Shell("kill -9 $$"));
  EXPECT_EQ(Exit(), 1);
}

TEST_F(SupervisorTest, StopDuringATaskEndsIt) {
  Start({}, Shell(absl::StrCat("echo x > ", File("task"), "; exec sleep 600")));
  ASSERT_TRUE(Appears("task", "x\n"));
  kill(supervisor_, SIGTERM);
  EXPECT_EQ(Exit(), 0);
}

}  // namespace
}  // namespace fieldgate::commands
