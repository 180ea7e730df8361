#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

// Numbers in SQLite's files. `at` may be anywhere: bytes behind the end are zero.
namespace fieldgate::sqlite {

inline uint8_t Byte(absl::string_view bytes, size_t at) {
  return at < bytes.size() ? static_cast<uint8_t>(bytes[at]) : uint8_t{0};
}

inline uint32_t Be16(absl::string_view bytes, size_t at) {
  return (uint32_t{Byte(bytes, at)} << 8) | Byte(bytes, at + 1);
}

inline uint32_t Be32(absl::string_view bytes, size_t at) {
  return (Be16(bytes, at) << 16) | Be16(bytes, at + 2);
}

inline uint64_t Be64(absl::string_view bytes, size_t at) {
  return (uint64_t{Be32(bytes, at)} << 32) | Be32(bytes, at + 4);
}

inline uint32_t Le32(absl::string_view bytes, size_t at) {
  return __builtin_bswap32(Be32(bytes, at));
}

// What SQLite allows.
inline bool IsPageSize(int64_t size) {
  return size >= 512 && size <= 65536 && (size & (size - 1)) == 0;
}

// A varint; returns how many bytes it takes, 0: it goes over the end.
inline size_t Varint(absl::string_view bytes, size_t at, uint64_t& value) {
  value = 0;
  for (size_t i = 0; i < 9; ++i) {
    if (at >= bytes.size() || at + i >= bytes.size()) return 0;
    const uint8_t byte = Byte(bytes, at + i);
    if (i == 8) {
      value = (value << 8) | byte;
      return 9;
    }
    value = (value << 7) | (byte & 0x7fu);
    if ((byte & 0x80u) == 0) return i + 1;
  }
  return 0;
}

}  // namespace fieldgate::sqlite
