#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace fieldgate::cloud_link {

// Binds the connections of a library that has no option for it, which is Paho.
// While a RouteMark lives, its name stands for a host: who calls getaddrinfo
// for it gets `address`, without asking anybody, and the next socket that this
// thread makes is bound to `interface`, or is not made. A name whose mark is
// gone does not resolve, so nothing ever goes another way by mistake.
//
// Works by --wrap=getaddrinfo and --wrap=socket, in the whole program; names
// without a mark and threads that asked for none get what they always get.
// Thread-safe.
class RouteMark {
 public:
  // `address` is numeric, of the host; `interface` the name of one that exists.
  RouteMark(std::string host, std::string address, std::string interface);
  ~RouteMark();
  RouteMark(const RouteMark&) = delete;
  RouteMark& operator=(const RouteMark&) = delete;

  // In place of the host in a URL: "%17", which no host is called.
  const std::string& name() const { return name_; }

 private:
  const uint64_t number_;
  const std::string name_;
};

// The host that a mark's name stands for; nothing if there is no such mark.
std::optional<std::string> HostOfMark(absl::string_view name);

}  // namespace fieldgate::cloud_link
