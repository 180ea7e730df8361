#include "common/rpc/acceptor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace fieldgate::rpc {
namespace {

// Callers that connect at the same moment; gRPC's own listener takes as many.
constexpr int kBacklog = 128;
// Until a connection that could not be accepted is tried again.
constexpr int kPauseMs = 100;

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::UnavailableError(absl::StrCat(what, " ", path, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Acceptor>> Acceptor::Listen(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(absl::StrCat("socket path ", socket_path, " is longer than ",
                                                   sizeof address.sun_path - 1, " bytes"));
  }
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  if (unlink(socket_path.c_str()) != 0 && errno != ENOENT) {
    return Failed("removing the old socket", socket_path);
  }
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Failed("can't make the socket", socket_path);
  int stop[2] = {-1, -1};
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chmod(socket_path.c_str(), 0660) != 0 || listen(fd, kBacklog) != 0 ||
      pipe2(stop, O_CLOEXEC) != 0) {
    const absl::Status status = Failed("can't listen at", socket_path);
    close(fd);
    return status;
  }
  return std::unique_ptr<Acceptor>(new Acceptor(socket_path, fd, stop[0], stop[1]));
}

Acceptor::~Acceptor() {
  Stop();
  close(stop_read_);
}

void Acceptor::Start(std::function<void(int fd)> take) {
  thread_ = std::thread([this, take = std::move(take)] { Run(take); });
}

void Acceptor::Stop() {
  if (listener_ < 0) return;
  stopped_ = true;
  close(stop_write_);
  if (thread_.joinable()) thread_.join();
  // Who connects now shall not wait for nobody.
  unlink(socket_path_.c_str());
  close(std::exchange(listener_, -1));
}

void Acceptor::Run(const std::function<void(int fd)>& take) const {
  bool failed = false;
  for (;;) {
    // While accepting fails, the waiting connection would make this spin.
    pollfd fds[2] = {{stop_read_, POLLIN, 0}, {failed ? -1 : listener_, POLLIN, 0}};
    if (poll(fds, 2, failed ? kPauseMs : -1) < 0) {
      // Also when the limit of descriptors is below two.
      std::this_thread::sleep_for(std::chrono::milliseconds(kPauseMs));
    }
    if (stopped_) return;
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    const bool failed_before = std::exchange(failed, false);
    if (fd >= 0) {
      take(fd);
      continue;
    }
    // A connection that is gone already, or none: the next one, please.
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) continue;
    failed = true;
    if (!failed_before) {
      log::Warning("a caller can't be accepted; trying again",
                   {{"socket", socket_path_}, {"error", std::strerror(errno)}});
    }
  }
}

}  // namespace fieldgate::rpc
