#pragma once

#include <string>

namespace fieldgate::cloud_link {

// A network interface of this machine at one moment.
struct NetworkInterface {
  unsigned index = 0;  // 0: it does not exist; another number: it is another one
  bool up = false;
  bool loopback = false;
  // It has an address to send from; of IPv6 one that is good beyond the link.
  bool ipv4 = false;
  bool ipv6 = false;
};

// Asks the kernel and waits for nothing else.
NetworkInterface LookAtInterface(const std::string& name);

// Makes the socket send and receive through the interface only. Needs Linux 5.7
// or CAP_NET_RAW. False: it could not (errno), and must not be used.
bool BindToInterface(int fd, const char* name);

}  // namespace fieldgate::cloud_link
