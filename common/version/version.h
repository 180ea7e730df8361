#pragma once

namespace fieldgate {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace fieldgate
