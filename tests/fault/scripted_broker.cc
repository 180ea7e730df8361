#include "tests/fault/scripted_broker.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/testing/process.h"
#include "tests/fault/loopback.h"
#include "tests/simulators/portal/messages.h"

namespace fieldgate::fault_test {
namespace {

// How often what is due later, and a new script, are looked for.
constexpr int kTickMs = 20;

std::string TwoBytes(size_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
}

size_t Number(const std::string& body, size_t at) {
  if (body.size() < at + 2) return 0;
  return static_cast<size_t>(static_cast<uint8_t>(body[at])) << 8 |
         static_cast<uint8_t>(body[at + 1]);
}

// Takes the first packet off `in`; false: it is not whole.
bool Take(std::string& in, Packet& packet) {
  size_t length = 0;
  size_t at = 1;
  for (int shift = 0;; shift += 7) {
    if (at >= in.size()) return false;
    const auto byte = static_cast<uint8_t>(in[at++]);
    length |= static_cast<size_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) break;
  }
  if (in.size() < at + length) return false;
  packet.first = static_cast<uint8_t>(in[0]);
  packet.body = in.substr(at, length);
  in.erase(0, at + length);
  return true;
}

}  // namespace

std::string Packet::topic() const { return body.substr(2, Number(body, 0)); }

std::string Packet::payload() const {
  return body.substr(std::min(body.size(), 2 + Number(body, 0) + (qos() > 0 ? 2 : 0)));
}

bool Packet::IsData() const { return type() == kPublish && absl::EndsWith(topic(), "/data"); }

std::string Packet::packet_id() const {
  return body.substr(type() == kPublish ? 2 + Number(body, 0) : 0, 2);
}

std::string Write(uint8_t first, absl::string_view body) {
  std::string out(1, static_cast<char>(first));
  size_t left = body.size();
  do {
    out.push_back(static_cast<char>((left & 0x7f) | (left > 0x7f ? 0x80 : 0)));
    left >>= 7;
  } while (left > 0);
  return absl::StrCat(out, body);
}

std::string Connack(uint8_t code, uint8_t flags) {
  return Write(0x20, std::string({static_cast<char>(flags), static_cast<char>(code)}));
}

std::string Publish(absl::string_view topic, absl::string_view payload, uint16_t packet_id,
                    bool retained) {
  return Write(static_cast<uint8_t>(0x30 | (packet_id > 0 ? 2 : 0) | (retained ? 1 : 0)),
               absl::StrCat(TwoBytes(topic.size()), topic, packet_id > 0 ? TwoBytes(packet_id) : "",
                            payload));
}

// --- A session ------------------------------------------------------------------

void ScriptedBroker::Session::Send(absl::string_view bytes, absl::Duration later) {
  if (later == absl::ZeroDuration()) {
    out_.append(bytes.data(), bytes.size());
  } else {
    later_.push_back({absl::Now() + later, std::string(bytes)});
  }
}

void ScriptedBroker::Session::HalfClose() { shutdown(fd_, SHUT_WR); }

void ScriptedBroker::Session::AnswerWell(const Packet& packet, absl::Duration later) {
  switch (packet.type()) {
    case kConnect:
      return Send(Connack(0), later);
    case kSubscribe: {
      std::string granted = packet.packet_id();
      for (size_t at = 2; at < packet.body.size(); at += 3 + Number(packet.body, at)) {
        granted.push_back('\1');
      }
      return Send(Write(0x90, granted), later);
    }
    case kPublish: {
      if (packet.qos() == 1) Send(Write(0x40, packet.packet_id()), later);
      if (packet.qos() == 2) Send(Write(0x50, packet.packet_id()), later);
      portal::Portal::Reaction reaction;
      {
        const std::lock_guard lock(broker_.mutex_);
        if (packet.IsData()) {
          const auto data = portal::ParseDataMessage(packet.payload());
          if (data.ok()) broker_.acknowledged_.insert(data->message_id);
        }
        reaction = broker_.portal_.OnMessage(packet.topic(), packet.payload(), absl::Now());
      }
      for (const portal::Portal::Reply& reply : reaction.replies) {
        Send(Publish(reply.topic, reply.body), later);
      }
      return;
    }
    case kPubrel:
      return Send(Write(0x70, packet.packet_id()), later);
    case kPingreq:
      return Send(Write(0xd0, ""), later);
    default:
      return;
  }
}

// --- The broker -----------------------------------------------------------------

ScriptedBroker::ScriptedBroker(Script script)
    : script_(std::move(script)), portal_(portal::PortalPolicy{}) {
  port_ = FreePort();
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = fault::Loopback(port_);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 16) != 0 || pipe2(wake_, O_CLOEXEC) != 0) {
    abort();
  }
  thread_ = std::thread([this] { Run(); });
}

ScriptedBroker::~ScriptedBroker() {
  close(wake_[1]);
  thread_.join();
  close(wake_[0]);
  for (const int fd : forwarded_) shutdown(fd, SHUT_RDWR);
  for (std::thread& forwarder : forwarders_) forwarder.join();
  close(listener_);
}

std::string ScriptedBroker::url() const { return absl::StrCat("tcp://127.0.0.1:", port_); }

void ScriptedBroker::BecomeGood(int port) {
  const std::lock_guard lock(mutex_);
  good_port_ = port;
}

std::vector<ScriptedBroker::Seen> ScriptedBroker::connections() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

int64_t ScriptedBroker::acknowledged_up_to() const {
  const std::lock_guard lock(mutex_);
  int64_t last = 0;
  while (acknowledged_.contains(last + 1)) ++last;
  return last;
}

portal::PortalStats ScriptedBroker::portal() const {
  const std::lock_guard lock(mutex_);
  return portal_.Snapshot();
}

int ScriptedBroker::received(int type) const {
  const std::lock_guard lock(mutex_);
  return received_[static_cast<size_t>(type)];
}

void ScriptedBroker::Run() {
  for (;;) {
    std::vector<pollfd> fds = {{wake_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    for (const auto& session : sessions_) {
      const bool reads = session->reading_ && !script_.deaf;
      const bool writes = session->sent_ < session->out_.size();
      fds.push_back(
          {session->fd_, static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), 0});
    }
    if (poll(fds.data(), fds.size(), kTickMs) < 0) continue;
    if (fds[0].revents != 0) break;
    int good_port = 0;
    {
      const std::lock_guard lock(mutex_);
      good_port = good_port_;
    }
    size_t next = 2;
    for (auto session = sessions_.begin(); session != sessions_.end();) {
      const short events = fds[next++].revents;
      Session& s = **session;
      const bool lost = (events & POLLERR) != 0 || ((events & POLLHUP) != 0 && script_.deaf);
      if (good_port == 0 && !lost && Serve(s, (events & POLLIN) != 0, absl::Now())) {
        ++session;
        continue;
      }
      close(s.fd_);
      {
        const std::lock_guard lock(mutex_);
        seen_[static_cast<size_t>(s.number_)].ended = absl::Now();
      }
      session = sessions_.erase(session);
    }
    if (fds[1].revents != 0) Accept();
  }
  for (const auto& session : sessions_) close(session->fd_);
}

void ScriptedBroker::Accept() {
  const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  int good_port = 0;
  int number = 0;
  {
    const std::lock_guard lock(mutex_);
    good_port = good_port_;
    number = static_cast<int>(seen_.size());
    if (good_port == 0) seen_.push_back({.accepted = absl::Now()});
  }
  if (good_port > 0) {
    forwarders_.emplace_back([this, fd, good_port] { Forward(fd, good_port); });
    return;
  }
  sessions_.push_back(std::unique_ptr<Session>(new Session(*this, fd, number)));
  if (script_.on_connection) script_.on_connection(*sessions_.back());
}

bool ScriptedBroker::Serve(Session& session, bool readable, absl::Time now) {
  if (readable) {
    char buffer[16 << 10];
    const ssize_t count = recv(session.fd_, buffer, sizeof buffer, 0);
    if (count <= 0) return false;
    session.in_.append(buffer, static_cast<size_t>(count));
    Packet packet;
    while (Take(session.in_, packet)) {
      {
        const std::lock_guard lock(mutex_);
        Seen& seen = seen_[static_cast<size_t>(session.number_)];
        ++seen.packets;
        ++received_[static_cast<size_t>(packet.type())];
        if (packet.IsData()) seen.first_data = std::min(seen.first_data, now);
      }
      if (!script_.on_packet || !script_.on_packet(session, packet)) session.AnswerWell(packet);
    }
  }
  while (!session.later_.empty() && session.later_.front().due <= now) {
    session.out_ += session.later_.front().bytes;
    session.later_.pop_front();
  }
  if (session.sent_ < session.out_.size()) {
    const ssize_t count = send(session.fd_, session.out_.data() + session.sent_,
                               session.out_.size() - session.sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) session.sent_ += static_cast<size_t>(count);
    if (count < 0 && errno != EAGAIN) return false;
  }
  if (session.sent_ < session.out_.size()) return true;
  session.out_.clear();
  session.sent_ = 0;
  return !session.cut_;
}

void ScriptedBroker::Forward(int fd, int port) {
  const int onward = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = fault::Loopback(port);
  fcntl(fd, F_SETFL, 0);
  if (connect(onward, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    {
      const std::lock_guard lock(mutex_);
      forwarded_.push_back(fd);
    }
    pollfd fds[2] = {{fd, POLLIN, 0}, {onward, POLLIN, 0}};
    bool open = true;
    while (open && poll(fds, 2, -1) > 0) {
      for (int from = 0; from < 2 && open; ++from) {
        if (fds[from].revents == 0) continue;
        char buffer[16 << 10];
        const ssize_t count = recv(fds[from].fd, buffer, sizeof buffer, 0);
        open = count > 0 &&
               send(fds[1 - from].fd, buffer, static_cast<size_t>(count), MSG_NOSIGNAL) == count;
      }
    }
  }
  {
    const std::lock_guard lock(mutex_);
    std::erase(forwarded_, fd);
  }
  close(fd);
  close(onward);
}

}  // namespace fieldgate::fault_test
