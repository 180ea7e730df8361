#include "services/cloud_link/payload/controller_name.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace fieldgate::cloud_link {
namespace {

std::vector<absl::string_view> Levels(absl::string_view path) {
  return absl::StrSplit(path, '/', absl::SkipEmpty());
}

}  // namespace

SensorAddress AddressOf(absl::string_view path) {
  const std::vector<absl::string_view> levels = Levels(path);
  if (levels.empty()) return {"Get", ""};
  if (levels.size() == 1) return {"Get", std::string(levels[0])};
  return {absl::StrJoin(levels.begin(), levels.end() - 1, "_"), std::string(levels.back())};
}

SensorAddress GpsAddressOf(absl::string_view path) {
  const std::vector<absl::string_view> levels = Levels(path);
  if (levels.size() < 2) return AddressOf(path);
  return {std::string(levels.front()), std::string(levels.back())};
}

std::string NormalPath(absl::string_view path) {
  std::string out;
  for (absl::string_view level : Levels(path)) absl::StrAppend(&out, "/", level);
  return out;
}

}  // namespace fieldgate::cloud_link
