#include "services/cloud_link/mqtt/raw_broker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace fieldgate::cloud_link {
namespace {

// Waits until `fd` can be read; false when it is time to stop.
bool Readable(int fd, int stop) {
  pollfd fds[2] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
  return poll(fds, 2, -1) > 0 && fds[1].revents == 0;
}

bool ReadByte(int fd, int stop, uint8_t& byte) {
  return Readable(fd, stop) && recv(fd, &byte, 1, 0) == 1;
}

// Reads one packet whole; false at the end.
bool ReadPacket(int fd, int stop) {
  uint8_t byte = 0;
  if (!ReadByte(fd, stop, byte)) return false;
  size_t length = 0;
  for (int shift = 0; shift < 28; shift += 7) {
    if (!ReadByte(fd, stop, byte)) return false;
    length |= static_cast<size_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) break;
  }
  for (; length > 0; --length) {
    if (!ReadByte(fd, stop, byte)) return false;
  }
  return true;
}

std::string Packet(uint8_t first, absl::string_view body) {  // up to 127 bytes
  return absl::StrCat(std::string(1, static_cast<char>(first)),
                      std::string(1, static_cast<char>(body.size())), body);
}

}  // namespace

RawBroker::RawBroker(std::vector<std::string> answers) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  bind(listener_, reinterpret_cast<sockaddr*>(&address), length);
  listen(listener_, 1);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
  port_ = ntohs(address.sin_port);
  if (pipe(stop_) != 0) abort();
  thread_ = std::thread([this, answers = std::move(answers)] { Run(answers); });
}

RawBroker::~RawBroker() {
  close(stop_[1]);
  thread_.join();
  close(stop_[0]);
  close(listener_);
}

void RawBroker::Run(const std::vector<std::string>& answers) {
  if (!Readable(listener_, stop_[0])) return;
  const int fd = accept(listener_, nullptr, nullptr);
  for (size_t next = 0; ReadPacket(fd, stop_[0]);) {
    for (const size_t end = next == 0 ? 2 : next + 1; next < end; ++next) {
      if (next < answers.size()) send(fd, answers[next].data(), answers[next].size(), MSG_NOSIGNAL);
    }
  }
  close(fd);
}

std::string RawBroker::url() const { return absl::StrCat("tcp://127.0.0.1:", port_); }

std::string RawBroker::Connack(uint8_t code) {
  return Packet(0x20, std::string({'\0', static_cast<char>(code)}));
}

std::string RawBroker::Suback(uint16_t packet_id, const std::vector<uint8_t>& codes) {
  std::string body = {static_cast<char>(packet_id >> 8), static_cast<char>(packet_id & 0xff)};
  body.append(codes.begin(), codes.end());
  return Packet(0x90, body);
}

std::string RawBroker::Publish(absl::string_view topic, absl::string_view payload, bool retained) {
  return Packet(retained ? 0x31 : 0x30,
                absl::StrCat(std::string({'\0', static_cast<char>(topic.size())}), topic, payload));
}

}  // namespace fieldgate::cloud_link
