#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/cloud_link/outbox/durable_outbox.h"

namespace fieldgate::cloud_link {

// An outbox in memory that behaves like SqliteOutbox. The object is the disk:
// a test "restarts" by destroying what uses it, after Crash. Thread-compatible.
class FakeOutbox : public DurableOutbox {
 public:
  explicit FakeOutbox(const OutboxLimits& limits = {}) : limits_(limits) {}

  // From now on every call that would touch the disk fails with `status`; OK
  // heals it.
  void FailWith(absl::Status status) { failure_ = std::move(status); }
  // From now on GetLayout fails with `status`; OK heals it.
  void FailLayoutsWith(absl::Status status) { layout_failure_ = std::move(status); }
  // The next Commit fails once, with kUnavailable.
  void FailNextCommit() { fail_commit_ = true; }
  // The process died: what was not committed is gone, and it goes on with the
  // numbers that were written ahead.
  void Crash();
  // Commits so far that wrote something.
  int writes() const { return writes_; }
  // For fakes of what shares the transaction: undoes what they just did, unless
  // it is committed.
  void OnRollback(std::function<void()> undo) { undo_.push_back(std::move(undo)); }

  absl::Status Begin() override;
  absl::Status Commit() override;
  void Rollback() override;
  absl::StatusOr<int64_t> NextMessageId() override;
  int64_t PeekMessageId() const override { return ledger_.next_message_id; }
  absl::StatusOr<int64_t> NextCounter(absl::string_view name) override;
  absl::StatusOr<int64_t> PutLayout(absl::string_view bytes) override;
  absl::StatusOr<std::string> GetLayout(int64_t layout) override;
  absl::StatusOr<EntryId> Append(const OutboxEntry& entry) override;
  absl::Status Remove(const std::vector<EntryId>& ids) override;
  absl::Status Discard(EntryId id, absl::string_view reason) override;
  absl::StatusOr<std::vector<StoredEntry>> Read(Lane lane, EntryId after, int max_count,
                                                int64_t max_bytes) override;
  absl::Status RecordLoss(const LossRecord& loss) override;
  std::optional<int64_t> Position(absl::string_view name) const override;
  absl::Status SetPosition(absl::string_view name, int64_t position) override;
  absl::StatusOr<int> DropOlder(int64_t born) override;
  absl::StatusOr<std::vector<LossRecord>> Losses(int max_count = kMaxLossRecords) override;
  absl::Status MarkReported(int64_t number) override;
  OutboxStats Stats() const override;
  void SetLimits(const OutboxLimits& limits) override { limits_ = limits; }
  absl::StatusOr<EntryId> NextEntryId(Lane lane) override;
  absl::Status AppendAs(EntryId id, const OutboxEntry& entry) override;
  void SetReserve(const NumberReserve& reserve) override { reserve_ = reserve; }
  bool ReserveUsedUp() const override {
    return ledger_.next_message_id > stored_.next_message_id ||
           ledger_.next_sequence > stored_.next_sequence;
  }
  const StoredNumbers& stored_numbers() const override { return stored_; }

  // What it holds, for a test to look at; results first, then data.
  std::vector<StoredEntry> Entries() const;

 private:
  struct Ledger {
    int64_t next_message_id = 1;
    int64_t next_sequence = 1;
    int64_t lane_bytes[2] = {0, 0};
    int64_t dropped = 0;
    std::vector<LossRecord> losses;
    int64_t newest_loss = 0;
    int64_t reported_loss = 0;
    std::map<std::string, int64_t, std::less<>> positions;
  };
  using Entries_ = std::map<EntryId, OutboxEntry>;

  absl::Status Writable();
  void RemoveEntry(Entries_& lane, Entries_::iterator entry);
  void NoteLoss(const LossRecord& loss);

  OutboxLimits limits_;
  absl::Status failure_;
  absl::Status layout_failure_;
  bool fail_commit_ = false;

  bool in_transaction_ = false;
  Ledger ledger_;
  Ledger before_;  // at Begin
  StoredNumbers stored_;
  NumberReserve reserve_;
  bool changed_ = false;  // in this transaction, beside the numbers
  int writes_ = 0;
  std::vector<std::function<void()>> undo_;  // newest last
  Entries_ lanes_[2];
  std::map<std::string, int64_t> counters_;
  std::map<int64_t, std::string> layouts_;
  int64_t last_layout_ = 0;
};

}  // namespace fieldgate::cloud_link
