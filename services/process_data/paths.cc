#include "services/process_data/paths.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace fieldgate::process_data {
namespace {

constexpr size_t kMaxPathBytes = 1000;

}  // namespace

std::string NormalizePath(absl::string_view path) {
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  if (path.empty()) return "";
  return path.front() == '/' ? std::string(path) : absl::StrCat("/", path);
}

bool IsWithin(absl::string_view path, absl::string_view subtree) {
  return absl::StartsWith(path, subtree) &&
         (path.size() == subtree.size() || path[subtree.size()] == '/');
}

absl::string_view ParentPath(absl::string_view path) { return path.substr(0, path.rfind('/')); }

absl::string_view FirstLevel(absl::string_view path) {
  if (path == kRoot || !IsWithin(path, kRoot)) return "";
  path.remove_prefix(sizeof kRoot);  // with the '/', for the '\0' counts as one
  return path.substr(0, path.find('/'));
}

bool IsValidPointPath(absl::string_view path) {
  return path.size() <= kMaxPathBytes && path != kRoot && IsWithin(path, kRoot) &&
         path.back() != '/' && !absl::StrContains(path, "//");
}

}  // namespace fieldgate::process_data
