#include "common/testing/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace fieldgate {
namespace {

// Linux hands out 32768 and up to outgoing connections.
constexpr int kFirstPort = 10'000;
constexpr int kPortsEnd = 32'000;

std::string TempRoot() {
  const char* dir = getenv("TEST_TMPDIR");
  return dir != nullptr ? dir : "/tmp";
}

bool CanBind(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return bound;
}

std::string OwnPath() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).string();
}

}  // namespace

int FreePort() {
  static std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<int> ports(kFirstPort, kPortsEnd - 1);
  for (int tries = 0; tries < 1000; ++tries) {
    const int port = ports(random);
    if (CanBind(port)) return port;
  }
  return -1;
}

bool Eventually(absl::Duration deadline, const std::function<bool()>& predicate) {
  const absl::Time end = absl::Now() + deadline;
  while (!predicate()) {
    if (absl::Now() > end) return predicate();
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

std::string RunfilePath(absl::string_view path) {
  std::vector<std::string> roots;
  for (const char* variable : {"TEST_SRCDIR", "RUNFILES_DIR"}) {
    if (const char* dir = getenv(variable)) roots.push_back(dir);
  }
  const std::string own = OwnPath();
  roots.push_back(own + ".runfiles");
  // A program that is itself in some runfiles tree.
  const size_t inside = own.find(".runfiles/");
  if (inside != std::string::npos) roots.push_back(own.substr(0, inside) + ".runfiles");
  for (const std::string& root : roots) {
    const std::string candidate = absl::StrCat(root, "/", path);
    if (std::filesystem::exists(candidate)) return candidate;
  }
  return absl::StrCat(roots.front(), "/", path);
}

std::string NewTempDir() {
  std::string dir = TempRoot() + "/d.XXXXXX";
  return mkdtemp(dir.data()) != nullptr ? dir : "";
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(const Options& options) {
  if (options.argv.empty()) return absl::InvalidArgumentError("no program to start");
  std::string output = options.output_file;
  if (output.empty()) output = NewTempDir() + "/output";

  std::vector<std::string> env;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    bool replaced = false;
    for (const auto& [name, value] : options.env) replaced |= text.rfind(name + "=", 0) == 0;
    if (!replaced) env.push_back(text);
  }
  for (const auto& [name, value] : options.env) env.push_back(absl::StrCat(name, "=", value));

  std::vector<char*> argv_pointers;
  for (const std::string& s : options.argv) argv_pointers.push_back(const_cast<char*>(s.c_str()));
  argv_pointers.push_back(nullptr);
  std::vector<char*> env_pointers;
  for (const std::string& s : env) env_pointers.push_back(const_cast<char*>(s.c_str()));
  env_pointers.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, options.argv[0].c_str(), &actions, &attributes,
                                argv_pointers.data(), env_pointers.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("can't start ", options.argv[0], ": ", strerror(error)));
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, std::move(output)));
}

ChildProcess::ChildProcess(pid_t pid, std::string output_file)
    : pid_(pid), output_file_(std::move(output_file)) {}

ChildProcess::~ChildProcess() {
  // The group first: the process may have left children that hold ports. Its
  // id can't be another's yet, as the process itself isn't reaped.
  if (!exit_.has_value()) {
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
}

void ChildProcess::Kill(int signal) {
  if (!WaitForExit(absl::ZeroDuration()).has_value()) kill(pid_, signal);
}

std::optional<int> ChildProcess::WaitForExit(absl::Duration deadline) {
  Eventually(deadline, [this] {
    if (exit_.has_value()) return true;
    int status = 0;
    const pid_t ended = waitpid(pid_, &status, WNOHANG);
    if (ended == pid_) exit_ = status;
    return exit_.has_value();
  });
  return exit_;
}

std::string ChildProcess::Output() const {
  std::ifstream file(output_file_);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace fieldgate
