#include "tests/fault/mqtt_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "tests/fault/loopback.h"

namespace fieldgate::fault {
namespace {

// Nothing more is read for a peer that so much waits for.
constexpr size_t kMaxWaiting = 1 << 20;

void Prepare(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

uint16_t Word(absl::string_view bytes) {
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[0]) << 8 |
                               static_cast<uint8_t>(bytes[1]));
}

}  // namespace

std::optional<MqttPublish> ParsePublish(const MqttPacket& packet) {
  absl::string_view rest = packet.body;
  if (packet.type != MqttPacket::kPublish || rest.size() < 2) return std::nullopt;
  MqttPublish publish;
  publish.qos = packet.flags >> 1 & 3;
  const size_t topic = Word(rest);
  rest.remove_prefix(2);
  const size_t id = publish.qos > 0 ? 2 : 0;
  if (rest.size() < topic + id) return std::nullopt;
  publish.topic = rest.substr(0, topic);
  rest.remove_prefix(topic);
  if (id > 0) publish.packet_id = Word(rest);
  publish.payload = rest.substr(id);
  return publish;
}

uint16_t PacketId(const MqttPacket& packet) {
  return packet.body.size() < 2 ? 0 : Word(packet.body);
}

absl::StatusOr<std::unique_ptr<MqttProxy>> MqttProxy::Start(int broker_port, Observer observer) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener, 64) != 0 ||
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    close(listener);
    return absl::UnavailableError("the proxy can't listen");
  }
  return std::unique_ptr<MqttProxy>(new MqttProxy(listener, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                                  ntohs(address.sin_port), broker_port,
                                                  std::move(observer)));
}

MqttProxy::MqttProxy(int listener, int wake, int port, int broker_port, Observer observer)
    : listener_(listener),
      wake_(wake),
      port_(port),
      broker_port_(broker_port),
      observer_(std::move(observer)),
      thread_([this] { Run(); }) {}

MqttProxy::~MqttProxy() {
  stop_ = true;
  Wake();
  thread_.join();
  for (auto& [id, line] : lines_) Close(line, false);
  close(listener_);
  close(wake_);
}

void MqttProxy::Cut(bool reset) {
  cut_ = reset ? 2 : 1;
  Wake();
}

void MqttProxy::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
}

void MqttProxy::Run() {
  while (!stop_) {
    std::vector<pollfd> fds = {{listener_, POLLIN, 0}, {wake_, POLLIN, 0}};
    std::vector<uint64_t> ids;
    for (auto& [id, line] : lines_) {
      ids.push_back(id);
      const auto wanted = [](const Side& own, const Side& other) {
        return static_cast<int16_t>((other.out.size() < kMaxWaiting ? POLLIN : 0) |
                                    (own.out.empty() ? 0 : POLLOUT));
      };
      fds.push_back({line.client.fd, wanted(line.client, line.broker), 0});
      fds.push_back({line.broker.fd, wanted(line.broker, line.client), 0});
    }
    if (poll(fds.data(), fds.size(), -1) < 0) continue;
    uint64_t ignored;
    while (read(wake_, &ignored, sizeof ignored) > 0) {
    }
    if (const int cut = cut_.exchange(0); cut != 0) {
      for (auto& [id, line] : lines_) Close(line, cut == 2);
      lines_.clear();
      continue;
    }
    for (size_t i = 0; i < ids.size(); ++i) {
      Line& line = lines_.at(ids[i]);
      const int16_t client = fds[2 + 2 * i].revents;
      const int16_t broker = fds[3 + 2 * i].revents;
      bool open = true;
      // What a peer has sent before its end is still passed on.
      if (client != 0) open = Receive(ids[i], line, /*from_client=*/true) && open;
      if (broker != 0) open = Receive(ids[i], line, /*from_client=*/false) && open;
      const bool written = Flush(line.broker) && Flush(line.client);
      if (open && written) continue;
      Close(line, false);
      lines_.erase(ids[i]);
    }
    if (fds[0].revents != 0) Accept();
  }
}

void MqttProxy::Accept() {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  const int broker = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(broker_port_);
  if (connect(broker, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(client);
    close(broker);
    return;
  }
  Prepare(client);
  Prepare(broker);
  Line& line = lines_[++connections_];
  line.client.fd = client;
  line.broker.fd = broker;
}

bool MqttProxy::Receive(uint64_t id, Line& line, bool from_client) {
  Side& from = from_client ? line.client : line.broker;
  Side& to = from_client ? line.broker : line.client;
  char bytes[64 << 10];
  while (to.out.size() < kMaxWaiting) {
    const ssize_t size = recv(from.fd, bytes, sizeof bytes, 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    const absl::string_view read(bytes, static_cast<size_t>(size));
    if (observer_) Observe(id, from, from_client, read);
    to.out.append(read.data(), read.size());
  }
  return true;
}

bool MqttProxy::Flush(Side& side) {
  size_t done = 0;
  while (done < side.out.size()) {
    const ssize_t size =
        send(side.fd, side.out.data() + done, side.out.size() - done, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EAGAIN || errno == EINTR) break;
      return false;
    }
    done += static_cast<size_t>(size);
  }
  side.out.erase(0, done);
  return true;
}

void MqttProxy::Observe(uint64_t id, Side& from, bool from_client, absl::string_view bytes) {
  from.in.append(bytes.data(), bytes.size());
  absl::string_view rest = from.in;
  while (rest.size() >= 2) {
    size_t length = 0;
    size_t header = 1;
    bool complete = false;
    for (int shift = 0; header < rest.size() && shift < 28; shift += 7) {
      const uint8_t byte = static_cast<uint8_t>(rest[header++]);
      length |= static_cast<size_t>(byte & 0x7f) << shift;
      complete = (byte & 0x80) == 0;
      if (complete) break;
    }
    if (!complete || rest.size() < header + length) break;
    const uint8_t first = static_cast<uint8_t>(rest[0]);
    observer_({.connection = id,
               .from_client = from_client,
               .type = static_cast<uint8_t>(first >> 4),
               .flags = static_cast<uint8_t>(first & 0xf),
               .body = rest.substr(header, length)});
    rest.remove_prefix(header + length);
  }
  from.in.erase(0, from.in.size() - rest.size());
}

void MqttProxy::Close(Line& line, bool reset) {
  for (const Side* side : {&line.client, &line.broker}) {
    if (reset) {
      const linger now{.l_onoff = 1, .l_linger = 0};
      setsockopt(side->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    close(side->fd);
  }
}

}  // namespace fieldgate::fault
