#include "tests/simulators/modbus/modbus_simulator.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace fieldgate {
namespace {

// MBAP: transaction 2, protocol 2, length 2, unit 1.
constexpr size_t kHeader = 7;
constexpr size_t kMaxFrame = 260;

bool Send(int fd, const std::vector<uint8_t>& bytes) {
  // A client that doesn't read its answers isn't worth waiting for.
  return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
         static_cast<ssize_t>(bytes.size());
}

// `request_header` with the length and contents of an answer.
std::vector<uint8_t> Frame(const uint8_t* request_header, const std::vector<uint8_t>& pdu) {
  std::vector<uint8_t> frame(kHeader + pdu.size());
  std::copy_n(request_header, kHeader, frame.begin());
  std::copy(pdu.begin(), pdu.end(), frame.begin() + kHeader);
  const size_t length = pdu.size() + 1;
  frame[4] = static_cast<uint8_t>(length >> 8);
  frame[5] = static_cast<uint8_t>(length);
  return frame;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ModbusSimulator>> ModbusSimulator::Start(const Options& options) {
  const auto failed = [&options](const char* what) {
    return absl::UnavailableError(
        absl::StrCat(what, " ", options.address, ":", options.port, ": ", std::strerror(errno)));
  };
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(options.port));
  if (inet_pton(AF_INET, options.address.c_str(), &address.sin_addr) != 1) {
    errno = EINVAL;
    return failed("address");
  }
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listener < 0) return failed("socket for");
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t length = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      listen(listener, SOMAXCONN) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    const absl::Status status = failed("listening at");
    close(listener);
    return status;
  }
  return std::unique_ptr<ModbusSimulator>(new ModbusSimulator(
      listener, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), ntohs(address.sin_port), options));
}

ModbusSimulator::ModbusSimulator(int listener, int wake, int port, const Options& options)
    : listener_(listener),
      wake_(wake),
      port_(port),
      start_(absl::Now()),
      server_(options.changing),
      thread_([this] { Run(); }) {}

ModbusSimulator::~ModbusSimulator() {
  stopping_ = true;
  Wake();
  thread_.join();
  for (const auto& [fd, connection] : connections_) close(fd);
  close(listener_);
  close(wake_);
}

void ModbusSimulator::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
}

void ModbusSimulator::SetFault(const ModbusFault& fault) {
  std::lock_guard lock(mutex_);
  server_.SetFault(fault);
}

void ModbusSimulator::DropConnections() {
  drop_ = true;
  Wake();
}

void ModbusSimulator::SetHoldingRegister(uint16_t address, uint16_t word, uint8_t unit) {
  std::lock_guard lock(mutex_);
  server_.Holding(unit, address) = word;
}

uint16_t ModbusSimulator::HoldingRegister(uint16_t address, uint8_t unit) {
  std::lock_guard lock(mutex_);
  return server_.Holding(unit, address);
}

void ModbusSimulator::SetCoil(uint16_t address, bool on, uint8_t unit) {
  std::lock_guard lock(mutex_);
  server_.Coil(unit, address) = on;
}

bool ModbusSimulator::Coil(uint16_t address, uint8_t unit) {
  std::lock_guard lock(mutex_);
  return server_.Coil(unit, address) != 0;
}

uint64_t ModbusSimulator::requests(uint8_t unit) {
  std::lock_guard lock(mutex_);
  return requests_[unit];
}

uint64_t ModbusSimulator::requests() {
  std::lock_guard lock(mutex_);
  uint64_t sum = 0;
  for (const auto& [unit, count] : requests_) sum += count;
  return sum;
}

void ModbusSimulator::Run() {
  std::vector<pollfd> fds;
  while (!stopping_) {
    fds.assign({{wake_, POLLIN, 0}, {listener_, POLLIN, 0}});
    absl::Time next = absl::InfiniteFuture();
    for (const auto& [fd, connection] : connections_) {
      fds.push_back({fd, POLLIN, 0});
      next = std::min(next, connection.late_at);
    }
    const absl::Duration wait =
        std::clamp(next - absl::Now(), absl::ZeroDuration(), absl::Seconds(60));
    poll(fds.data(), fds.size(),
         static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1)))));
    uint64_t ignored;
    [[maybe_unused]] const ssize_t drained = read(wake_, &ignored, sizeof ignored);
    const bool drop = drop_.exchange(false);
    const absl::Time now = absl::Now();
    for (size_t i = 2; i < fds.size(); ++i) {
      const int fd = fds[i].fd;
      Connection& connection = connections_[fd];
      const bool stays = !drop && (fds[i].revents == 0 || Receive(fd, connection)) &&
                         SendLate(fd, connection, now) && AnswerRequests(fd, connection);
      if (stays) continue;
      close(fd);
      connections_.erase(fd);
    }
    if (fds[1].revents != 0) Accept();
  }
}

void ModbusSimulator::Accept() {
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connections_[fd];
  ++connections_accepted_;
}

bool ModbusSimulator::Receive(int fd, Connection& connection) {
  uint8_t bytes[4096];
  const ssize_t count = recv(fd, bytes, sizeof bytes, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  // Who sends requests without waiting for answers has an end at some point.
  if (count <= 0 || connection.in.size() > 64 * kMaxFrame) return false;
  connection.in.insert(connection.in.end(), bytes, bytes + count);
  return true;
}

bool ModbusSimulator::SendLate(int fd, Connection& connection, absl::Time now) {
  if (connection.late.empty() || connection.late_at > now) return true;
  connection.late_at = absl::InfiniteFuture();
  const std::vector<uint8_t> frame = std::exchange(connection.late, {});
  return Send(fd, frame);
}

bool ModbusSimulator::AnswerRequests(int fd, Connection& connection) {
  while (connection.late.empty() && connection.in.size() > kHeader) {
    const uint8_t* header = connection.in.data();
    const size_t length = static_cast<size_t>(header[4] << 8 | header[5]) + 6;
    if (header[2] != 0 || header[3] != 0 || length <= kHeader || length > kMaxFrame) return false;
    if (connection.in.size() < length) return true;
    const uint8_t unit = header[6];
    const auto pdu = absl::MakeConstSpan(header + kHeader, length - kHeader);
    ModbusFault fault;
    std::vector<uint8_t> frame;
    {
      std::lock_guard lock(mutex_);
      ++requests_[unit];
      fault = server_.FaultOf(unit, pdu);
      const absl::Time now = absl::Now();
      if (fault.kind == ModbusFault::Kind::kException) {
        frame = Frame(header, {static_cast<uint8_t>(pdu[0] | 0x80), fault.exception});
      } else if (fault.kind != ModbusFault::Kind::kHang && fault.kind != ModbusFault::Kind::kDrop) {
        frame = Frame(header, server_.Answer(unit, pdu, now, now - start_));
      }
    }
    connection.in.erase(connection.in.begin(),
                        connection.in.begin() + static_cast<ptrdiff_t>(length));
    switch (fault.kind) {
      case ModbusFault::Kind::kHang:
        break;
      case ModbusFault::Kind::kDrop:
        return false;
      case ModbusFault::Kind::kSlow:
        connection.late = std::move(frame);
        connection.late_at = absl::Now() + fault.delay;
        break;
      case ModbusFault::Kind::kGarbage:
        if (!Send(fd, Garbage(frame))) return false;
        break;
      case ModbusFault::Kind::kOtherUnit:
        frame[6] = static_cast<uint8_t>(frame[6] + 1);
        if (!Send(fd, frame)) return false;
        break;
      default:
        if (!Send(fd, frame)) return false;
    }
  }
  return true;
}

std::vector<uint8_t> ModbusSimulator::Garbage(const std::vector<uint8_t>& frame) {
  std::vector<uint8_t> bad = frame;
  switch (garbage_++ % 7) {
    case 0:  // the answer to another request
      bad[1] = static_cast<uint8_t>(bad[1] + 1);
      break;
    case 1:  // of another function
      bad[7] = static_cast<uint8_t>(bad[7] ^ 1);
      break;
    case 2:  // shorter than it says
      bad.resize(bad.size() - 1);
      break;
    case 3:  // a byte count that is too large
      if (bad.size() > 8) bad[8] = 0xff;
      break;
    case 4:  // more than was asked for
      bad.insert(bad.end(), 64, 0xa5);
      break;
    case 5:  // an exception code that doesn't exist
      bad.resize(9);
      bad[7] = static_cast<uint8_t>(bad[7] | 0x80);
      bad[8] = 0x7f;
      break;
    default:  // noise
      for (size_t i = 0; i < bad.size(); ++i) bad[i] = static_cast<uint8_t>(i * 151 + garbage_);
  }
  return bad;
}

}  // namespace fieldgate
