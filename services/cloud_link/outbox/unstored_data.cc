#include "services/cloud_link/outbox/unstored_data.h"

#include <utility>

#include "services/cloud_link/outbox/loss_log.h"

namespace fieldgate::cloud_link {

void UnstoredData::Push(OutboxEntry entry) {
  bytes_ += SizeOf(entry);
  items_.push_back({std::move(entry), nullptr});
}

void UnstoredData::KeepLayout(const std::string& layout) {
  const auto kept = std::make_shared<const std::string>(layout);
  for (Item& item : items_) {
    if (item.layout == nullptr) item.layout = kept;
  }
}

void UnstoredData::Trim(FullPolicy policy) {
  while (bytes_ > kMaxBytes && items_.size() > 1) {
    const bool oldest = policy == FullPolicy::kDropOldest;
    const Item& item = oldest ? items_.front() : items_.back();
    Lose(item.entry, policy);
    bytes_ -= SizeOf(item.entry);
    oldest ? items_.pop_front() : items_.pop_back();
  }
}

void UnstoredData::Lose(const OutboxEntry& entry, FullPolicy policy) {
  const LossRecord loss = LossOf(0, entry.timestamp,
                                 policy == FullPolicy::kDropOldest ? "disk failed: oldest dropped"
                                                                   : "disk failed: newest dropped");
  if (losses_.empty() || !Extend(losses_.back(), loss)) losses_.push_back(loss);
}

int64_t UnstoredData::count() const {
  int64_t count = static_cast<int64_t>(items_.size());
  for (const LossRecord& loss : losses_) count += loss.count;
  return count;
}

void UnstoredData::Clear() {
  items_.clear();
  losses_.clear();
  bytes_ = 0;
}

}  // namespace fieldgate::cloud_link
