#include "services/process_data/subscription.h"

#include <algorithm>
#include <utility>

#include "services/process_data/paths.h"
#include "services/process_data/point_group.h"
#include "services/process_data/process_image.h"

namespace fieldgate::process_data {
namespace {

// proto PointOrigin.
constexpr char kUnknown = 0;
constexpr char kBus = 1;
constexpr char kOther = 2;

}  // namespace

void Batch::Clear() {
  has_dictionary = false;
  paths.clear();
  origins.clear();
  runs.clear();
  kinds.clear();
  states.clear();
  bits.clear();
  texts.clear();
}

Subscription::Subscription(ProcessImage& image, std::vector<std::string> paths, bool subtree)
    : image_(image),
      paths_(std::move(paths)),
      subtree_(subtree),
      wake_(image.threads_.MakeConditionVariable()) {}

Subscription::~Subscription() {
  std::lock_guard lock(image_.mutex_);
  Watch(false);
  image_.subscriptions_.erase(this);
  image_.followers_.erase(this);
}

void Subscription::Interrupt() {
  std::lock_guard lock(image_.mutex_);
  interrupted_ = true;
  wake_->NotifyOne();
}

void Subscription::Wake() {
  pending_ = true;
  wake_->NotifyOne();
}

bool Subscription::Next(absl::Duration timeout, Batch& batch) {
  batch.Clear();
  const MonotonicTime deadline = image_.threads_.clock().Now() + timeout;
  std::unique_lock lock(image_.mutex_);
  for (;;) {
    if (std::exchange(pending_, false)) {
      Collect(batch);
      if (!batch.empty()) return true;
    }
    if (std::exchange(interrupted_, false)) return false;
    if (!wake_->WaitUntil(lock, deadline) && !pending_) return false;
  }
}

void Subscription::Watch(bool on) {
  for (const Segment& segment : segments_) {
    if (segment.group == nullptr) continue;
    std::vector<Subscription*>& watchers = segment.group->watchers;
    const auto it = std::find(watchers.begin(), watchers.end(), this);
    if (on && it == watchers.end()) watchers.push_back(this);
    if (!on && it != watchers.end()) watchers.erase(it);
  }
}

void Subscription::Resolve() {
  Watch(false);
  segments_.clear();
  const std::vector<std::string> old_dictionary = std::move(dictionary_);
  const std::string old_origins = std::move(origins_);
  dictionary_.clear();
  origins_.clear();
  if (subtree_) {
    ResolveSubtrees();
  } else {
    ResolvePaths();
  }
  Watch(true);
  structure_ = image_.structure_;
  if (dictionary_ != old_dictionary || origins_ != old_origins) dictionary_sent_ = false;
}

void Subscription::AddPoint(const std::shared_ptr<PointGroup>& group, size_t slot) {
  const auto index = static_cast<uint32_t>(origins_.size());
  origins_ += group == nullptr ? kUnknown : group->is_bus_point(slot) ? kBus : kOther;
  if (!segments_.empty()) {
    Segment& last = segments_.back();
    if (last.group == group && (group == nullptr || last.slot + last.count == slot)) {
      ++last.count;
      return;
    }
  }
  segments_.push_back({group, slot, index, 1});
}

void Subscription::ResolvePaths() {
  for (const std::string& path : paths_) {
    const auto it = image_.index_.find(path);
    if (it == image_.index_.end()) {
      AddPoint(nullptr, 0);
    } else {
      AddPoint(it->second.group->shared_from_this(), it->second.slot);
    }
  }
}

void Subscription::ResolveSubtrees() {
  for (PointGroup* group : image_.InOrder()) {
    const std::shared_ptr<PointGroup> shared = group->shared_from_this();
    for (size_t i = 0; i < group->size(); ++i) {
      const std::string& path = group->paths[i];
      const bool wanted = std::any_of(paths_.begin(), paths_.end(), [&path](const auto& subtree) {
        return IsWithin(path, subtree);
      });
      if (!wanted) continue;
      dictionary_.push_back(path);
      AddPoint(shared, i);
    }
  }
}

void Subscription::Append(const Segment& segment, bool all, Batch& batch) {
  static const Slot& nothing = *new Slot;
  const PointGroup* group = segment.group.get();
  // The columns are as long as they can become, then cut: one check of their
  // capacity a segment, not four a point.
  size_t size = batch.bits.size();
  batch.kinds.resize(size + segment.count);
  batch.states.resize(size + segment.count);
  batch.bits.resize(size + segment.count);
  for (uint32_t i = 0; i < segment.count; ++i) {
    const Slot& slot = group == nullptr ? nothing : group->slots[segment.slot + i];
    if (!all && slot.version <= seen_) continue;
    const uint32_t index = segment.first + i;
    Batch::Run* run = batch.runs.empty() ? nullptr : &batch.runs.back();
    if (run != nullptr && run->first + run->count == index &&
        run->sampled_at_us == slot.sampled_at_us) {
      ++run->count;
    } else {
      batch.runs.push_back({index, 1, slot.sampled_at_us});
    }
    batch.kinds[size] = static_cast<char>(slot.kind);
    batch.states[size] = static_cast<char>(slot.state);
    if (slot.kind == ValueKind::kText) {
      batch.bits[size] = batch.texts.size();
      batch.texts.push_back(group->texts[segment.slot + i]);
    } else {
      batch.bits[size] = slot.bits;
    }
    ++size;
  }
  batch.kinds.resize(size);
  batch.states.resize(size);
  batch.bits.resize(size);
}

void Subscription::Collect(Batch& batch) {
  if (structure_ != image_.structure_) Resolve();
  const bool all = !dictionary_sent_;
  if (all) {
    batch.has_dictionary = true;
    batch.paths = subtree_ ? dictionary_ : paths_;
    batch.origins = origins_;
    dictionary_sent_ = true;
  }
  for (const Segment& segment : segments_) {
    const bool changed = segment.group != nullptr && segment.group->version > seen_;
    if (all || changed) Append(segment, all, batch);
  }
  seen_ = image_.version_;
}

}  // namespace fieldgate::process_data
