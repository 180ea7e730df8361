#include "services/cloud_link/mqtt/socket_guard.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "services/cloud_link/mqtt/packet_guard.h"

// As Paho has them. Socket_new has no timeout in some builds, where the last
// argument is ignored.
extern "C" int __real_Socket_new(const char* address, size_t length, int port, int* socket,
                                 long timeout);
extern "C" int __real_Socket_close(int socket);
extern "C" ssize_t __real_recv(int fd, void* buffer, size_t size, int flags);
extern "C" int __real_SSL_read(SSL* ssl, void* buffer, int size);
extern "C" int __real_SSL_connect(SSL* ssl);

namespace fieldgate::cloud_link {
namespace {

struct Guarded {
  PacketGuard guard;
  bool answered = false;
};

// Never destroyed: threads that nobody joins use it until the process is gone.
struct AllGuarded {
  std::mutex mutex;  // guards what follows
  std::map<int, std::shared_ptr<Guarded>> by_socket;
};
AllGuarded& All() {
  static AllGuarded& all = *new AllGuarded;
  return all;
}

std::shared_ptr<Guarded> Find(int socket) {
  AllGuarded& all = All();
  const std::lock_guard lock(all.mutex);
  const auto found = all.by_socket.find(socket);
  return found == all.by_socket.end() ? nullptr : found->second;
}

// Bounds the time until the peer's TCP acknowledges what it was sent; a SYN, too.
void SetSilence(int socket, absl::Duration within) {
  const auto ms = static_cast<unsigned>(absl::ToInt64Milliseconds(within));
  setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
}

void NoteAnswer(int socket, Guarded& guarded) {
  if (guarded.answered) return;
  guarded.answered = true;
  SetSilence(socket, kSilence);
}

thread_local std::string read_error;

void NoteResult(const Guarded& guarded, ssize_t result, int error) {
  if (result > 0) return;
  if (!guarded.guard.why().empty()) {
    read_error = guarded.guard.why();
  } else if (result == 0) {
    read_error = "the broker closed the connection";
  } else if (error != 0 && error != EAGAIN && error != EWOULDBLOCK && error != EINTR) {
    read_error = std::strerror(error);
  }
}

}  // namespace

std::string TakeReadError() { return std::exchange(read_error, ""); }

}  // namespace fieldgate::cloud_link

extern "C" int __wrap_Socket_new(const char* address, size_t length, int port, int* socket,
                                 long timeout) {
  using namespace fieldgate::cloud_link;
  const int result = __real_Socket_new(address, length, port, socket, timeout);
  if (*socket < 0) return result;
  SetSilence(*socket, kConnectWithin);
  const int on = 1;
  setsockopt(*socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  AllGuarded& all = All();
  const std::lock_guard lock(all.mutex);
  all.by_socket[*socket] = std::make_shared<Guarded>();
  return result;
}

extern "C" int __wrap_Socket_close(int socket) {
  using namespace fieldgate::cloud_link;
  {
    AllGuarded& all = All();
    const std::lock_guard lock(all.mutex);
    all.by_socket.erase(socket);
  }
  return __real_Socket_close(socket);
}

extern "C" ssize_t __wrap_recv(int fd, void* buffer, size_t size, int flags) {
  using namespace fieldgate::cloud_link;
  const std::shared_ptr<Guarded> guarded = size == 0 ? nullptr : Find(fd);
  if (guarded == nullptr) return __real_recv(fd, buffer, size, flags);
  errno = 0;
  const ssize_t result =
      guarded->guard.Read([&](char* b, size_t n) { return __real_recv(fd, b, n, flags); },
                          static_cast<char*>(buffer), size);
  const int error = guarded->guard.why().empty() ? errno : EPROTO;
  NoteResult(*guarded, result, error);
  if (result > 0) NoteAnswer(fd, *guarded);
  errno = error;
  return result;
}

extern "C" int __wrap_SSL_read(SSL* ssl, void* buffer, int size) {
  using namespace fieldgate::cloud_link;
  const std::shared_ptr<Guarded> guarded = size <= 0 ? nullptr : Find(SSL_get_fd(ssl));
  if (guarded == nullptr) return __real_SSL_read(ssl, buffer, size);
  errno = 0;
  const ssize_t result = guarded->guard.Read(
      [&](char* b, size_t n) -> ssize_t { return __real_SSL_read(ssl, b, static_cast<int>(n)); },
      static_cast<char*>(buffer), static_cast<size_t>(size));
  const int error = errno;
  if (result > 0 || SSL_get_error(ssl, static_cast<int>(result)) != SSL_ERROR_WANT_READ) {
    NoteResult(*guarded, result, error);
  }
  errno = error;
  return static_cast<int>(result);
}

// The first that Paho does on a connection that is there.
extern "C" int __wrap_SSL_connect(SSL* ssl) {
  using namespace fieldgate::cloud_link;
  const int socket = SSL_get_fd(ssl);
  if (const std::shared_ptr<Guarded> guarded = Find(socket)) NoteAnswer(socket, *guarded);
  return __real_SSL_connect(ssl);
}
