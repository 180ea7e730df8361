#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"

namespace fieldgate::cloud_link {

// Bounds the packets that a broker sends, whatever length it announces. It
// stands between a socket and who reads packets of MQTT 3.1.1 from it: a PUBLISH
// over the bound is cut there, its length included, so that its reader sees a
// whole one; the rest is read and thrown away. Any other packet over the bound,
// and a length of more than four bytes, end the connection.
//
// Pure; one object a connection. Thread-compatible.
class PacketBound {
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
  bool TakeLengthByte(uint8_t byte);

  uint8_t type_ = 0;  // first byte of the packet whose length is being read
  bool in_length_ = false;
  int length_bytes_ = 0;
  size_t length_ = 0;
  size_t body_ = 0;        // of the packet under way, still to be passed on
  size_t skip_ = 0;        // behind that, still to be thrown away
  uint8_t ready_[5] = {};  // the header to pass on
  int ready_at_ = 0;
  int ready_end_ = 0;
  std::string why_;
};

}  // namespace fieldgate::cloud_link
