#pragma once

#include <cstdint>

#include "services/cloud_link/outbox/outbox.h"

// Keys of the table `entry`.
namespace fieldgate::cloud_link {

// A key is connector (4 bits), lane (1 bit), sequence (57 bits). An EntryId is
// the sequence with the lane as its lowest bit: it grows with every Append of
// the connector, and says where the entry is.
inline constexpr int kSequenceBits = 57;
inline constexpr int64_t kLaneSize = int64_t{1} << kSequenceBits;
inline constexpr int64_t kMaxConnectors = 16;

inline int64_t FirstKey(int64_t connector, Lane lane) {
  return ((connector - 1) * 2 + static_cast<int64_t>(lane)) * kLaneSize;
}

}  // namespace fieldgate::cloud_link
