#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

// Paths of the process image: "/Process/Bus1/Device1/DP1".
namespace fieldgate::process_data {

inline constexpr char kRoot[] = "/Process";
inline constexpr char kVariables[] = "/Process/PV";
inline constexpr char kProgramMode[] = "/Process/Program/Mode";
inline constexpr char kMainboard[] = "/Process/MB";
inline constexpr char kLogs[] = "/Process/Log";

// With a leading '/' and without trailing ones; "" stays "".
std::string NormalizePath(absl::string_view path);

// `path` is `subtree` or below it. Both normalized.
bool IsWithin(absl::string_view path, absl::string_view subtree);

// The path without its last level; "" for "/Process".
absl::string_view ParentPath(absl::string_view path);

// "/Process/Bus1/Device1" -> "Bus1"; "" when there is none.
absl::string_view FirstLevel(absl::string_view path);

// Below /Process, no level empty, at most 1,000 bytes.
bool IsValidPointPath(absl::string_view path);

}  // namespace fieldgate::process_data
