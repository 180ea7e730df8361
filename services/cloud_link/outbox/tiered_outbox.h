#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/time/clock.h"
#include "services/cloud_link/outbox/durable_outbox.h"
#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::cloud_link {

// A durable outbox with memory before it, so that data need not wear out the
// flash (CacheMode). Results, losses, layouts and counters are always on the
// disk. What is in memory is newer than all data on the disk, so that the order
// holds whatever moves.
//
// In kDurable it passes everything on. In the others:
// - Numbers are written ahead in blocks. After a kill those that may have been
//   taken are skipped, and recorded as a loss: at most the messages that were in
//   memory, and the rest of the block.
// - A position is durable once the entries before it are on the disk or gone;
//   so a log's records are read again after a kill rather than missed.
// - Losses of memory are written within a minute.
//
// While the disk takes no more, memory goes on being filled up to its bound; then
// Append is kUnavailable, as without memory. A disk that can't even be read fails
// each transaction.
class TieredOutbox : public Outbox {
 public:
  // Of SizeOf, in kDiskOnOutage. A kill loses no more.
  static constexpr int64_t kMaxMemoryBytes = 1 << 20;
  // Back to memory while at most so many entries are left on the disk: a window
  // of the pump, which is never empty as long as messages flow.
  static constexpr int64_t kNearlyDrained = 100;
  // Numbers are reserved about so often.
  static constexpr absl::Duration kReserveEvery = absl::Minutes(10);
  static constexpr int64_t kMinAhead = 10;
  static constexpr int64_t kMaxAhead = 1000;

  // In kDurable until SetLimits.
  explicit TieredOutbox(std::shared_ptr<DurableOutbox> disk);

  absl::Status Begin() override;
  absl::Status Commit() override;
  void Rollback() override;
  absl::StatusOr<int64_t> NextMessageId() override;
  int64_t PeekMessageId() const override { return disk_->PeekMessageId(); }
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
  // Of memory's, those that were not written yet have the numbers that they will
  // have.
  absl::StatusOr<std::vector<LossRecord>> Losses(int max_count = kMaxLossRecords) override;
  absl::Status MarkReported(int64_t number) override;
  OutboxStats Stats() const override;
  void SetLimits(const OutboxLimits& limits) override;
  MonotonicTime Settle(bool delivering, MonotonicTime now) override;
  absl::Status Close() override;

 private:
  struct WaitingPosition {
    EntryId after;  // durable once this one is on the disk or gone, and all before
    std::string name;
    int64_t position;
  };

  absl::Status NeedTransaction() const;
  // Passes a status of the disk on; an error has ended the transaction.
  absl::Status Checked(absl::Status status);
  bool ToMemory(int64_t size) const;
  bool MustSpill() const;
  // Entries are in memory, or the next ones will be.
  bool UsesMemory() const;
  absl::StatusOr<EntryId> AppendToMemory(const OutboxEntry& entry);
  // Takes an entry out of memory until the transaction is over.
  void Take(std::deque<StoredEntry>::iterator entry);
  // Moves the oldest entries to the disk, about so many bytes.
  absl::Status Spill(int64_t max_bytes);
  absl::Status SpillAll();
  // Those whose entries are on the disk or gone.
  absl::Status WritePositions();
  //
  // Before anything else may add to the disk's losses.
  absl::Status WriteLosses();
  void NoteLoss(const LossRecord& loss);
  NumberReserve Reserve();
  absl::Status Apply(absl::Status (TieredOutbox::*change)());

  const std::shared_ptr<DurableOutbox> disk_;
  OutboxLimits limits_;
  bool delivering_ = false;
  MonotonicTime now_;

  // What is in memory only.
  std::deque<StoredEntry> entries_;  // by id
  int64_t bytes_ = 0;                // of SizeOf
  std::deque<WaitingPosition> positions_;
  std::vector<LossRecord> losses_;
  bool extends_ = false;  // the first of them widens the disk's newest record
  MonotonicTime write_losses_at_ = MonotonicTime::Never();

  int64_t ahead_ = kMinAhead;
  MonotonicTime reserved_at_;
  MonotonicTime retry_at_;
  bool disk_failed_ = false;

  // Of the open transaction.
  bool open_ = false;
  std::vector<StoredEntry> taken_;
  std::optional<EntryId> first_new_;
  std::deque<WaitingPosition> positions_before_;
  std::vector<LossRecord> losses_before_;
  bool extends_before_ = false;
};

}  // namespace fieldgate::cloud_link
