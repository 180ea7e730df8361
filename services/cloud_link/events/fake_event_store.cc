#include "services/cloud_link/events/fake_event_store.h"

#include <algorithm>

namespace fieldgate::cloud_link {

void FakeEventStore::Rewind(int count) {
  for (; count > 0; --count) {
    content_ = std::move(history_.back());
    history_.pop_back();
  }
}

absl::StatusOr<EventStore::Content> FakeEventStore::Load() {
  if (!failure_.ok()) return failure_;
  return content_;
}

absl::Status FakeEventStore::Apply(const Change& change) {
  if (!failure_.ok()) return failure_;
  if (change.empty()) return absl::OkStatus();
  history_.push_back(content_);
  for (const auto& [name, memory] : change.remember) content_.memories[name] = memory;
  for (const std::string& name : change.forget) content_.memories.erase(name);
  content_.pending.insert(content_.pending.end(), change.add.begin(), change.add.end());
  std::erase_if(content_.pending, [&change](const PendingHandler& pending) {
    return std::find(change.remove.begin(), change.remove.end(), pending.number) !=
           change.remove.end();
  });
  return absl::OkStatus();
}

}  // namespace fieldgate::cloud_link
