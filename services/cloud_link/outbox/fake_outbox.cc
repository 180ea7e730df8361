#include "services/cloud_link/outbox/fake_outbox.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "services/cloud_link/outbox/loss_log.h"

namespace fieldgate::cloud_link {

absl::Status FakeOutbox::Begin() {
  if (!failure_.ok()) return failure_;
  if (in_transaction_) return absl::FailedPreconditionError("a transaction is open");
  in_transaction_ = true;
  before_ = ledger_;
  changed_ = false;
  return absl::OkStatus();
}

absl::Status FakeOutbox::Commit() {
  if (absl::Status s = Writable(); !s.ok()) return s;
  if (std::exchange(fail_commit_, false)) {
    Rollback();
    return absl::UnavailableError("the commit failed");
  }
  in_transaction_ = false;
  undo_.clear();
  const StoredNumbers numbers =
      NumbersToStore(stored_, ledger_.next_message_id, ledger_.next_sequence, reserve_, changed_);
  if (changed_ || numbers != stored_) ++writes_;
  stored_ = numbers;
  return absl::OkStatus();
}

void FakeOutbox::Crash() {
  Rollback();
  reserve_ = {};
  ledger_.next_message_id = stored_.next_message_id;
  ledger_.next_sequence = stored_.next_sequence;
}

void FakeOutbox::Rollback() {
  if (!in_transaction_) return;
  in_transaction_ = false;
  for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) (*undo)();
  undo_.clear();
  ledger_ = std::move(before_);
}

// Whether a change may be made now; else the transaction is over.
absl::Status FakeOutbox::Writable() {
  if (!in_transaction_) return absl::FailedPreconditionError("no transaction is open");
  if (!failure_.ok()) Rollback();
  return failure_;
}

absl::StatusOr<int64_t> FakeOutbox::NextMessageId() {
  if (absl::Status s = Writable(); !s.ok()) return s;
  return ledger_.next_message_id++;
}

absl::StatusOr<int64_t> FakeOutbox::NextCounter(absl::string_view name) {
  if (!failure_.ok()) {
    Rollback();
    return failure_;
  }
  const std::string key(name);
  const int64_t value = ++counters_[key];
  if (in_transaction_) undo_.push_back([this, key, value] { counters_[key] = value - 1; });
  return value;
}

absl::StatusOr<int64_t> FakeOutbox::PutLayout(absl::string_view bytes) {
  if (absl::Status s = Writable(); !s.ok()) return s;
  for (const auto& [number, known] : layouts_) {
    if (known == bytes) return number;
  }
  undo_.push_back([this, layouts = layouts_] { layouts_ = layouts; });
  for (auto layout = layouts_.begin(); layout != layouts_.end();) {
    bool used = false;
    for (const Entries_& lane : lanes_) {
      for (const auto& [id, entry] : lane) used |= entry.layout == layout->first;
    }
    // Which one an entry elsewhere needs is not known here.
    used |= reserve_.oldest_entry != 0;
    layout = used ? std::next(layout) : layouts_.erase(layout);
  }
  changed_ = true;
  layouts_[++last_layout_] = std::string(bytes);
  return last_layout_;
}

absl::StatusOr<std::string> FakeOutbox::GetLayout(int64_t layout) {
  if (!failure_.ok()) return failure_;
  if (!layout_failure_.ok()) return layout_failure_;
  auto found = layouts_.find(layout);
  if (found == layouts_.end()) return absl::NotFoundError("no such layout");
  return found->second;
}

absl::StatusOr<EntryId> FakeOutbox::NextEntryId(Lane lane) {
  if (absl::Status s = Writable(); !s.ok()) return s;
  return ledger_.next_sequence++ * 2 + static_cast<EntryId>(lane);
}

absl::StatusOr<EntryId> FakeOutbox::Append(const OutboxEntry& entry) {
  const EntryId id = ledger_.next_sequence * 2 + static_cast<EntryId>(entry.lane);
  if (absl::Status s = AppendAs(id, entry); !s.ok()) return s;
  ++ledger_.next_sequence;
  return id;
}

absl::Status FakeOutbox::AppendAs(EntryId id, const OutboxEntry& entry) {
  if (absl::Status s = Writable(); !s.ok()) return s;
  const int64_t size = SizeOf(entry);
  int64_t& bytes = ledger_.lane_bytes[static_cast<int>(entry.lane)];
  Entries_& lane = lanes_[static_cast<int>(entry.lane)];
  const absl::string_view refused = RefusalOf(entry, bytes, limits_);
  if (!refused.empty()) {
    NoteLoss(LossOf(entry.message_id, entry.timestamp, refused));
    return absl::ResourceExhaustedError(refused);
  }
  for (int i = 0; i < kMaxDropForRoom && bytes + size > LimitOf(entry.lane, limits_); ++i) {
    const OutboxEntry& oldest = lane.begin()->second;
    NoteLoss(LossOf(oldest.message_id, oldest.timestamp, LostAsOldest(limits_)));
    RemoveEntry(lane, lane.begin());
  }
  changed_ = true;
  bytes += size;
  lane.emplace(id, entry);
  undo_.push_back([&lane, id] { lane.erase(id); });
  return absl::OkStatus();
}

void FakeOutbox::RemoveEntry(Entries_& lane, Entries_::iterator entry) {
  changed_ = true;
  ledger_.lane_bytes[&lane - lanes_] -= SizeOf(entry->second);
  undo_.push_back([&lane, id = entry->first, copy = entry->second] { lane.emplace(id, copy); });
  lane.erase(entry);
}

void FakeOutbox::NoteLoss(const LossRecord& loss) {
  changed_ = true;
  ledger_.dropped += loss.count;
  if (!ledger_.losses.empty() && Extend(ledger_.losses.back(), loss)) return;
  ledger_.losses.push_back(loss);
  ledger_.losses.back().number = ++ledger_.newest_loss;
  ledger_.losses.back().reported = false;
  if (ledger_.losses.size() > kMaxLossRecords) ledger_.losses.erase(ledger_.losses.begin());
}

absl::Status FakeOutbox::Remove(const std::vector<EntryId>& ids) {
  if (absl::Status s = Writable(); !s.ok()) return s;
  for (const EntryId id : ids) {
    for (Entries_& lane : lanes_) {
      if (auto found = lane.find(id); found != lane.end()) RemoveEntry(lane, found);
    }
  }
  return absl::OkStatus();
}

absl::Status FakeOutbox::Discard(EntryId id, absl::string_view reason) {
  if (absl::Status s = Writable(); !s.ok()) return s;
  for (Entries_& lane : lanes_) {
    if (auto found = lane.find(id); found != lane.end()) {
      NoteLoss(LossOf(found->second.message_id, found->second.timestamp, reason));
      RemoveEntry(lane, found);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StoredEntry>> FakeOutbox::Read(Lane which, EntryId after, int max_count,
                                                          int64_t max_bytes) {
  if (!failure_.ok()) return failure_;
  std::vector<StoredEntry> out;
  const Entries_& lane = lanes_[static_cast<int>(which)];
  int64_t bytes = 0;
  for (auto entry = lane.upper_bound(after); entry != lane.end(); ++entry) {
    bytes += SizeOf(entry->second);
    if (!out.empty() && (bytes > max_bytes || static_cast<int>(out.size()) >= max_count)) break;
    out.push_back({entry->first, entry->second});
  }
  return out;
}

absl::Status FakeOutbox::RecordLoss(const LossRecord& loss) {
  if (absl::Status s = Writable(); !s.ok()) return s;
  NoteLoss(loss);
  return absl::OkStatus();
}

std::optional<int64_t> FakeOutbox::Position(absl::string_view name) const {
  const auto found = ledger_.positions.find(name);
  if (found == ledger_.positions.end()) return std::nullopt;
  return found->second;
}

absl::Status FakeOutbox::SetPosition(absl::string_view name, int64_t position) {
  if (absl::Status s = Writable(); !s.ok()) return s;
  changed_ = true;
  ledger_.positions.insert_or_assign(std::string(name), position);
  return absl::OkStatus();
}

absl::StatusOr<int> FakeOutbox::DropOlder(int64_t born) {
  if (absl::Status s = Writable(); !s.ok()) return s;
  Entries_& lane = lanes_[static_cast<int>(Lane::kData)];
  int count = 0;
  while (!lane.empty() && lane.begin()->second.born < born && count < kDropAtOnce) {
    const OutboxEntry& oldest = lane.begin()->second;
    NoteLoss(LossOf(oldest.message_id, oldest.timestamp, kLostAsTooOld));
    RemoveEntry(lane, lane.begin());
    ++count;
  }
  return count;
}

absl::StatusOr<std::vector<LossRecord>> FakeOutbox::Losses(int max_count) {
  if (!failure_.ok()) return failure_;
  const auto count = std::min(ledger_.losses.size(), static_cast<size_t>(std::max(max_count, 1)));
  return std::vector<LossRecord>(ledger_.losses.end() - static_cast<std::ptrdiff_t>(count),
                                 ledger_.losses.end());
}

absl::Status FakeOutbox::MarkReported(int64_t number) {
  if (absl::Status s = Writable(); !s.ok()) return s;
  for (LossRecord& loss : ledger_.losses) loss.reported |= loss.number <= number;
  ledger_.reported_loss = std::max(ledger_.reported_loss, std::min(number, ledger_.newest_loss));
  return absl::OkStatus();
}

OutboxStats FakeOutbox::Stats() const {
  return {.entries = static_cast<int64_t>(lanes_[0].size() + lanes_[1].size()),
          .bytes = ledger_.lane_bytes[0] + ledger_.lane_bytes[1],
          .dropped = ledger_.dropped,
          .data_bytes = ledger_.lane_bytes[static_cast<int>(Lane::kData)],
          .data_limit = limits_.max_bytes,
          .newest_loss = ledger_.newest_loss,
          .unreported_losses = Unreported(ledger_.newest_loss, ledger_.reported_loss)};
}

std::vector<StoredEntry> FakeOutbox::Entries() const {
  std::vector<StoredEntry> out;
  for (const Entries_& lane : lanes_) {
    for (const auto& [id, entry] : lane) out.push_back({id, entry});
  }
  return out;
}

}  // namespace fieldgate::cloud_link
