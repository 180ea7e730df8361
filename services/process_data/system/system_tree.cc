#include "services/process_data/system/system_tree.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/system_tree/paths.h"
#include "services/process_data/paths.h"
#include "services/process_data/sample.h"
#include "services/process_data/value_tree.h"

namespace fieldgate::process_data {
namespace {

constexpr char kSystem[] = "/SYSTEM";

const tixml::v1::Node* Descend(const tixml::v1::Node& root, absl::string_view path) {
  const tixml::v1::Node* node = &root;
  while (absl::ConsumePrefix(&path, "/")) {
    const absl::string_view name = path.substr(0, path.find('/'));
    const tixml::v1::Node* next = nullptr;
    for (const tixml::v1::Node& child : node->children()) {
      if (child.name() == name) next = &child;
    }
    if (next == nullptr) return nullptr;
    node = next;
    path.remove_prefix(name.size());
  }
  return node;
}

}  // namespace

SystemTree::SystemTree(ProcessImage& image, const Clock& clock, SystemReader reader,
                       absl::Duration refresh_period)
    : image_(image), clock_(clock), refresh_period_(refresh_period), reader_(std::move(reader)) {
  Apply({});
  thread_ = std::thread([this] { Run(); });
}

SystemTree::~SystemTree() {
  {
    std::lock_guard lock(interests_mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void SystemTree::Configure(const config_store::v1::Device& device) {
  std::lock_guard lock(mutex_);
  configured_ = true;
  Apply(device);
}

void SystemTree::Apply(const config_store::v1::Device& device) {
  const bool same = !entries_.empty() && device.SerializeAsString() == device_.SerializeAsString();
  if (same) return;
  device_ = device;
  entries_ = SystemEntries(device_, values_);
  image_.ConfigureSystem(ImageValues(kFixed, /*all=*/true), clock_.WallNow());
}

std::vector<std::pair<std::string, Value>> SystemTree::ImageValues(Sources sources,
                                                                   bool all) const {
  std::vector<std::pair<std::string, Value>> values;
  for (const SystemEntry& entry : entries_) {
    if (entry.kind == SystemEntry::Kind::kBranch) continue;
    if (entry.kind == SystemEntry::Kind::kProcessBranch) continue;
    if (!all && (entry.sources & sources) == 0) continue;
    values.emplace_back(entry.path, entry.value.has_value() ? ExactValue(*entry.value) : Value());
  }
  return values;
}

void SystemTree::Refresh(Sources sources) {
  if (sources == kFixed) return;
  std::string modem;
  uint64_t question = 0;
  {
    std::lock_guard lock(mutex_);
    const auto it = device_.interfaces().find("MODEM");
    if (it != device_.interfaces().end()) modem = it->second;
    question = ++asked_;
  }
  // What takes long is waited for by those alone who want it.
  const SystemReader::Answers answers = reader_.Ask(sources, modem);
  std::lock_guard lock(mutex_);
  for (const Sources asked : {kLogCounters, kModemSource}) {
    if ((sources & asked) == 0) continue;
    uint64_t& last = answered_[asked];
    if (question < last) sources &= ~asked;
    last = std::max(last, question);
  }
  reader_.Read(sources, device_, answers, values_);
  entries_ = SystemEntries(device_, values_);
  image_.PutSystem(ImageValues(sources, /*all=*/false), clock_.WallNow());
}

absl::StatusOr<tixml::v1::Node> SystemTree::Get(absl::string_view path) {
  std::string normalized = NormalizePath(path);
  if (IsWithin(normalized, kSystem)) normalized.erase(0, sizeof kSystem - 1);
  std::vector<SystemEntry> entries;
  bool configured = false;
  {
    std::lock_guard lock(mutex_);
    entries = entries_;
    configured = configured_;
  }
  const Sources sources = SourcesAt(entries, normalized);
  if (sources != kFixed) {
    Refresh(sources);
    std::lock_guard lock(mutex_);
    entries = entries_;
  }
  if (IsWithin(normalized, kRoot)) return GetProcess(normalized, entries);

  std::vector<ProcessImage::Reading> process;
  if (normalized.empty()) {
    absl::StatusOr<std::vector<ProcessImage::Reading>> all = image_.Read(kRoot);
    if (!all.ok()) return all.status();
    process = *std::move(all);
  }
  const tixml::v1::Node system = BuildSystemTree(entries, process);
  if (const tixml::v1::Node* node = Descend(system, normalized)) return *node;
  // What is in no tree: aliases, and values of absent hardware.
  const absl::StatusOr<std::vector<ProcessImage::Reading>> readings = image_.Read(normalized);
  if (readings.ok()) return BuildTree(normalized, *readings);
  if (!configured && IsWithin(normalized, system_tree::kModules)) {
    return absl::UnavailableError(absl::StrCat("nothing has the path ", normalized,
                                               " yet, and device.json has not come; try again"));
  }
  return readings.status();
}

absl::StatusOr<tixml::v1::Node> SystemTree::GetProcess(
    const std::string& path, const std::vector<SystemEntry>& entries) const {
  const absl::StatusOr<std::vector<ProcessImage::Reading>> readings = image_.Read(path);
  if (readings.ok()) return BuildProcessTree(path, entries, *readings);
  const bool branch = std::any_of(entries.begin(), entries.end(), [&path](const auto& entry) {
    return entry.kind == SystemEntry::Kind::kProcessBranch && entry.path == path;
  });
  if (branch && absl::IsNotFound(readings.status())) return BuildProcessTree(path, entries, {});
  return readings.status();
}

std::unique_ptr<SystemTree::Interest> SystemTree::Subscribe(const std::vector<std::string>& paths,
                                                            bool subtree) {
  Sources sources = kFixed;
  {
    std::lock_guard lock(mutex_);
    std::set<std::string, std::less<>> branches;  // of /Process that are the device's own
    for (const SystemEntry& entry : entries_) branches.emplace(FirstLevel(entry.path));
    for (const std::string& path : paths) {
      const std::string normalized = NormalizePath(path);
      const bool own = branches.count(std::string(FirstLevel(normalized))) > 0;
      if (!own && IsWithin(normalized, kRoot) && normalized != kRoot) continue;  // most are
      if (subtree) {
        sources |= SourcesAt(entries_, normalized);
        continue;
      }
      for (const SystemEntry& entry : entries_) {
        if (entry.path == normalized) sources |= entry.sources;
      }
    }
  }
  if (sources == kFixed) return nullptr;
  Refresh(sources);
  std::unique_ptr<Interest> interest(new Interest);
  std::lock_guard lock(interests_mutex_);
  interest->tree_ = this;
  interest->place_ = interests_.insert(interests_.end(), sources);
  changed_.notify_all();
  return interest;
}

SystemTree::Interest::~Interest() {
  std::lock_guard lock(tree_->interests_mutex_);
  tree_->interests_.erase(place_);
}

void SystemTree::Run() {
  std::unique_lock lock(interests_mutex_);
  while (!stopping_) {
    // Who has just subscribed has read.
    if (interests_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto next = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(refresh_period_);
    if (changed_.wait_until(lock, next, [this] { return stopping_; })) break;
    Sources sources = kFixed;
    for (const Sources interest : interests_) sources |= interest;
    lock.unlock();
    Refresh(sources);
    lock.lock();
  }
}

}  // namespace fieldgate::process_data
