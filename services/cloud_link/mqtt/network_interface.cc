#include "services/cloud_link/mqtt/network_interface.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

namespace fieldgate::cloud_link {

NetworkInterface LookAtInterface(const std::string& name) {
  NetworkInterface seen;
  seen.index = if_nametoindex(name.c_str());
  ifaddrs* addresses = nullptr;
  if (seen.index == 0 || getifaddrs(&addresses) != 0) return seen;
  for (const ifaddrs* entry = addresses; entry != nullptr; entry = entry->ifa_next) {
    if (name != entry->ifa_name) continue;
    seen.up = (entry->ifa_flags & IFF_UP) != 0;
    seen.loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
    if (entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family == AF_INET) seen.ipv4 = true;
    if (entry->ifa_addr->sa_family != AF_INET6) continue;
    const auto& address = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr)->sin6_addr;
    if (!IN6_IS_ADDR_LINKLOCAL(&address)) seen.ipv6 = true;
  }
  freeifaddrs(addresses);
  return seen;
}

bool BindToInterface(int fd, const char* name) {
  return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name,
                    static_cast<socklen_t>(std::strlen(name))) == 0;
}

}  // namespace fieldgate::cloud_link
