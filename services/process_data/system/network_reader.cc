#include "services/process_data/system/network_reader.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/route.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "services/process_data/system/text_file.h"

namespace fieldgate::process_data {
namespace {

constexpr char kEthernet[] = "Ethernet";
constexpr char kEthernetType[] = "1";  // ARPHRD_ETHER

std::string ToText(const in_addr& address) {
  char text[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &address, text, sizeof text);
  return text;
}

std::string Ipv4(const sockaddr* address) {
  if (address == nullptr || address->sa_family != AF_INET) return "";
  return ToText(reinterpret_cast<const sockaddr_in*>(address)->sin_addr);
}

// The gateway of the default route through `interface` in the text of
// /proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask ...,
// addresses as hexadecimal numbers of the network byte order in memory.
std::string DefaultGateway(absl::string_view routes, absl::string_view interface) {
  std::string gateway;
  int best = std::numeric_limits<int>::max();
  for (const absl::string_view line : absl::StrSplit(routes, '\n')) {
    const std::vector<absl::string_view> columns =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (columns.size() < 8 || columns[0] != interface) continue;
    uint32_t address = 0;
    uint32_t flags = 0;
    int metric = 0;
    const bool is_default = columns[1] == "00000000" && columns[7] == "00000000";
    if (!is_default || !absl::SimpleHexAtoi(columns[2], &address) ||
        !absl::SimpleHexAtoi(columns[3], &flags) || !absl::SimpleAtoi(columns[6], &metric)) {
      continue;
    }
    if ((flags & RTF_GATEWAY) == 0 || metric >= best) continue;
    best = metric;
    gateway = ToText(in_addr{address});
  }
  return gateway;
}

// The first name server in the text of resolv.conf.
std::string NameServer(absl::string_view resolv_conf) {
  for (const absl::string_view line : absl::StrSplit(resolv_conf, '\n')) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty());
    if (words.size() >= 2 && words[0] == "nameserver") return std::string(words[1]);
  }
  return "";
}

// Bridges and the like are Ethernet, too: one with hardware goes before one
// that has only a link (in a container), and that before the rest.
std::string FirstEthernet(const std::string& folder,
                          const google::protobuf::Map<std::string, std::string>& names) {
  std::string first;
  std::pair<int, int> lowest(std::numeric_limits<int>::max(), 0);  // rank, index
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const std::string name = it->path().filename();
    const bool used = std::any_of(names.begin(), names.end(),
                                  [&name](const auto& other) { return other.second == name; });
    const std::string file = absl::StrCat(folder, "/", name, "/");
    int index = 0;
    if (used || ReadTextFile(file + "type") != kEthernetType ||
        !absl::SimpleAtoi(ReadTextFile(file + "ifindex"), &index)) {
      continue;
    }
    std::error_code none;
    const int rank = std::filesystem::exists(file + "device", none) ? 0
                     : ReadTextFile(file + "carrier") == "1"        ? 1
                                                                    : 2;
    if (std::pair(rank, index) >= lowest) continue;
    lowest = {rank, index};
    first = name;
  }
  return first;
}

}  // namespace

std::vector<InterfaceAddress> ReadAddresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  std::vector<InterfaceAddress> addresses;
  for (const ifaddrs* i = list; i != nullptr; i = i->ifa_next) {
    const std::string address = Ipv4(i->ifa_addr);
    if (!address.empty()) addresses.push_back({i->ifa_name, address, Ipv4(i->ifa_netmask)});
  }
  return addresses;
}

std::map<std::string, NetworkInterface> ReadInterfaces(
    const std::string& root, const google::protobuf::Map<std::string, std::string>& names,
    const std::vector<InterfaceAddress>& addresses) {
  const std::string folder = root + "/sys/class/net";
  std::map<std::string, std::string> used(names.begin(), names.end());
  if (used.count(kEthernet) == 0) used[kEthernet] = FirstEthernet(folder, names);
  const std::string routes = ReadTextFile(root + "/proc/net/route");
  const std::string dns = NameServer(ReadTextFile(root + "/etc/resolv.conf"));
  std::map<std::string, NetworkInterface> interfaces;
  for (const auto& [use, name] : used) {
    const std::string files = absl::StrCat(folder, "/", name, "/");
    std::error_code error;
    if (name.empty() || !std::filesystem::is_directory(files, error)) continue;
    NetworkInterface& interface = interfaces[use];
    interface.link = ReadTextFile(files + "carrier") == "1";
    // -1, or no number, where the hardware doesn't know.
    int speed = 0;
    if (absl::SimpleAtoi(ReadTextFile(files + "speed"), &speed) && speed >= 0) {
      interface.speed = absl::StrCat(speed);
    }
    interface.mac = absl::AsciiStrToUpper(ReadTextFile(files + "address"));
    interface.gateway = DefaultGateway(routes, name);
    interface.dns = dns;
    const auto address =
        std::find_if(addresses.begin(), addresses.end(),
                     [&name](const InterfaceAddress& a) { return a.interface == name; });
    if (address == addresses.end()) continue;
    interface.address = address->address;
    interface.netmask = address->netmask;
  }
  return interfaces;
}

}  // namespace fieldgate::process_data
