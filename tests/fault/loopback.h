#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>

namespace fieldgate::fault {

// A TCP address on the loopback; port 0: any free one.
inline sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

}  // namespace fieldgate::fault
