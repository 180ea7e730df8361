#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// The door of a broker: sees every packet between it and the gateway, and can
// cut the line.
namespace fieldgate::fault {

// One packet of MQTT 3.1.1.
struct MqttPacket {
  enum Type : uint8_t { kConnect = 1, kPublish = 3, kPuback = 4, kPubrec = 5, kSubscribe = 8 };

  uint64_t connection = 0;  // 1, 2 ... in the order of their coming
  bool from_client = false;
  uint8_t type = 0;
  uint8_t flags = 0;       // the lower half of the first byte
  absl::string_view body;  // what follows the length
};

struct MqttPublish {
  absl::string_view topic;
  absl::string_view payload;
  int qos = 0;
  uint16_t packet_id = 0;  // QoS 0: none
};
// Nothing: it is none, or broken.
std::optional<MqttPublish> ParsePublish(const MqttPacket& packet);
// Of an acknowledgement; 0: broken.
uint16_t PacketId(const MqttPacket& packet);

// A TCP proxy on a port of the loopback in front of a broker, which may come
// and go. Thread-safe.
class MqttProxy {
 public:
  // Called on the proxy's thread with each packet before it is passed on.
  using Observer = std::function<void(const MqttPacket&)>;

  // Without an observer nothing is parsed, so TLS passes.
  // kUnavailable: can't listen.
  static absl::StatusOr<std::unique_ptr<MqttProxy>> Start(int broker_port, Observer observer);
  ~MqttProxy();

  int port() const { return port_; }

  // Closes all connections now, whatever is under way; with `reset` by a RST.
  void Cut(bool reset);

  // Since the start.
  uint64_t connections() const { return connections_; }

 private:
  struct Side {
    int fd = -1;
    std::string in;   // not a whole packet yet
    std::string out;  // not written yet
  };
  struct Line {
    Side client, broker;
  };

  MqttProxy(int listener, int wake, int port, int broker_port, Observer observer);

  void Run();
  void Accept();
  // False: the line is to be closed.
  bool Receive(uint64_t id, Line& line, bool from_client);
  static bool Flush(Side& side);
  void Observe(uint64_t id, Side& from, bool from_client, absl::string_view bytes);
  static void Close(Line& line, bool reset);
  void Wake();

  const int listener_;
  const int wake_;  // an eventfd
  const int port_;
  const int broker_port_;
  const Observer observer_;
  std::map<uint64_t, Line> lines_;  // the thread's
  std::atomic<uint64_t> connections_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<int> cut_ = 0;  // 1: cut, 2: reset
  std::thread thread_;
};

}  // namespace fieldgate::fault
