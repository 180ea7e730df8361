#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

// The compact binary form in which layouts and columns are stored.
namespace fieldgate::cloud_link::wire {

inline void PutVarint(uint64_t value, std::string& out) {
  char bytes[10];
  size_t size = 0;
  for (; value >= 0x80; value >>= 7) bytes[size++] = static_cast<char>(value | 0x80);
  bytes[size++] = static_cast<char>(value);
  out.append(bytes, size);
}

inline void PutBytes(absl::string_view bytes, std::string& out) {
  PutVarint(bytes.size(), out);
  out.append(bytes.data(), bytes.size());
}

// Small numbers of either sign become small numbers.
inline uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

// Reads what was put. After a fault everything reads as 0 and ok() is false.
class Reader {
 public:
  explicit Reader(absl::string_view bytes)
      : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && at_ == end_; }
  size_t Left() const { return static_cast<size_t>(end_ - at_); }
  size_t Offset() const { return static_cast<size_t>(at_ - begin_); }

  uint8_t Byte() {
    if (at_ == end_) return Fail();
    return static_cast<uint8_t>(*at_++);
  }
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const auto byte = static_cast<uint8_t>(*at_++);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return shift == 63 && byte > 1 ? Fail() : value;
    }
    return Fail();
  }
  // A number of things that take at least a byte each.
  size_t Count() {
    const uint64_t count = Varint();
    return count > Left() ? Fail() : static_cast<size_t>(count);
  }
  uint64_t Fixed64() {
    uint64_t value = 0;
    if (Left() < sizeof value) return Fail();
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  absl::string_view Bytes() {
    const size_t size = Count();
    const absl::string_view bytes(at_, size);
    at_ += size;
    return bytes;
  }

 private:
  uint8_t Fail() {
    ok_ = false;
    at_ = end_;
    return 0;
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace fieldgate::cloud_link::wire
