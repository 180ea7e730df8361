#include "services/cloud_link/mqtt/route_mark.h"

#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/cloud_link/mqtt/network_interface.h"

extern "C" int __real_getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                                  addrinfo** result);
extern "C" int __real_socket(int domain, int type, int protocol);

namespace fieldgate::cloud_link {
namespace {

constexpr char kMark = '%';

struct Marked {
  std::string host;
  std::string address;
  std::string interface;
};

// Never destroyed: threads that nobody joins use it until the process is gone.
struct Marks {
  std::mutex mutex;  // guards what follows
  std::map<uint64_t, Marked> by_number;
  uint64_t last = 0;
};
Marks& AllMarks() {
  static Marks& marks = *new Marks;
  return marks;
}

uint64_t Add(Marked marked) {
  Marks& marks = AllMarks();
  const std::lock_guard lock(marks.mutex);
  marks.by_number[++marks.last] = std::move(marked);
  return marks.last;
}

std::optional<Marked> Find(absl::string_view name) {
  uint64_t number = 0;
  if (!absl::ConsumePrefix(&name, absl::string_view(&kMark, 1)) ||
      !absl::SimpleAtoi(name, &number)) {
    return std::nullopt;
  }
  Marks& marks = AllMarks();
  const std::lock_guard lock(marks.mutex);
  const auto found = marks.by_number.find(number);
  if (found == marks.by_number.end()) return std::nullopt;
  return found->second;
}

// What the next socket of this thread is bound to; empty: nothing.
thread_local char next_interface[IFNAMSIZ] = "";

}  // namespace

RouteMark::RouteMark(std::string host, std::string address, std::string interface)
    : number_(Add({std::move(host), std::move(address), std::move(interface)})),
      name_(absl::StrCat(absl::string_view(&kMark, 1), number_)) {}

RouteMark::~RouteMark() {
  Marks& marks = AllMarks();
  const std::lock_guard lock(marks.mutex);
  marks.by_number.erase(number_);
}

std::optional<std::string> HostOfMark(absl::string_view name) {
  std::optional<Marked> marked = Find(name);
  if (!marked.has_value()) return std::nullopt;
  return std::move(marked->host);
}

}  // namespace fieldgate::cloud_link

extern "C" int __wrap_getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                                  addrinfo** result) {
  using namespace fieldgate::cloud_link;
  next_interface[0] = '\0';
  if (node == nullptr || node[0] != kMark) {
    return __real_getaddrinfo(node, service, hints, result);
  }
  const std::optional<Marked> marked = Find(node);
  if (!marked.has_value() || marked->interface.size() >= sizeof next_interface) return EAI_NONAME;
  addrinfo numeric{};
  if (hints != nullptr) numeric = *hints;
  numeric.ai_flags = AI_NUMERICHOST;
  const int error = __real_getaddrinfo(marked->address.c_str(), service, &numeric, result);
  if (error == 0) std::strcpy(next_interface, marked->interface.c_str());
  return error;
}

extern "C" int __wrap_socket(int domain, int type, int protocol) {
  using namespace fieldgate::cloud_link;
  const int fd = __real_socket(domain, type, protocol);
  if (next_interface[0] == '\0') return fd;
  char interface[IFNAMSIZ];
  std::strcpy(interface, next_interface);
  next_interface[0] = '\0';
  if (fd < 0 || BindToInterface(fd, interface)) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}
