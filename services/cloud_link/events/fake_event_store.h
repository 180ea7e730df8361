#pragma once

#include "services/cloud_link/events/event_store.h"

namespace fieldgate::cloud_link {

// A store in memory; the object is the disk.
class FakeEventStore : public EventStore {
 public:
  // From now on every call fails with `status`; OK heals it.
  void FailWith(absl::Status status) { failure_ = std::move(status); }
  // As it was before the last `count` Apply that did something: what a crash
  // at that point would have left.
  void Rewind(int count);

  absl::StatusOr<Content> Load() override;
  absl::Status Apply(const Change& change) override;

  int writes() const { return static_cast<int>(history_.size()); }
  const Content& content() const { return content_; }

 private:
  absl::Status failure_;
  Content content_;
  std::vector<Content> history_;  // before each Apply
};

}  // namespace fieldgate::cloud_link
