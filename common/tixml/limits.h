#pragma once

#include <cstddef>

namespace fieldgate::tixml {

// Limits on whatever comes from outside; beyond them a message is refused
// within 100 ms and nothing of it is used.
inline constexpr size_t kMaxBytes = 256 * 1024;
inline constexpr int kMaxDepth = 64;
inline constexpr int kMaxNodes = 20'000;
inline constexpr int kMaxAttributes = 64;  // of one element

}  // namespace fieldgate::tixml
