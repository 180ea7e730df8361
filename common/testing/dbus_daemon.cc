#include "common/testing/dbus_daemon.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fieldgate {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

constexpr char kConfig[] =
    R"(<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>$</listen>
  <auth>EXTERNAL</auth>
  <apparmor mode="disabled"/>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
)";

bool Accepts(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const bool connected = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

}  // namespace

DBusDaemon::DBusDaemon() : dir_(NewTempDir()) {}

absl::Status DBusDaemon::Start() {
  if (process_ != nullptr) return absl::OkStatus();
  std::filesystem::remove(dir_ + "/bus");  // of a former run that was killed
  std::string config = kConfig;
  config.replace(config.find('$'), 1, address());
  std::ofstream(dir_ + "/bus.conf") << config;

  const std::string root = RunfilePath("debs_runtime");
  absl::StatusOr<std::unique_ptr<ChildProcess>> process = ChildProcess::Start(
      {.argv = {root + "/usr/bin/dbus-daemon", absl::StrCat("--config-file=", dir_, "/bus.conf"),
                "--nofork", "--nopidfile", "--nosyslog"},
       .env = {{"LD_LIBRARY_PATH",
                absl::StrCat(root, "/usr/lib/x86_64-linux-gnu:", root, "/lib/x86_64-linux-gnu")}}});
  if (!process.ok()) return process.status();
  const bool listens = Eventually(kPatience, [&] {
    return Accepts(dir_ + "/bus") || (*process)->WaitForExit(absl::ZeroDuration()).has_value();
  });
  if (!listens || (*process)->WaitForExit(absl::ZeroDuration()).has_value()) {
    return absl::UnavailableError(
        absl::StrCat("dbus-daemon doesn't listen: ", (*process)->Output()));
  }
  process_ = *std::move(process);
  return absl::OkStatus();
}

void DBusDaemon::Kill() {
  if (process_ == nullptr) return;
  process_->Kill(SIGKILL);
  process_->WaitForExit(kPatience);
  process_.reset();
}

void DBusDaemon::Pause() {
  if (process_ != nullptr) process_->Kill(SIGSTOP);
}

void DBusDaemon::Resume() {
  if (process_ != nullptr) process_->Kill(SIGCONT);
}

std::string DBusDaemon::address() const { return absl::StrCat("unix:path=", dir_, "/bus"); }

}  // namespace fieldgate
