#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::cloud_link {

// Data messages that are due, until they are in the outbox: usually for a moment,
// but when the disk is full or fails they wait here in memory, each with the
// time of its own sampling. They get their message_id when they are stored.
// Pure; thread-compatible.
class UnstoredData {
 public:
  // What may wait when storing has failed, by SizeOf; one message may always.
  static constexpr int64_t kMaxBytes = 1 << 20;

  struct Item {
    OutboxEntry entry;
    // The serialized layout of its columns, if it is not the connector's of now.
    std::shared_ptr<const std::string> layout;
  };

  void Push(OutboxEntry entry);
  // The connector's layout changes: what waits keeps the one of before.
  void KeepLayout(const std::string& layout);

  // Storing failed: what is over kMaxBytes goes as the policy says, into a loss.
  void Trim(FullPolicy policy);

  // Oldest first.
  const std::deque<Item>& items() const { return items_; }
  // What Trim took, to be recorded before them.
  const std::vector<LossRecord>& losses() const { return losses_; }
  bool empty() const { return items_.empty() && losses_.empty(); }
  // Messages, with what Trim took.
  int64_t count() const;
  // All of it, with its losses, is in the outbox.
  void Clear();

 private:
  void Lose(const OutboxEntry& entry, FullPolicy policy);

  std::deque<Item> items_;
  int64_t bytes_ = 0;
  std::vector<LossRecord> losses_;  // one a change of the policy
};

}  // namespace fieldgate::cloud_link
