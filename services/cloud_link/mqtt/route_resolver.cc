#include "services/cloud_link/mqtt/route_resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/cloud_link/mqtt/network_interface.h"

namespace fieldgate::cloud_link {
namespace {

using SteadyClock = std::chrono::steady_clock;

// One question to one server; each server is asked twice.
constexpr int kQuestionMs = 2000;
constexpr int kTries = 2;
// How often `wanted` is asked.
constexpr int kLookMs = 200;

struct Answer {
  bool done = false;
  int status = ARES_SUCCESS;
  std::vector<std::string> ipv4;
  std::vector<std::string> ipv6;
};

void OnAnswer(void* argument, int status, int /*timeouts*/, ares_addrinfo* found) {
  Answer& answer = *static_cast<Answer*>(argument);
  answer.done = true;
  answer.status = status;
  if (found == nullptr) return;
  for (const ares_addrinfo_node* node = found->nodes; node != nullptr; node = node->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(node->ai_addr, node->ai_addrlen, text, sizeof text, nullptr, 0,
                    NI_NUMERICHOST) != 0) {
      continue;
    }
    (node->ai_family == AF_INET ? answer.ipv4 : answer.ipv6).emplace_back(text);
  }
  ares_freeaddrinfo(found);
}

// A c-ares channel whose sockets are bound to one interface. Not c-ares' own
// ares_set_local_dev: it goes on when the binding fails.
class Channel {
 public:
  Channel(const std::string& interface, const char* lookups) : interface_(interface) {
    static std::once_flag once;
    std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
    ares_options options{};
    options.timeout = kQuestionMs;
    options.tries = kTries;
    options.lookups = const_cast<char*>(lookups);
    status_ = ares_init_options(&channel_, &options,
                                ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS);
    if (status_ == ARES_SUCCESS) ares_set_socket_configure_callback(channel_, OnSocket, this);
  }
  ~Channel() {
    if (channel_ != nullptr) ares_destroy(channel_);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  int status() const { return status_; }

  bool SetServers(const std::string& servers) {
    return ares_set_servers_ports_csv(channel_, servers.c_str()) == ARES_SUCCESS;
  }

  // Leaves only the servers that the interface can reach, and returns them;
  // `all`: as they were, as text.
  std::vector<std::string> KeepReachable(const NetworkInterface& interface, std::string& all) {
    ares_addr_port_node* found = nullptr;
    if (ares_get_servers_ports(channel_, &found) != ARES_SUCCESS) return {};
    std::vector<ares_addr_port_node> kept;
    std::vector<std::string> names;
    for (const ares_addr_port_node* node = found; node != nullptr; node = node->next) {
      char text[INET6_ADDRSTRLEN] = "";
      inet_ntop(node->family, &node->addr, text, sizeof text);
      absl::StrAppend(&all, all.empty() ? "" : ", ", text);
      const bool local = absl::StartsWith(text, "127.") || absl::string_view(text) == "::1";
      const bool family = node->family == AF_INET ? interface.ipv4 : interface.ipv6;
      if (!family || (local && !interface.loopback)) continue;
      kept.push_back(*node);
      names.emplace_back(text);
    }
    ares_free_data(found);
    for (size_t i = 0; i < kept.size(); ++i) {
      kept[i].next = i + 1 < kept.size() ? &kept[i + 1] : nullptr;
    }
    if (!kept.empty()) ares_set_servers_ports(channel_, kept.data());
    return names;
  }

  Answer Ask(const std::string& host, int family, const RouteResolverOptions& options) {
    Answer answer;
    ares_addrinfo_hints hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = ARES_AI_NOSORT;  // it would be sorted by the other interfaces' routes
    const SteadyClock::time_point deadline =
        SteadyClock::now() + absl::ToChronoNanoseconds(options.within);
    ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, OnAnswer, &answer);
    while (!answer.done) {
      if (SteadyClock::now() >= deadline || !options.wanted()) {
        ares_cancel(channel_);
        answer.status = ARES_ETIMEOUT;
        break;
      }
      Wait();
    }
    return answer;
  }

 private:
  static int OnSocket(ares_socket_t fd, int /*type*/, void* self) {
    return BindToInterface(fd, static_cast<Channel*>(self)->interface_.c_str()) ? 0 : -1;
  }

  void Wait() {
    ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
    const int wanted = ares_getsock(channel_, sockets, ARES_GETSOCK_MAXNUM);
    pollfd fds[ARES_GETSOCK_MAXNUM];
    nfds_t count = 0;
    for (int i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
      short events = 0;
      if (ARES_GETSOCK_READABLE(wanted, i)) events = POLLIN;
      if (ARES_GETSOCK_WRITABLE(wanted, i)) events = static_cast<short>(events | POLLOUT);
      if (events != 0) fds[count++] = {sockets[i], events, 0};
    }
    timeval most = {0, kLookMs * 1000};
    timeval left{};
    const timeval* const timeout = ares_timeout(channel_, &most, &left);
    poll(fds, count, static_cast<int>(timeout->tv_sec * 1000 + timeout->tv_usec / 1000 + 1));
    for (nfds_t i = 0; i < count; ++i) {
      const bool failed = (fds[i].revents & (POLLERR | POLLHUP)) != 0;
      const bool readable = failed || (fds[i].revents & POLLIN) != 0;
      const bool writable = (fds[i].revents & POLLOUT) != 0;
      if (!readable && !writable) continue;
      ares_process_fd(channel_, readable ? fds[i].fd : ARES_SOCKET_BAD,
                      writable ? fds[i].fd : ARES_SOCKET_BAD);
    }
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // what has timed out
  }

  const std::string interface_;
  ares_channel channel_ = nullptr;
  int status_ = ARES_SUCCESS;
};

// The family of a numeric address.
std::optional<int> NumericFamily(const std::string& host) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  const int family = found->ai_family;
  freeaddrinfo(found);
  return family;
}

absl::Status InterfaceError(const MqttRoute& route, absl::string_view what) {
  return absl::UnavailableError(absl::StrCat("interface ", ToText(route), " ", what));
}

absl::Status CheckUsable(const MqttRoute& route, const NetworkInterface& interface) {
  if (interface.index == 0) return InterfaceError(route, "does not exist");
  if (!interface.up) return InterfaceError(route, "is down");
  return absl::OkStatus();
}

// Tried here, since the reason would be lost in c-ares and Paho.
absl::Status CheckBinding(const MqttRoute& route) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool bound = fd >= 0 && BindToInterface(fd, route.interface.c_str());
  const int error = errno;
  if (fd >= 0) close(fd);
  if (bound) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "a socket can't be bound to interface ", ToText(route), ": ", std::strerror(error),
      error == EPERM ? " (before Linux 5.7 it needs the capability CAP_NET_RAW)" : ""));
}

}  // namespace

std::string ToText(const MqttRoute& route) {
  return absl::StrCat(route.interface, " (", route.name, ")");
}

absl::Status CheckInterface(const MqttRoute& route) {
  return CheckUsable(route, LookAtInterface(route.interface));
}

absl::StatusOr<std::vector<std::string>> ResolveThrough(const MqttRoute& route,
                                                        const std::string& host,
                                                        const RouteResolverOptions& options) {
  const NetworkInterface interface = LookAtInterface(route.interface);
  if (absl::Status s = CheckUsable(route, interface); !s.ok()) return s;
  if (absl::Status s = CheckBinding(route); !s.ok()) return s;
  if (!interface.ipv4 && !interface.ipv6) return InterfaceError(route, "has no address");
  if (const std::optional<int> family = NumericFamily(host)) {
    if (*family == AF_INET ? interface.ipv4 : interface.ipv6) return std::vector{host};
    return InterfaceError(route, absl::StrCat("has no ", *family == AF_INET ? "IPv4" : "IPv6",
                                              " address, and ", host, " is one"));
  }

  const auto cannot = [&](absl::string_view why) {
    return absl::UnavailableError(
        absl::StrCat("can't resolve ", host, " through ", ToText(route), ": ", why));
  };
  auto channel = std::make_unique<Channel>(route.interface, "fb");  // files, then servers
  if (channel->status() != ARES_SUCCESS) return cannot(ares_strerror(channel->status()));
  if (!options.servers.empty() && !channel->SetServers(options.servers)) {
    return cannot(absl::StrCat("'", options.servers, "' are no name servers"));
  }
  std::string servers;
  const std::vector<std::string> reachable = channel->KeepReachable(interface, servers);
  if (reachable.empty()) {
    channel = std::make_unique<Channel>(route.interface, "f");
    if (channel->status() != ARES_SUCCESS) return cannot(ares_strerror(channel->status()));
  }
  const int family = !interface.ipv6 ? AF_INET : !interface.ipv4 ? AF_INET6 : AF_UNSPEC;
  Answer answer = channel->Ask(host, family, options);
  std::vector<std::string> addresses = std::move(answer.ipv4);
  addresses.insert(addresses.end(), answer.ipv6.begin(), answer.ipv6.end());
  if (!addresses.empty()) return addresses;
  if (reachable.empty()) {
    return cannot(
        absl::StrCat("/etc/resolv.conf names no server that the interface can reach: ", servers));
  }
  return cannot(absl::StrCat(
      answer.status == ARES_SUCCESS ? "it has no address" : ares_strerror(answer.status),
      family == AF_UNSPEC
          ? ""
          : absl::StrCat(" (the interface has ", family == AF_INET ? "IPv4" : "IPv6", " only)"),
      "; asked ", absl::StrJoin(reachable, ", ")));
}

}  // namespace fieldgate::cloud_link
