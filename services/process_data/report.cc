#include "services/process_data/report.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "services/process_data/paths.h"
#include "services/process_data/process_image.h"

namespace fieldgate::process_data {

bool EraseIf(PointGroup& group, const std::function<bool(const std::string&)>& condition) {
  size_t kept = 0;
  for (size_t i = 0; i < group.size(); ++i) {
    if (condition(group.paths[i])) continue;
    if (kept != i) {
      group.paths[kept] = std::move(group.paths[i]);
      group.definitions[kept] = group.definitions[i];
      group.slots[kept] = group.slots[i];
      group.texts[kept] = std::move(group.texts[i]);
    }
    ++kept;
  }
  const bool some = kept < group.size();
  group.paths.resize(kept);
  group.definitions.resize(kept);
  group.slots.resize(kept);
  group.texts.resize(kept);
  return some;
}

Report::Report(ProcessImage& image, std::shared_ptr<PointGroup> group)
    : image_(image), group_(std::move(group)) {}

Report::~Report() {
  std::lock_guard lock(image_.mutex_);
  const auto it = std::find(image_.reports_.begin(), image_.reports_.end(), group_);
  if (it != image_.reports_.end()) image_.reports_.erase(it);
  if (group_->size() > 0) image_.Structure();
}

absl::Status Report::Update(const std::vector<std::string>& remove,
                            const std::vector<std::pair<std::string, std::string>>& values,
                            absl::Time now) {
  std::lock_guard lock(image_.mutex_);
  std::vector<std::string> removed;
  for (const std::string& path : remove) removed.push_back(NormalizePath(path));
  const auto is_removed = [&removed](const std::string& path) {
    return std::any_of(removed.begin(), removed.end(),
                       [&path](const std::string& subtree) { return IsWithin(path, subtree); });
  };

  // Of a path that is named twice the last text counts, in the first one's place.
  std::map<std::string, std::string> texts;
  std::vector<std::string> order;
  std::vector<std::string> fresh;
  for (const auto& [name, text] : values) {
    std::string path = NormalizePath(name);
    if (!IsValidPointPath(path)) {
      return absl::InvalidArgumentError(absl::StrCat("'", name, "' is no path below ", kRoot));
    }
    if (image_.IsOwned(path)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, " belongs to a bus, the process variables or the program"));
    }
    if (texts.insert_or_assign(path, text).second) order.push_back(path);
  }
  for (const std::string& path : order) {
    const auto it = image_.index_.find(path);
    const bool own = it != image_.index_.end() && it->second.group == group_.get();
    if (!own || is_removed(path)) fresh.push_back(path);
  }
  const auto kept = static_cast<size_t>(
      std::count_if(group_->paths.begin(), group_->paths.end(),
                    [&is_removed](const std::string& path) { return !is_removed(path); }));
  if (kept + fresh.size() > kMaxValues) {
    return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxValues, " values"));
  }

  ++image_.version_;
  bool changed = EraseIf(*group_, is_removed);
  for (const auto& other : image_.reports_) {
    if (other == group_ || fresh.empty()) continue;
    changed |= EraseIf(*other, [&texts](const std::string& path) { return texts.count(path) > 0; });
  }
  for (std::string& path : fresh) {
    group_->Add(std::move(path), 0, Slot(), "");
    changed = true;
  }
  if (changed) image_.Structure();
  for (const std::string& path : order) {
    std::string text;
    const Sample sample = FromValue(ExactValue(texts[path]), text);
    image_.Write(*group_, image_.index_.at(path).slot, sample, kStateNone, text,
                 absl::ToUnixMicros(now));
  }
  image_.Wake(*group_);
  return absl::OkStatus();
}

}  // namespace fieldgate::process_data
