#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/simulators/portal/portal.h"

namespace fieldgate::fault_test {

// Packets of MQTT 3.1.1.
enum PacketType {
  kConnect = 1,
  kConnack = 2,
  kPublish = 3,
  kPuback = 4,
  kPubrec = 5,
  kPubrel = 6,
  kPubcomp = 7,
  kSubscribe = 8,
  kSuback = 9,
  kPingreq = 12,
  kPingresp = 13,
};

struct Packet {
  uint8_t first = 0;  // type and flags
  std::string body;

  int type() const { return first >> 4; }
  // Of a PUBLISH.
  int qos() const { return first >> 1 & 3; }
  std::string topic() const;
  std::string payload() const;
  bool IsData() const;
  // Two bytes: of a PUBLISH with QoS 1 or 2, a PUBREC, PUBREL, SUBSCRIBE.
  std::string packet_id() const;
};

// "\x30", length, body.
std::string Write(uint8_t first, absl::string_view body);
std::string Connack(uint8_t code, uint8_t flags = 0);
// QoS 1 with `packet_id`; with 0: QoS 0, unless `with_id_zero`.
std::string Publish(absl::string_view topic, absl::string_view payload, uint16_t packet_id = 0,
                    bool retained = false);

// A broker and portal of a test's own, which does what its script says, and
// else what a good one does. Thread-safe.
class ScriptedBroker {
 public:
  // One connection of a client. For the script, on the broker's thread.
  class Session {
   public:
    int number() const { return number_; }  // from 0, of all connections
    void Send(absl::string_view bytes, absl::Duration later = absl::ZeroDuration());
    // After what was sent.
    void Cut() { cut_ = true; }
    void HalfClose();
    void StopReading() { reading_ = false; }
    // What a good broker and portal would answer.
    void AnswerWell(const Packet& packet, absl::Duration later = absl::ZeroDuration());

   private:
    friend class ScriptedBroker;
    struct Later {
      absl::Time due;
      std::string bytes;
    };
    Session(ScriptedBroker& broker, int fd, int number)
        : broker_(broker), fd_(fd), number_(number) {}

    ScriptedBroker& broker_;
    const int fd_;
    const int number_;
    std::string in_;
    std::string out_;
    size_t sent_ = 0;  // of out_
    std::list<Later> later_;
    bool cut_ = false;
    bool reading_ = true;
  };

  struct Script {
    // False: a good broker's answer is given.
    std::function<bool(Session&, const Packet&)> on_packet = {};
    std::function<void(Session&)> on_connection = {};
    // What comes is no MQTT: nothing is read.
    bool deaf = false;
  };

  // What is known of a connection.
  struct Seen {
    absl::Time accepted;
    absl::Time first_data = absl::InfiniteFuture();
    absl::Time ended = absl::InfiniteFuture();  // by either side
    int packets = 0;
  };

  explicit ScriptedBroker(Script script);
  ~ScriptedBroker();

  int port() const { return port_; }
  std::string url() const;

  // From now on what connects here is connected to the broker at `port`; the
  // connections that are there end.
  void BecomeGood(int port);

  std::vector<Seen> connections() const;
  // Data messages from the first on that were acknowledged here, without a gap:
  // the id of the last, 0 if there is none.
  int64_t acknowledged_up_to() const;
  // What its portal was told.
  portal::PortalStats portal() const;
  // Packets of this type that clients sent.
  int received(int type) const;

 private:
  void Run();
  void Accept();
  // False: the session has ended.
  bool Serve(Session& session, bool readable, absl::Time now);
  void Forward(int fd, int port);

  const Script script_;
  int listener_ = -1;
  int wake_[2] = {-1, -1};  // a pipe: closed to end the thread
  int port_ = 0;

  mutable std::mutex mutex_;  // guards what follows, but for the thread's sessions
  std::vector<Seen> seen_;
  std::set<int64_t> acknowledged_;
  std::vector<int> received_ = std::vector<int>(16);
  portal::Portal portal_;
  int good_port_ = 0;
  std::vector<int> forwarded_;  // sockets, closed at the end

  std::list<std::unique_ptr<Session>> sessions_;  // the thread's
  std::vector<std::thread> forwarders_;           // the thread's
  std::thread thread_;
};

}  // namespace fieldgate::fault_test
