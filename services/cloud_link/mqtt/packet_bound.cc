#include "services/cloud_link/mqtt/packet_bound.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace fieldgate::cloud_link {
namespace {

constexpr int kPublish = 3;
constexpr int kMaxLengthBytes = 4;
// Thrown away at a time.
constexpr size_t kSkipAtATime = 16 << 10;

}  // namespace

ssize_t PacketBound::Read(Source source, char* buffer, size_t size) {
  if (!why_.empty()) return -1;
  for (;;) {
    if (ready_at_ < ready_end_) {
      const auto count = std::min(size, static_cast<size_t>(ready_end_ - ready_at_));
      std::copy_n(ready_ + ready_at_, count, buffer);
      ready_at_ += static_cast<int>(count);
      return static_cast<ssize_t>(count);
    }
    if (body_ > 0) {
      const ssize_t count = source(buffer, std::min(size, body_));
      if (count > 0) body_ -= static_cast<size_t>(count);
      return count;
    }
    if (skip_ > 0) {
      char rest[kSkipAtATime];
      const ssize_t count = source(rest, std::min(sizeof rest, skip_));
      if (count <= 0) return count;
      skip_ -= static_cast<size_t>(count);
      continue;
    }
    char byte = 0;
    const ssize_t count = source(&byte, 1);
    if (count <= 0) return count;
    if (!in_length_) {
      // Passed on with its length, which may still change.
      type_ = static_cast<uint8_t>(byte);
      in_length_ = true;
      length_bytes_ = 0;
      length_ = 0;
    } else if (!TakeLengthByte(static_cast<uint8_t>(byte))) {
      return -1;
    }
  }
}

// False: the packet is refused.
bool PacketBound::TakeLengthByte(uint8_t byte) {
  length_ |= static_cast<size_t>(byte & 0x7f) << (7 * length_bytes_);
  ++length_bytes_;
  if ((byte & 0x80) != 0) {
    if (length_bytes_ < kMaxLengthBytes) return true;
    why_ = "the broker sent what is no packet of MQTT: a length of more than 4 bytes";
    return false;
  }
  in_length_ = false;
  body_ = length_;
  if (length_ > kMaxPacket) {
    if (type_ >> 4 != kPublish) {
      why_ = absl::StrCat("the broker announced a packet of type ", type_ >> 4, " with ", length_,
                          " bytes; at most ", kMaxPacket, " are taken");
      return false;
    }
    body_ = kMaxPacket;
    skip_ = length_ - kMaxPacket;
  }
  ready_at_ = 0;
  ready_end_ = 0;
  ready_[ready_end_++] = type_;
  size_t left = body_;
  do {
    ready_[ready_end_++] = static_cast<uint8_t>((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>= 7;
  } while (left > 0);
  return true;
}

}  // namespace fieldgate::cloud_link
