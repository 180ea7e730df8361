#pragma once

#include <map>
#include <string>
#include <vector>

#include "google/protobuf/map.h"
#include "services/process_data/system/system_values.h"

namespace fieldgate::process_data {

// An IPv4 address of an interface.
struct InterfaceAddress {
  std::string interface;
  std::string address;
  std::string netmask;
};

// Those of this machine.
std::vector<InterfaceAddress> ReadAddresses();

// The interfaces that exist of those that `names` gives ("Ethernet" ->
// "eth0"), from the sys, proc and etc below `root`. Without a name, Ethernet
// is the first Ethernet interface of the machine that has no other use: one
// with hardware before one with a link, before others.
std::map<std::string, NetworkInterface> ReadInterfaces(
    const std::string& root, const google::protobuf::Map<std::string, std::string>& names,
    const std::vector<InterfaceAddress>& addresses);

}  // namespace fieldgate::process_data
