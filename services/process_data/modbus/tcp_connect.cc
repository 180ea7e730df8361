#include "services/process_data/modbus/tcp_connect.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/time/clock.h"

namespace fieldgate::process_data {
namespace {

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

absl::StatusOr<AddressList> GetAddresses(const std::string& host, uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat("resolving ", host, ": ", gai_strerror(error)));
  }
  return AddressList(list, &freeaddrinfo);
}

// One look-up that runs on a thread of its own, since getaddrinfo knows no
// timeout. Shared by the caller, that thread and the table of running ones.
struct Lookup {
  ~Lookup() { close(done_fd); }
  const int done_fd = eventfd(0, EFD_CLOEXEC);  // readable when it is done
  std::mutex mutex;
  absl::StatusOr<AddressList> result = absl::UnavailableError("not resolved");
};

struct RunningLookups {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<Lookup>> by_name;
};

std::shared_ptr<Lookup> StartOrJoin(const std::string& host, uint16_t port) {
  static RunningLookups& running = *new RunningLookups;
  const std::string key = absl::StrCat(host, " ", port);
  std::lock_guard lock(running.mutex);
  std::weak_ptr<Lookup>& entry = running.by_name[key];
  if (std::shared_ptr<Lookup> lookup = entry.lock()) return lookup;
  auto lookup = std::make_shared<Lookup>();
  entry = lookup;
  std::thread([lookup, host, port] {
    absl::StatusOr<AddressList> addresses = GetAddresses(host, port, AI_ADDRCONFIG);
    {
      std::lock_guard result_lock(lookup->mutex);
      lookup->result = std::move(addresses);
    }
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(lookup->done_fd, &one, sizeof one);
  }).detach();
  return lookup;
}

enum class Wait { kReady, kTimeout, kCancelled };

Wait WaitFor(int fd, short events, int cancel_fd, MonotonicTime deadline) {
  for (;;) {
    pollfd fds[] = {{fd, events, 0}, {cancel_fd, POLLIN, 0}};
    const absl::Duration left = std::max(deadline - RealClock().Now(), absl::ZeroDuration());
    const int ready =
        poll(fds, 2,
             static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)))));
    if (ready < 0 && errno == EINTR) continue;
    if (fds[1].revents != 0) return Wait::kCancelled;
    return fds[0].revents != 0 ? Wait::kReady : Wait::kTimeout;
  }
}

absl::Status ConnectOne(const addrinfo& address, int fd, int cancel_fd, MonotonicTime deadline) {
  if (connect(fd, address.ai_addr, address.ai_addrlen) == 0) return absl::OkStatus();
  if (errno != EINPROGRESS) return absl::UnavailableError(std::strerror(errno));
  switch (WaitFor(fd, POLLOUT, cancel_fd, deadline)) {
    case Wait::kCancelled:
      return absl::CancelledError("cancelled");
    case Wait::kTimeout:
      return absl::UnavailableError("timeout");
    case Wait::kReady:
      break;
  }
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error == 0 ? absl::OkStatus() : absl::UnavailableError(std::strerror(error));
}

}  // namespace

absl::StatusOr<int> TcpConnect(const std::string& host, uint16_t port, absl::Duration timeout,
                               int cancel_fd) {
  const MonotonicTime deadline = RealClock().Now() + timeout;
  absl::StatusOr<AddressList> addresses = GetAddresses(host, port, AI_NUMERICHOST);
  std::shared_ptr<Lookup> lookup;  // owns what `list` points to
  const addrinfo* list = addresses.ok() ? addresses->get() : nullptr;
  if (list == nullptr) {
    lookup = StartOrJoin(host, port);
    switch (WaitFor(lookup->done_fd, POLLIN, cancel_fd, deadline)) {
      case Wait::kCancelled:
        return absl::CancelledError("cancelled");
      case Wait::kTimeout:
        return absl::UnavailableError(absl::StrCat("resolving ", host, ": timeout"));
      case Wait::kReady:
        break;
    }
    std::lock_guard lock(lookup->mutex);
    if (!lookup->result.ok()) return lookup->result.status();
    list = lookup->result->get();
  }
  absl::Status last = absl::UnavailableError("no address");
  for (const addrinfo* address = list; address != nullptr; address = address->ai_next) {
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      last = absl::UnavailableError(std::strerror(errno));
      continue;
    }
    if (fd >= FD_SETSIZE) {
      close(fd);
      return absl::UnavailableError("too many open files");
    }
    last = ConnectOne(*address, fd, cancel_fd, deadline);
    if (last.ok()) {
      const int on = 1;  // requests are small and wait for their answers
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return fd;
    }
    close(fd);
    if (absl::IsCancelled(last)) return last;
  }
  return absl::Status(last.code(),
                      absl::StrCat("connecting to ", host, ":", port, ": ", last.message()));
}

}  // namespace fieldgate::process_data
