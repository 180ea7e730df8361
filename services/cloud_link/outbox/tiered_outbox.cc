#include "services/cloud_link/outbox/tiered_outbox.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/status.h"
#include "services/cloud_link/outbox/loss_log.h"

namespace fieldgate::cloud_link {
namespace {

// What memory has lost is written together.
constexpr absl::Duration kWriteLossesWithin = absl::Minutes(1);
// Losses that don't follow each other; more are written at once.
constexpr size_t kMaxWaitingLosses = 16;
// Of one name.
constexpr int kMaxWaitingPositions = 8;
constexpr absl::Duration kRetryAfter = absl::Seconds(1);
// Entries that go to the disk in one transaction, when memory holds more.
constexpr int64_t kSpillBytes = TieredOutbox::kMaxMemoryBytes;

bool IdBefore(const StoredEntry& stored, EntryId id) { return stored.id < id; }

}  // namespace

TieredOutbox::TieredOutbox(std::shared_ptr<DurableOutbox> disk) : disk_(std::move(disk)) {
  const StoredNumbers& found = disk_->stored_numbers();
  if (found.unsure_from == 0 || found.unsure_from >= found.next_message_id) return;
  // The process before was killed. Settle writes it, since the disk may be full now.
  NoteLoss({found.unsure_from, found.next_message_id - 1, 0, 0,
            found.next_message_id - found.unsure_from, std::string(kLostWithProcess)});
  write_losses_at_ = MonotonicTime();
}

absl::Status TieredOutbox::NeedTransaction() const {
  if (open_) return absl::OkStatus();
  return absl::FailedPreconditionError("outbox: no transaction is open");
}

absl::Status TieredOutbox::Checked(absl::Status status) {
  if (!status.ok() && !absl::IsResourceExhausted(status)) Rollback();
  return status;
}

absl::Status TieredOutbox::Begin() {
  if (absl::Status s = disk_->Begin(); !s.ok()) return s;
  open_ = true;
  positions_before_ = positions_;
  losses_before_ = losses_;
  extends_before_ = extends_;
  return absl::OkStatus();
}

absl::Status TieredOutbox::Commit() {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  if (absl::Status s = WritePositions(); !s.ok()) return s;
  // Those of a kill with whatever comes first, before the numbers that tell of it go.
  if (losses_.size() > kMaxWaitingLosses || now_ >= write_losses_at_ || !UsesMemory()) {
    if (absl::Status s = WriteLosses(); !s.ok()) return s;
  }
  const bool reserved = disk_->ReserveUsedUp();
  disk_->SetReserve(Reserve());
  if (absl::Status s = disk_->Commit(); !s.ok()) return Checked(s);
  open_ = false;
  taken_.clear();
  first_new_.reset();
  if (reserved) reserved_at_ = now_;
  return absl::OkStatus();
}

void TieredOutbox::Rollback() {
  disk_->Rollback();
  if (!std::exchange(open_, false)) return;
  if (first_new_) {
    while (!entries_.empty() && entries_.back().id >= *first_new_) {
      bytes_ -= SizeOf(entries_.back().entry);
      entries_.pop_back();
    }
  }
  for (StoredEntry& taken : taken_) {
    if (first_new_ && taken.id >= *first_new_) continue;
    bytes_ += SizeOf(taken.entry);
    entries_.insert(std::lower_bound(entries_.begin(), entries_.end(), taken.id, IdBefore),
                    std::move(taken));
  }
  taken_.clear();
  first_new_.reset();
  positions_ = std::move(positions_before_);
  losses_ = std::move(losses_before_);
  extends_ = extends_before_;
}

NumberReserve TieredOutbox::Reserve() {
  NumberReserve reserve;
  if (UsesMemory()) {
    if (disk_->ReserveUsedUp()) {
      const absl::Duration lasted = now_ - reserved_at_;
      if (lasted < kReserveEvery) ahead_ = std::min(ahead_ * 2, kMaxAhead);
      if (lasted > 2 * kReserveEvery) ahead_ = std::max(ahead_ / 2, kMinAhead);
    }
    reserve.ahead = ahead_;
  }
  if (!entries_.empty()) {
    reserve.oldest_entry = entries_.front().id;
    reserve.oldest_message_id = entries_.front().entry.message_id;
  }
  for (const LossRecord& loss : losses_) {
    if (loss.first_message_id == 0) continue;
    if (reserve.oldest_message_id == 0 || loss.first_message_id < reserve.oldest_message_id) {
      reserve.oldest_message_id = loss.first_message_id;
    }
  }
  return reserve;
}

absl::StatusOr<int64_t> TieredOutbox::NextMessageId() {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  absl::StatusOr<int64_t> id = disk_->NextMessageId();
  if (!id.ok()) return Checked(id.status());
  return id;
}

absl::StatusOr<int64_t> TieredOutbox::NextCounter(absl::string_view name) {
  absl::StatusOr<int64_t> value = disk_->NextCounter(name);
  if (!value.ok()) return Checked(value.status());
  return value;
}

absl::StatusOr<int64_t> TieredOutbox::PutLayout(absl::string_view bytes) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  disk_->SetReserve(Reserve());  // what entries in memory need is kept
  absl::StatusOr<int64_t> layout = disk_->PutLayout(bytes);
  if (!layout.ok()) return Checked(layout.status());
  return layout;
}

absl::StatusOr<std::string> TieredOutbox::GetLayout(int64_t layout) {
  return disk_->GetLayout(layout);
}

bool TieredOutbox::UsesMemory() const {
  // Also while the disk can't take what is there.
  if (!entries_.empty() || limits_.mode == CacheMode::kMemory) return true;
  return limits_.mode == CacheMode::kDiskOnOutage && delivering_ &&
         disk_->Stats().entries <= kNearlyDrained;
}

bool TieredOutbox::ToMemory(int64_t size) const {
  if (limits_.mode == CacheMode::kMemory) return true;
  return limits_.mode == CacheMode::kDiskOnOutage && UsesMemory() &&
         bytes_ + size <= kMaxMemoryBytes &&
         disk_->Stats().data_bytes + bytes_ + size <= limits_.max_bytes;
}

bool TieredOutbox::MustSpill() const {
  if (entries_.empty()) return false;
  return limits_.mode == CacheMode::kDurable ||
         (limits_.mode == CacheMode::kDiskOnOutage && (!delivering_ || bytes_ > kMaxMemoryBytes));
}

absl::StatusOr<EntryId> TieredOutbox::Append(const OutboxEntry& entry) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  if (entry.lane == Lane::kData) {
    if (ToMemory(SizeOf(entry))) return AppendToMemory(entry);
    // The older ones first.
    if (absl::Status s = SpillAll(); !s.ok()) return s;
  }
  if (absl::Status s = WriteLosses(); !s.ok()) return s;
  absl::StatusOr<EntryId> id = disk_->Append(entry);
  if (!id.ok()) return Checked(id.status());
  return id;
}

absl::StatusOr<EntryId> TieredOutbox::AppendToMemory(const OutboxEntry& entry) {
  const absl::string_view refused = RefusalOf(entry, bytes_, limits_);
  if (!refused.empty()) {
    NoteLoss(LossOf(entry.message_id, entry.timestamp, refused));
    return absl::ResourceExhaustedError(absl::StrCat("outbox: ", refused));
  }
  const int64_t size = SizeOf(entry);
  while (bytes_ + size > limits_.max_bytes) {
    const OutboxEntry& oldest = entries_.front().entry;
    NoteLoss(LossOf(oldest.message_id, oldest.timestamp, LostAsOldest(limits_)));
    Take(entries_.begin());
  }
  absl::StatusOr<EntryId> id = disk_->NextEntryId(entry.lane);
  if (!id.ok()) return Checked(id.status());
  if (!first_new_) first_new_ = *id;
  bytes_ += size;
  entries_.push_back({*id, entry});
  return id;
}

void TieredOutbox::Take(std::deque<StoredEntry>::iterator entry) {
  bytes_ -= SizeOf(entry->entry);
  taken_.push_back(std::move(*entry));
  entries_.erase(entry);
}

absl::Status TieredOutbox::Spill(int64_t max_bytes) {
  if (absl::Status s = WriteLosses(); !s.ok()) return s;
  int64_t moved = 0;
  while (!entries_.empty() && moved < max_bytes) {
    const StoredEntry& oldest = entries_.front();
    // Refused by its policy: the loss is recorded.
    const absl::Status s = disk_->AppendAs(oldest.id, oldest.entry);
    if (!s.ok() && !absl::IsResourceExhausted(s)) return Checked(s);
    moved += SizeOf(oldest.entry);
    Take(entries_.begin());
  }
  return absl::OkStatus();
}

absl::Status TieredOutbox::SpillAll() { return Spill(std::max(bytes_, int64_t{1})); }

absl::Status TieredOutbox::Remove(const std::vector<EntryId>& ids) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  std::vector<EntryId> others;
  for (const EntryId id : ids) {
    const auto found = std::lower_bound(entries_.begin(), entries_.end(), id, IdBefore);
    if (found != entries_.end() && found->id == id) {
      Take(found);
    } else {
      others.push_back(id);
    }
  }
  return others.empty() ? absl::OkStatus() : Checked(disk_->Remove(others));
}

absl::Status TieredOutbox::Discard(EntryId id, absl::string_view reason) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), id, IdBefore);
  if (found == entries_.end() || found->id != id) {
    if (absl::Status s = WriteLosses(); !s.ok()) return s;
    return Checked(disk_->Discard(id, reason));
  }
  const LossRecord loss = LossOf(found->entry.message_id, found->entry.timestamp, reason);
  Take(found);
  return RecordLoss(loss);
}

absl::StatusOr<std::vector<StoredEntry>> TieredOutbox::Read(Lane lane, EntryId after, int max_count,
                                                            int64_t max_bytes) {
  if (lane == Lane::kResult || disk_->Stats().data_bytes > 0) {
    absl::StatusOr<std::vector<StoredEntry>> stored =
        disk_->Read(lane, after, max_count, max_bytes);
    if (!stored.ok()) return Checked(stored.status());
    if (lane == Lane::kResult || !stored->empty()) return stored;
  }
  std::vector<StoredEntry> out;
  int64_t bytes = 0;
  for (auto entry = std::lower_bound(entries_.begin(), entries_.end(), after + 1, IdBefore);
       entry != entries_.end() && static_cast<int>(out.size()) < std::max(max_count, 1); ++entry) {
    bytes += SizeOf(entry->entry);
    if (!out.empty() && bytes > max_bytes) break;
    out.push_back(*entry);
  }
  return out;
}

absl::Status TieredOutbox::RecordLoss(const LossRecord& loss) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  if (absl::Status s = WriteLosses(); !s.ok()) return s;  // in their order
  return Checked(disk_->RecordLoss(loss));
}

void TieredOutbox::NoteLoss(const LossRecord& loss) {
  if (losses_.empty()) {
    write_losses_at_ = now_ + kWriteLossesWithin;
    absl::StatusOr<std::vector<LossRecord>> newest = disk_->Losses(1);
    extends_ = newest.ok() && !newest->empty() && Extend(newest->front(), loss);
  }
  if (losses_.empty() || !Extend(losses_.back(), loss)) losses_.push_back(loss);
}

absl::Status TieredOutbox::WriteLosses() {
  for (const LossRecord& loss : losses_) {
    if (absl::Status s = disk_->RecordLoss(loss); !s.ok()) return Checked(s);
  }
  losses_.clear();
  return absl::OkStatus();
}

std::optional<int64_t> TieredOutbox::Position(absl::string_view name) const {
  const auto waiting = std::find_if(positions_.rbegin(), positions_.rend(),
                                    [&](const WaitingPosition& p) { return p.name == name; });
  return waiting != positions_.rend() ? waiting->position : disk_->Position(name);
}

absl::Status TieredOutbox::SetPosition(absl::string_view name, int64_t position) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  if (entries_.empty() && positions_.empty()) return Checked(disk_->SetPosition(name, position));
  const EntryId after = entries_.empty() ? 0 : entries_.back().id;
  const auto same = [&](const WaitingPosition& waiting) { return waiting.name == name; };
  if (std::count_if(positions_.begin(), positions_.end(), same) >= kMaxWaitingPositions) {
    // The older ones are durable sooner: the newest one gives way.
    positions_.erase(std::next(std::find_if(positions_.rbegin(), positions_.rend(), same)).base());
  }
  positions_.push_back({after, std::string(name), position});
  return absl::OkStatus();
}

absl::Status TieredOutbox::WritePositions() {
  while (!positions_.empty() &&
         (entries_.empty() || positions_.front().after < entries_.front().id)) {
    const absl::Status s = disk_->SetPosition(positions_.front().name, positions_.front().position);
    if (!s.ok()) return Checked(s);
    positions_.pop_front();
  }
  return absl::OkStatus();
}

absl::StatusOr<int> TieredOutbox::DropOlder(int64_t born) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  int dropped = 0;
  if (disk_->Stats().data_bytes > 0) {
    if (absl::Status s = WriteLosses(); !s.ok()) return s;
    absl::StatusOr<int> stored = disk_->DropOlder(born);
    if (!stored.ok()) return Checked(stored.status());
    dropped = *stored;
    if (disk_->Stats().data_bytes > 0) return dropped;  // its rest is older than memory
  }
  while (!entries_.empty() && entries_.front().entry.born < born && dropped < kDropAtOnce) {
    const OutboxEntry& oldest = entries_.front().entry;
    NoteLoss(LossOf(oldest.message_id, oldest.timestamp, kLostAsTooOld));
    Take(entries_.begin());
    ++dropped;
  }
  return dropped;
}

absl::StatusOr<std::vector<LossRecord>> TieredOutbox::Losses(int max_count) {
  absl::StatusOr<std::vector<LossRecord>> losses = disk_->Losses(max_count);
  if (!losses.ok()) return Checked(losses.status());
  for (const LossRecord& loss : losses_) {
    if (!losses->empty() && Extend(losses->back(), loss)) continue;
    const int64_t number = losses->empty() ? 1 : losses->back().number + 1;
    losses->push_back(loss);
    losses->back().number = number;
  }
  const auto excess = static_cast<std::ptrdiff_t>(losses->size()) - std::max(max_count, 1);
  if (excess > 0) losses->erase(losses->begin(), losses->begin() + excess);
  return losses;
}

absl::Status TieredOutbox::MarkReported(int64_t number) {
  if (absl::Status s = NeedTransaction(); !s.ok()) return s;
  if (absl::Status s = WriteLosses(); !s.ok()) return s;  // so that they have their numbers
  return Checked(disk_->MarkReported(number));
}

OutboxStats TieredOutbox::Stats() const {
  OutboxStats stats = disk_->Stats();
  stats.entries += static_cast<int64_t>(entries_.size());
  stats.in_memory = static_cast<int64_t>(entries_.size());
  stats.bytes += bytes_;
  stats.data_bytes += bytes_;
  stats.data_limit = limits_.max_bytes;
  for (const LossRecord& loss : losses_) stats.dropped += loss.count;
  const int64_t records = static_cast<int64_t>(losses_.size()) - (extends_ && !losses_.empty());
  stats.newest_loss += records;
  stats.unreported_losses += records;
  return stats;
}

void TieredOutbox::SetLimits(const OutboxLimits& limits) {
  limits_ = limits;
  disk_->SetLimits(limits);
}

absl::Status TieredOutbox::Apply(absl::Status (TieredOutbox::*change)()) {
  absl::Status s = Begin();
  if (s.ok()) s = (this->*change)();
  if (s.ok()) s = Commit();
  if (!s.ok()) Rollback();
  return s;
}

MonotonicTime TieredOutbox::Settle(bool delivering, MonotonicTime now) {
  now_ = now;
  delivering_ = delivering;
  const bool write_losses = !losses_.empty() && now >= write_losses_at_;
  if (!MustSpill() && !write_losses)
    return losses_.empty() ? MonotonicTime::Never() : write_losses_at_;
  if (now < retry_at_) return retry_at_;
  absl::Status s;
  while (s.ok() && MustSpill()) {
    s = Begin();
    if (s.ok()) s = Spill(kSpillBytes);
    if (s.ok()) s = Commit();
  }
  if (s.ok() && write_losses) s = Apply(&TieredOutbox::WriteLosses);
  if (!s.ok()) {
    Rollback();
    if (!disk_failed_) log::Error("what is in memory can't be stored", {{"why", s.ToString()}});
    disk_failed_ = true;
    return retry_at_ = now + kRetryAfter;
  }
  disk_failed_ = false;
  return losses_.empty() ? MonotonicTime::Never() : write_losses_at_;
}

absl::Status TieredOutbox::Close() {
  delivering_ = false;
  absl::Status s = Begin();
  if (s.ok() && limits_.mode == CacheMode::kMemory) {
    positions_.clear();  // the logs have what was lost
    for (const StoredEntry& lost : entries_) {
      NoteLoss(LossOf(lost.entry.message_id, lost.entry.timestamp, kLostWithProcess));
    }
    while (!entries_.empty()) Take(entries_.begin());
    limits_.mode = CacheMode::kDurable;  // what comes now is kept
  }
  if (s.ok()) s = SpillAll();
  if (s.ok()) s = WriteLosses();
  if (s.ok()) s = Commit();
  if (!s.ok()) Rollback();
  return s;
}

}  // namespace fieldgate::cloud_link
