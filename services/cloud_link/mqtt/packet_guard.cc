#include "services/cloud_link/mqtt/packet_guard.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fieldgate::cloud_link {
namespace {

enum Type {
  kConnack = 2,
  kPublish = 3,
  kPuback = 4,
  kPubrec = 5,
  kPubrel = 6,
  kPubcomp = 7,
  kSuback = 9,
  kUnsuback = 11,
  kPingresp = 13,
};
constexpr int kMaxLengthBytes = 4;
// Thrown away at a time.
constexpr size_t kSkipAtATime = 16 << 10;
constexpr char kNoMqtt[] = "the broker sent what is no packet of MQTT: ";

int QosOf(uint8_t type) { return type >> 1 & 3; }

// MQTT 3.1.1, 2.2 and 3: what a broker may send, with its flags.
bool MayCome(uint8_t type) {
  const int flags = type & 0xf;
  switch (type >> 4) {
    case kPublish:
      return QosOf(type) < 3;
    case kPubrel:
      return flags == 2;
    case kConnack:
    case kPuback:
    case kPubrec:
    case kPubcomp:
    case kSuback:
    case kUnsuback:
    case kPingresp:
      return flags == 0;
    default:
      return false;
  }
}

bool HasLength(uint8_t type, size_t length) {
  switch (type >> 4) {
    case kPublish:
      return length >= 2;
    case kSuback:
      return length >= 3;
    case kPingresp:
      return length == 0;
    default:
      return length == 2;
  }
}

}  // namespace

ssize_t PacketGuard::Read(Source source, char* buffer, size_t size) {
  if (!why_.empty()) return -1;
  for (;;) {
    if (ready_at_ < ready_end_) {
      const auto head = std::min(size, static_cast<size_t>(ready_end_ - ready_at_));
      std::copy_n(ready_ + ready_at_, head, buffer);
      ready_at_ += static_cast<int>(head);
      // And what is there of the body: a reader of TLS that got less than it asked
      // for waits for the socket, which OpenSSL may have emptied.
      const size_t room = std::min(size - head, body_);
      const ssize_t more = room == 0 ? 0 : source(buffer + head, room);
      if (more > 0) body_ -= static_cast<size_t>(more);
      return static_cast<ssize_t>(head) + std::max<ssize_t>(more, 0);
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
    if (part_ == Part::kRest) part_ = Part::kType;
    const ssize_t count = source(&byte, 1);
    if (count <= 0) return count;
    if (!Take(static_cast<uint8_t>(byte))) return -1;
  }
}

bool PacketGuard::Take(uint8_t byte) {
  switch (part_) {
    case Part::kType:
      type_ = byte;
      length_ = 0;
      length_bytes_ = 0;
      topic_bytes_ = 0;
      if (!MayCome(byte)) return Refuse(absl::StrCat(kNoMqtt, "it begins with ", byte));
      if (!connected_ && byte >> 4 != kConnack) {
        return Refuse(absl::StrCat(kNoMqtt, "type ", byte >> 4, " before the CONNACK"));
      }
      if (connected_ && byte >> 4 == kConnack) {
        return Refuse(absl::StrCat(kNoMqtt, "a second CONNACK"));
      }
      connected_ = true;
      part_ = Part::kLength;
      return true;
    case Part::kLength:
      return TakeLength(byte);
    case Part::kTopicLength: {
      topic_length_[topic_bytes_++] = byte;
      if (topic_bytes_ < 2) return true;
      const size_t topic = static_cast<size_t>(topic_length_[0]) << 8 | topic_length_[1];
      if (2 + topic + (QosOf(type_) > 0 ? 2 : 0) > length_) {
        return Refuse(
            absl::StrCat(kNoMqtt, "a topic of ", topic, " bytes in a PUBLISH of ", length_));
      }
      Ready();
      return true;
    }
    case Part::kRest:
      break;
  }
  return true;
}

bool PacketGuard::TakeLength(uint8_t byte) {
  length_ |= static_cast<size_t>(byte & 0x7f) << (7 * length_bytes_);
  ++length_bytes_;
  if ((byte & 0x80) != 0) {
    if (length_bytes_ < kMaxLengthBytes) return true;
    return Refuse(absl::StrCat(kNoMqtt, "a length of more than 4 bytes"));
  }
  const int type = type_ >> 4;
  if (!HasLength(type_, length_)) {
    return Refuse(absl::StrCat(kNoMqtt, "type ", type, " with ", length_, " bytes"));
  }
  if (type == kPublish) {
    part_ = Part::kTopicLength;
    return true;
  }
  if (length_ > kMaxPacket) {
    return Refuse(absl::StrCat("the broker announced a packet of type ", type, " with ", length_,
                               " bytes; at most ", kMaxPacket, " are taken"));
  }
  Ready();
  return true;
}

bool PacketGuard::Refuse(std::string why) {
  why_ = std::move(why);
  return false;
}

void PacketGuard::Ready() {
  const size_t passed = std::min(length_, kMaxPacket);
  ready_at_ = 0;
  ready_end_ = 0;
  ready_[ready_end_++] = type_;
  size_t left = passed;
  do {
    ready_[ready_end_++] = static_cast<uint8_t>((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>= 7;
  } while (left > 0);
  for (int i = 0; i < topic_bytes_; ++i) ready_[ready_end_++] = topic_length_[i];
  body_ = passed - static_cast<size_t>(topic_bytes_);
  skip_ = length_ - passed;
  part_ = Part::kRest;
}

}  // namespace fieldgate::cloud_link
