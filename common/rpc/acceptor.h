#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

namespace fieldgate::rpc {

// Listens at a Unix socket on a thread of its own. gRPC's own listener ends for
// ever with the first connection that it can't accept, such as without a free
// file descriptor; this one tries again until there is one.
class Acceptor {
 public:
  // Listens (mode 0660), replacing a socket that a killed process left there.
  // Callers may connect from now on; Start serves them.
  //
  // kInvalidArgument: the path is longer than the 107 bytes of a Unix socket.
  // kUnavailable:     can't listen there; the message says why.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Listen(const std::string& socket_path);

  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Hands each connection to `take`, which owns it: non-blocking, close-on-exec.
  // Call once.
  void Start(std::function<void(int fd)> take);
  // No connection is handed over any more, and none is made; more calls do
  // nothing.
  void Stop();

 private:
  Acceptor(std::string socket_path, int listener, int stop_read, int stop_write)
      : socket_path_(std::move(socket_path)),
        listener_(listener),
        stop_read_(stop_read),
        stop_write_(stop_write) {}
  void Run(const std::function<void(int fd)>& take) const;

  const std::string socket_path_;
  int listener_;         // -1: stopped
  const int stop_read_;  // a pipe: closed to end the thread
  const int stop_write_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace fieldgate::rpc
