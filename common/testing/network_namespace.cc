#include "common/testing/network_namespace.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/testing/netlink.h"

namespace fieldgate {
namespace {

struct Address {
  uint8_t family = AF_INET;
  std::string bytes;
};

Address ParseAddress(const std::string& text) {
  Address address;
  address.family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
  address.bytes.resize(address.family == AF_INET ? 4 : 16);
  inet_pton(address.family, text.c_str(), address.bytes.data());
  return address;
}

int OpenOwnNamespace() {
  return open(absl::StrCat("/proc/self/task/", syscall(SYS_gettid), "/ns/net").c_str(),
              O_RDONLY | O_CLOEXEC);
}

bool WriteFile(const char* path, absl::string_view text) {
  std::ofstream file(path);
  file << text;
  return static_cast<bool>(file.flush());
}

}  // namespace

absl::Status EnterOwnNetwork() {
  static bool entered = false;
  if (entered) return absl::OkStatus();
  const uid_t uid = getuid();
  const gid_t gid = getgid();
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
    // As somebody who may not: first become root of a user namespace.
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) != 0) {
      return absl::UnavailableError(
          absl::StrCat("the kernel allows no network namespace: ", strerror(errno)));
    }
    if (!WriteFile("/proc/self/setgroups", "deny") ||
        !WriteFile("/proc/self/uid_map", absl::StrCat("0 ", uid, " 1")) ||
        !WriteFile("/proc/self/gid_map", absl::StrCat("0 ", gid, " 1"))) {
      return absl::UnavailableError("the kernel maps no users");
    }
  }
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return absl::UnavailableError(absl::StrCat("no private mounts: ", strerror(errno)));
  }
  entered = true;
  if (absl::Status s = SetInterfaceUp("lo"); !s.ok()) return absl::UnavailableError(s.message());
  return absl::OkStatus();
}

absl::Status UseResolvConf(absl::string_view text) {
  if (mount("tmpfs", "/etc", "tmpfs", 0, "size=1m") != 0) {
    return netlink::Refused("tmpfs on /etc", errno);
  }
  if (!WriteFile("/etc/resolv.conf", text) ||
      !WriteFile("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n") ||
      !WriteFile("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n") ||
      !WriteFile("/etc/group", "root:x:0:\n")) {
    return netlink::Refused("files in /etc", errno);
  }
  return absl::OkStatus();
}

absl::StatusOr<NetworkNamespace> NetworkNamespace::Create() {
  const int before = OpenOwnNamespace();
  if (before < 0 || unshare(CLONE_NEWNET) != 0) {
    const int error = errno;
    if (before >= 0) close(before);
    return netlink::Refused("new namespace", error);
  }
  NetworkNamespace made(OpenOwnNamespace());
  const absl::Status up = SetInterfaceUp("lo");
  const bool back = setns(before, CLONE_NEWNET) == 0;
  close(before);
  if (!up.ok()) return up;
  if (!back || made.fd_ < 0) return netlink::Refused("namespace", errno);
  return made;
}

NetworkNamespace::NetworkNamespace(NetworkNamespace&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

NetworkNamespace::~NetworkNamespace() {
  if (fd_ >= 0) close(fd_);
}

void NetworkNamespace::Run(const std::function<void()>& task) const {
  const int before = OpenOwnNamespace();
  if (setns(fd_, CLONE_NEWNET) != 0) abort();  // a test must not act on another network
  task();
  if (setns(before, CLONE_NEWNET) != 0) abort();
  close(before);
}

absl::Status AddCable(const std::string& name, const NetworkNamespace& peer,
                      const std::string& peer_name) {
  netlink::Message request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  request.Append(ifinfomsg{});
  request.Text(IFLA_IFNAME, name);
  const size_t info = request.Begin(IFLA_LINKINFO);
  request.Text(IFLA_INFO_KIND, "veth");
  const size_t data = request.Begin(IFLA_INFO_DATA);
  const size_t other = request.Begin(VETH_INFO_PEER);
  request.Append(ifinfomsg{});
  request.Text(IFLA_IFNAME, peer_name);
  request.Number(IFLA_NET_NS_FD, static_cast<uint32_t>(peer.fd()));
  request.End(other);
  request.End(data);
  request.End(info);
  return netlink::Send(request, absl::StrCat("cable ", name));
}

absl::Status DeleteInterface(const std::string& name) {
  netlink::Message request(RTM_DELLINK, 0);
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(if_nametoindex(name.c_str()));
  request.Append(header);
  return netlink::Send(request, absl::StrCat("delete ", name));
}

absl::Status SetInterfaceUp(const std::string& name, bool up) {
  netlink::Message request(RTM_NEWLINK, 0);
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(if_nametoindex(name.c_str()));
  header.ifi_flags = up ? IFF_UP : 0;
  header.ifi_change = IFF_UP;
  request.Append(header);
  return netlink::Send(request, absl::StrCat(name, up ? " up" : " down"));
}

absl::Status AddAddress(const std::string& name, absl::string_view address) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(address, absl::MaxSplits('/', 1));
  int length = 0;
  if (!absl::SimpleAtoi(parts.second, &length)) return absl::InternalError(address);
  const Address parsed = ParseAddress(parts.first);
  netlink::Message request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  ifaddrmsg header{};
  header.ifa_family = parsed.family;
  header.ifa_prefixlen = static_cast<uint8_t>(length);
  header.ifa_flags = IFA_F_NODAD;  // not tentative for a second first
  header.ifa_index = if_nametoindex(name.c_str());
  request.Append(header);
  request.Attribute(IFA_LOCAL, parsed.bytes.data(), parsed.bytes.size());
  request.Attribute(IFA_ADDRESS, parsed.bytes.data(), parsed.bytes.size());
  return netlink::Send(request, absl::StrCat(name, " ", address));
}

absl::Status AddDefaultRoute(const std::string& name, const std::string& gateway, int metric) {
  const Address parsed = ParseAddress(gateway);
  netlink::Message request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  rtmsg header{};
  header.rtm_family = parsed.family;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  request.Append(header);
  request.Attribute(RTA_GATEWAY, parsed.bytes.data(), parsed.bytes.size());
  request.Number(RTA_OIF, if_nametoindex(name.c_str()));
  request.Number(RTA_PRIORITY, static_cast<uint32_t>(metric));
  return netlink::Send(request, absl::StrCat("route through ", name));
}

}  // namespace fieldgate
