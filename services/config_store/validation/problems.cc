#include "services/config_store/validation/problems.h"

#include <algorithm>
#include <climits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fieldgate::config_store {
namespace {

v1::Problem Make(v1::Problem::Severity severity, const Place& place, std::string message,
                 std::string remedy) {
  v1::Problem problem;
  problem.set_severity(severity);
  problem.set_path(place.path);
  problem.set_line(place.line);
  problem.set_message(std::move(message));
  problem.set_remedy(std::move(remedy));
  return problem;
}

std::string Shortened(absl::string_view text) {
  constexpr size_t kLongest = 80;
  if (text.size() <= kLongest) return std::string(text);
  size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // whole UTF-8
  return absl::StrCat(text.substr(0, end), "...");
}

}  // namespace

Place Place::Child(const tixml::Node& child) const {
  return {absl::StrCat(path, "/", Shortened(child.name)), child.line};
}

Place Place::Attribute(absl::string_view name) const {
  return {absl::StrCat(path, "/@", Shortened(name)), line};
}

void Problems::List::Append(const List& other) {
  for (const v1::Problem& problem : other.kept) {
    if (static_cast<int>(kept.size()) < kMax) kept.push_back(problem);
  }
  count += other.count;
}

void Problems::Error(const Place& place, std::string message, std::string remedy) {
  if (errors_.count++ >= kMax) return;
  errors_.kept.push_back(Make(v1::Problem::ERROR, place, std::move(message), std::move(remedy)));
}

void Problems::Warning(const Place& place, std::string message, std::string remedy) {
  if (warnings_.count++ >= kMax) return;
  warnings_.kept.push_back(
      Make(v1::Problem::WARNING, place, std::move(message), std::move(remedy)));
}

void Problems::Append(const Problems& other) {
  errors_.Append(other.errors_);
  warnings_.Append(other.warnings_);
}

std::vector<v1::Problem> Problems::Sorted() const {
  std::vector<v1::Problem> all = errors_.kept;
  all.insert(all.end(), warnings_.kept.begin(), warnings_.kept.end());
  const auto line = [](const v1::Problem& problem) {
    return problem.line() > 0 ? problem.line() : INT_MAX;
  };
  std::stable_sort(all.begin(), all.end(),
                   [&](const v1::Problem& a, const v1::Problem& b) { return line(a) < line(b); });
  for (const List* list : {&errors_, &warnings_}) {
    const int more = list->count - static_cast<int>(list->kept.size());
    if (more == 0) continue;
    all.push_back(Make(list == &errors_ ? v1::Problem::ERROR : v1::Problem::WARNING, {},
                       absl::StrCat(more, " more are not listed"), "mend those above first"));
  }
  return all;
}

std::string Quote(absl::string_view value) { return absl::StrCat("'", Shortened(value), "'"); }

}  // namespace fieldgate::config_store
