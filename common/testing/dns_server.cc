#include "common/testing/dns_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fieldgate {
namespace {

constexpr size_t kHeader = 12;
constexpr size_t kMaxPacket = 512;
constexpr uint16_t kTypeA = 1;
constexpr uint16_t kTypeAaaa = 28;

void AppendNumber(uint16_t number, std::string& out) {
  out += static_cast<char>(number >> 8);
  out += static_cast<char>(number & 0xff);
}

// A query (RFC 1035, 4.1) with one question.
struct Question {
  std::string name;
  uint16_t type = 0;
  size_t end = 0;  // behind the question
};

bool ReadQuestion(const std::string& packet, Question& question) {
  size_t at = kHeader;
  while (at < packet.size() && packet[at] != 0) {
    const size_t length = static_cast<unsigned char>(packet[at]);
    if (length > 63 || at + 1 + length >= packet.size()) return false;
    if (!question.name.empty()) question.name += '.';
    question.name += packet.substr(at + 1, length);
    at += 1 + length;
  }
  if (at + 5 > packet.size()) return false;
  question.type = static_cast<uint16_t>(static_cast<unsigned char>(packet[at + 1]) << 8 |
                                        static_cast<unsigned char>(packet[at + 2]));
  question.end = at + 5;
  return true;
}

class UdpDnsServer : public DnsServer {
 public:
  UdpDnsServer(Options options, int fd, int port)
      : options_(std::move(options)), fd_(fd), stop_(eventfd(0, EFD_CLOEXEC)), port_(port) {
    thread_ = std::thread([this] { Serve(); });
  }
  ~UdpDnsServer() override {
    const uint64_t one = 1;
    if (write(stop_, &one, sizeof one) != sizeof one) abort();
    thread_.join();
    close(fd_);
    close(stop_);
  }

  int port() const override { return port_; }

  std::vector<std::string> Questions() const override {
    const std::lock_guard lock(mutex_);
    return questions_;
  }

 private:
  void Serve() {
    for (;;) {
      pollfd fds[] = {{fd_, POLLIN, 0}, {stop_, POLLIN, 0}};
      poll(fds, 2, -1);
      if (fds[1].revents != 0) return;
      std::string packet(kMaxPacket, '\0');
      sockaddr_storage from{};
      socklen_t from_size = sizeof from;
      const ssize_t size = recvfrom(fd_, packet.data(), packet.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &from_size);
      Question question;
      if (size < static_cast<ssize_t>(kHeader)) continue;
      packet.resize(static_cast<size_t>(size));
      if (!ReadQuestion(packet, question)) continue;
      Note(from, question.name);
      if (options_.silent) continue;
      const std::string answer = Answer(packet, question);
      sendto(fd_, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
    }
  }

  void Note(const sockaddr_storage& from, const std::string& name) {
    char text[INET6_ADDRSTRLEN] = "";
    if (from.ss_family == AF_INET) {
      inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(from).sin_addr, text, sizeof text);
    } else {
      inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(from).sin6_addr, text,
                sizeof text);
    }
    const std::lock_guard lock(mutex_);
    questions_.push_back(absl::StrCat(text, " ", name));
  }

  std::string Answer(const std::string& packet, const Question& question) const {
    std::string records;
    uint16_t count = 0;
    const auto known = options_.names.find(question.name);
    if (known != options_.names.end()) {
      for (const std::string& address : known->second) {
        const bool ipv4 = address.find(':') == std::string::npos;
        if (question.type != (ipv4 ? kTypeA : kTypeAaaa)) continue;
        char bytes[16];
        inet_pton(ipv4 ? AF_INET : AF_INET6, address.c_str(), bytes);
        AppendNumber(0xc000 | kHeader, records);  // the question's name
        AppendNumber(question.type, records);
        AppendNumber(1, records);  // IN
        AppendNumber(0, records);
        AppendNumber(0, records);  // no time to live
        AppendNumber(ipv4 ? 4 : 16, records);
        records.append(bytes, ipv4 ? 4 : 16);
        ++count;
      }
    }
    std::string answer = packet.substr(0, 2);
    // A recursive answer; 3: there is no such name.
    AppendNumber(known != options_.names.end() ? 0x8180 : 0x8183, answer);
    AppendNumber(1, answer);
    AppendNumber(count, answer);
    AppendNumber(0, answer);
    AppendNumber(0, answer);
    return answer + packet.substr(kHeader, question.end - kHeader) + records;
  }

  const Options options_;
  const int fd_;
  const int stop_;
  const int port_;
  mutable std::mutex mutex_;  // guards questions_
  std::vector<std::string> questions_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DnsServer>> DnsServer::Start(Options options) {
  const bool ipv6 = options.address.find(':') != std::string::npos;
  sockaddr_in address4{};
  sockaddr_in6 address6{};
  address4.sin_family = AF_INET;
  address4.sin_port = htons(static_cast<uint16_t>(options.port));
  inet_pton(AF_INET, options.address.c_str(), &address4.sin_addr);
  address6.sin6_family = AF_INET6;
  address6.sin6_port = address4.sin_port;
  inet_pton(AF_INET6, options.address.c_str(), &address6.sin6_addr);
  auto* const address =
      ipv6 ? reinterpret_cast<sockaddr*>(&address6) : reinterpret_cast<sockaddr*>(&address4);
  socklen_t size = ipv6 ? sizeof address6 : sizeof address4;
  const int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, address, size) != 0 || getsockname(fd, address, &size) != 0) {
    const std::string why = strerror(errno);
    if (fd >= 0) close(fd);
    return absl::UnavailableError(absl::StrCat("name server: ", why));
  }
  const int port = ntohs(ipv6 ? address6.sin6_port : address4.sin_port);
  return std::make_unique<UdpDnsServer>(std::move(options), fd, port);
}

}  // namespace fieldgate
