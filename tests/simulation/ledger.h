#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/cloud_link/outbox/outbox.h"
#include "tests/simulation/forwarding_outbox.h"
#include "tests/simulation/trace.h"

namespace fieldgate::simulation {

// What one connector has promised and what has come of it, seen from both ends:
// its outbox and the portal. Each call checks what can be checked at that
// moment. Thread-compatible.
class Ledger {
 public:
  Ledger(std::string connector, Trace& trace) : connector_(std::move(connector)), trace_(trace) {}

  // With QoS 0 what was handed to a connection may be lost with it.
  void AllowLossOnTheWay() { may_lose_on_the_way_ = true; }

  // --- The outbox ---
  struct Change {
    std::vector<cloud_link::StoredEntry> added;
    std::vector<cloud_link::EntryId> removed;
    std::vector<cloud_link::EntryId> discarded;
  };
  // A process has opened it.
  void OnOpened(cloud_link::Outbox& outbox);
  void OnCommitted(const Change& change, cloud_link::Outbox& outbox);
  void SetLimit(int64_t bytes) { limit_ = bytes; }
  // Not known whether it will be there after a restart.
  void OnFailed(const Change& change);

  // --- The portal ---
  void OnData(int64_t message_id, const std::string& body);
  void OnResult(const std::string& topic, const std::string& body);

  // --- The end ---
  // All that was accepted has arrived, or is named as lost.
  bool AllArrived() const;
  // Says what of it has not.
  void CheckAllArrived();

  int64_t accepted() const { return last_committed_; }
  int64_t repeated() const { return repeated_; }
  int64_t lost() const { return static_cast<int64_t>(lost_.size()); }
  int64_t dropped() const { return dropped_; }

 private:
  struct Entry {
    int64_t message_id = 0;  // 0: a result
    std::string result;
    int64_t size = 0;
    bool data = false;
  };

  void Note(absl::string_view what, const Change& change);
  void NoteLosses(cloud_link::Outbox& outbox);
  bool IsAccountedFor(int64_t message_id) const;
  void CheckRemoval(cloud_link::EntryId id, const Entry& entry);
  bool HasArrived(const Entry& entry) const;
  static std::string KeyOf(const std::string& topic, const std::string& body) {
    return topic + "\n" + body;
  }

  const std::string connector_;
  Trace& trace_;
  bool may_lose_on_the_way_ = false;

  std::map<cloud_link::EntryId, Entry> entries_;  // on the disk, not removed
  // Of the last commit, if it failed.
  std::set<cloud_link::EntryId> perhaps_added_;
  std::set<cloud_link::EntryId> perhaps_removed_;
  int64_t last_committed_ = 0;
  int64_t limit_ = int64_t{1} << 40;
  int64_t dropped_ = 0;
  std::set<int64_t> lost_;    // named by loss records
  std::set<int64_t> handed_;  // removed after QoS 0, without having arrived

  std::map<int64_t, size_t> bodies_;  // hash by message_id
  int64_t last_arrived_ = 0;
  std::set<std::string> results_;
  int64_t repeated_ = 0;
};

// The outbox of a connector, which tells its ledger.
class RecordingOutbox : public ForwardingOutbox {
 public:
  RecordingOutbox(std::unique_ptr<cloud_link::Outbox> outbox, Ledger& ledger, int64_t shrink);

  absl::Status Begin() override;
  absl::Status Commit() override;
  void Rollback() override;
  absl::StatusOr<cloud_link::EntryId> Append(const cloud_link::OutboxEntry& entry) override;
  absl::Status Remove(const std::vector<cloud_link::EntryId>& ids) override;
  absl::Status Discard(cloud_link::EntryId id, absl::string_view reason) override;
  void SetLimits(const cloud_link::OutboxLimits& limits) override;

 private:
  Ledger& ledger_;
  const int64_t shrink_;  // the limit is so many times smaller
  Ledger::Change change_;
};

}  // namespace fieldgate::simulation
