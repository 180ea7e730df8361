#include "services/cloud_link/mqtt/topic.h"

#include <cstdint>

namespace fieldgate::cloud_link {
namespace {

constexpr size_t kMaxTopicBytes = 65'535;

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates.
bool IsUtf8(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const int more = byte < 0x80           ? 0
                     : (byte >> 5) == 0x06 ? 1
                     : (byte >> 4) == 0x0e ? 2
                     : (byte >> 3) == 0x1e ? 3
                                           : -1;
    if (more < 0 || i + static_cast<size_t>(more) >= text.size()) return false;
    uint32_t code = more == 0 ? byte : byte & (0x3fu >> more);
    for (int k = 1; k <= more; ++k) {
      const auto next = static_cast<uint8_t>(text[i + static_cast<size_t>(k)]);
      if ((next >> 6) != 0x02) return false;
      code = code << 6 | (next & 0x3fu);
    }
    constexpr uint32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
    if (code < kSmallest[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      return false;
    }
    i += static_cast<size_t>(more) + 1;
  }
  return true;
}

}  // namespace

absl::Status CheckTopicFilter(absl::string_view filter) {
  if (filter.empty()) return absl::InvalidArgumentError("topic is empty");
  if (filter.size() > kMaxTopicBytes) {
    return absl::InvalidArgumentError("topic is longer than 65,535 bytes");
  }
  if (filter.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError("NUL in topic");
  }
  if (!IsUtf8(filter)) return absl::InvalidArgumentError("topic is no valid UTF-8");
  return absl::OkStatus();
}

absl::Status CheckTopicName(absl::string_view topic) {
  if (topic.find_first_of("+#") != absl::string_view::npos) {
    return absl::InvalidArgumentError("wildcard in topic");
  }
  return CheckTopicFilter(topic);
}

}  // namespace fieldgate::cloud_link
