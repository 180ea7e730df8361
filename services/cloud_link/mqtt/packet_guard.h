#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"

namespace fieldgate::cloud_link {

// Stands between a socket and who reads packets of MQTT 3.1.1 from it, since
// Paho believes what a broker sends: it allocates whatever length is announced,
// and reads behind the end of packets that are too short for what they hold.
//
// - A PUBLISH over kMaxPacket is cut there, its length included, so that the
//   reader sees a whole one; the rest is read and thrown away.
// - What no broker may send ends the connection before the reader sees it: any
//   other packet over the bound, a type, flags or a length that MQTT does not
//   have, a topic longer than its packet, anything before the CONNACK, or a
//   second one.
//
// Pure; one object a connection. Thread-compatible.
class PacketGuard {
 public:
  // Room for the payload that is passed on (256 KiB) with any topic, of up to
  // 64 KiB, and little enough for a small device.
  static constexpr size_t kMaxPacket = size_t{1} << 20;

  // As recv and SSL_read: bytes read, 0 at the end, -1 when there is nothing now
  // or never again.
  using Source = absl::FunctionRef<ssize_t(char* buffer, size_t size)>;

  // Reads up to `size` (at least one) bytes. What `source` says when it has none
  // is returned as it is; -1 also when a packet is refused, with why() saying so.
  ssize_t Read(Source source, char* buffer, size_t size);

  // Why a packet was refused: for people; empty: none was.
  const std::string& why() const { return why_; }

 private:
  enum class Part { kType, kLength, kTopicLength, kRest };

  // These take a byte of the packet's head; false: it is refused.
  bool Take(uint8_t byte);
  bool TakeLength(uint8_t byte);
  bool Refuse(std::string why);
  // The head is whole: it is passed on.
  void Ready();

  Part part_ = Part::kType;
  bool connected_ = false;  // the CONNACK has come
  uint8_t type_ = 0;        // with its flags
  int length_bytes_ = 0;
  size_t length_ = 0;
  uint8_t topic_length_[2] = {};
  int topic_bytes_ = 0;
  uint8_t ready_[1 + 4 + 2] = {};  // what is read of the head, to be passed on
  int ready_at_ = 0;
  int ready_end_ = 0;
  size_t body_ = 0;  // behind that, still to be passed on
  size_t skip_ = 0;  // and then still to be thrown away
  std::string why_;
};

}  // namespace fieldgate::cloud_link
