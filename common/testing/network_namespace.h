#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// Networks of a test's own: what it does with them, nobody outside sees.
namespace fieldgate {

// Gives this thread, and what it starts from now on, an empty network and a
// file system view of its own. Call it before there are other threads; more
// calls do nothing.
//
// kUnavailable: the kernel refuses. A test then skips with the message.
absl::Status EnterOwnNetwork();

// Puts `text` in the place of /etc/resolv.conf for this thread and what it
// starts, after EnterOwnNetwork. /etc then has this and little else.
absl::Status UseResolvConf(absl::string_view text);

// A network namespace. It lasts until the object and what was started in it are
// gone.
class NetworkNamespace {
 public:
  // A new one, with its loopback up.
  static absl::StatusOr<NetworkNamespace> Create();

  NetworkNamespace(NetworkNamespace&& other) noexcept;
  NetworkNamespace& operator=(NetworkNamespace&&) = delete;
  ~NetworkNamespace();

  // Runs `task` with this thread in the namespace; processes, threads and
  // sockets that it makes stay there.
  void Run(const std::function<void()>& task) const;

  int fd() const { return fd_; }

 private:
  explicit NetworkNamespace(int fd) : fd_(fd) {}

  int fd_;
};

// The following act on the namespace of this thread; kInternal: the kernel
// refused, the message says what.

// A cable: `name` here and `peer_name` in `peer`, both down and without address.
absl::Status AddCable(const std::string& name, const NetworkNamespace& peer,
                      const std::string& peer_name);
// Takes the interface away, and the other end of its cable.
absl::Status DeleteInterface(const std::string& name);
absl::Status SetInterfaceUp(const std::string& name, bool up = true);
// "10.0.1.2/24", "2001:db8::2/64": in force at once.
absl::Status AddAddress(const std::string& name, absl::string_view address);
// Everything goes to `gateway` through `name`, unless a smaller metric does it.
absl::Status AddDefaultRoute(const std::string& name, const std::string& gateway, int metric);

}  // namespace fieldgate
