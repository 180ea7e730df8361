#include "tests/simulation/ledger.h"

#include <algorithm>
#include <utility>

namespace fieldgate::simulation {

using cloud_link::EntryId;
using cloud_link::Lane;
using cloud_link::LossRecord;
using cloud_link::Outbox;
using cloud_link::OutboxEntry;
using cloud_link::OutboxStats;
using cloud_link::StoredEntry;

namespace {

// FNV-1a: the same on each machine, so that a trace is.
size_t HashOf(absl::string_view text) {
  size_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace

bool Ledger::HasArrived(const Entry& entry) const {
  return entry.message_id != 0 ? bodies_.contains(entry.message_id)
                               : results_.contains(entry.result);
}

void Ledger::NoteLosses(Outbox& outbox) {
  const int64_t dropped = outbox.Stats().dropped;
  if (dropped == dropped_) return;
  dropped_ = dropped;
  const absl::StatusOr<std::vector<LossRecord>> losses = outbox.Losses();
  if (!losses.ok()) return;
  for (const LossRecord& loss : *losses) {
    if (loss.first_message_id == 0) continue;
    for (int64_t id = loss.first_message_id; id <= loss.last_message_id; ++id) lost_.insert(id);
  }
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.second.message_id != 0 && lost_.contains(entry.second.message_id);
  });
}

void Ledger::OnOpened(Outbox& outbox) {
  NoteLosses(outbox);
  const OutboxStats stats = outbox.Stats();
  // What of a failed commit is there after all is known now.
  std::map<EntryId, Entry> found;
  for (const Lane lane : {Lane::kData, Lane::kResult}) {
    EntryId after = 0;
    for (;;) {
      const auto read = outbox.Read(lane, after, 1000, int64_t{1} << 40);
      if (!read.ok() || read->empty()) break;
      for (const StoredEntry& stored : *read) {
        after = stored.id;
        found[stored.id] = {stored.entry.message_id,
                            KeyOf(stored.entry.topic, stored.entry.content), SizeOf(stored.entry),
                            lane == Lane::kData};
      }
    }
  }
  for (const auto& [id, entry] : entries_) {
    if (found.contains(id)) continue;
    if (perhaps_removed_.contains(id)) {
      CheckRemoval(id, entry);
    } else if (!perhaps_added_.contains(id)) {
      trace_.Fail(connector_, ": message ", entry.message_id, " (entry ", id,
                  ") was committed and is gone after a restart");
    }
  }
  for (const auto& [id, entry] : found) {
    if (!entries_.contains(id) && !perhaps_added_.contains(id) && !perhaps_removed_.contains(id)) {
      trace_.Fail(connector_, ": entry ", id, " was never committed, or removed, and is there");
    }
    if (!perhaps_added_.contains(id)) {
      last_committed_ = std::max(last_committed_, entry.message_id);
    }
  }
  // What failed is still not certain: nothing has synced it.
  entries_ = std::move(found);
  if (outbox.PeekMessageId() <= last_committed_) {
    trace_.Fail(connector_, ": the next message_id is ", outbox.PeekMessageId(), ", but ",
                last_committed_, " was given already");
  }
  if (stats.entries != static_cast<int64_t>(entries_.size())) {
    trace_.Fail(connector_, ": it counts ", stats.entries, " entries; there are ", entries_.size());
  }
}

void Ledger::Note(absl::string_view what, const Change& change) {
  std::string text(what);
  for (const StoredEntry& stored : change.added) {
    absl::StrAppend(&text, " +", stored.id, " (", stored.entry.message_id, ")");
  }
  for (const EntryId id : change.removed) absl::StrAppend(&text, " -", id);
  trace_.Note(connector_, text);
}

void Ledger::OnCommitted(const Change& change, Outbox& outbox) {
  Note("commit", change);
  if (!change.added.empty() || !change.removed.empty()) {
    // What failed before is written over, or synced with this.
    for (const EntryId id : perhaps_added_) {
      const auto entry = entries_.find(id);
      if (entry != entries_.end()) {
        last_committed_ = std::max(last_committed_, entry->second.message_id);
      }
    }
    perhaps_added_.clear();
    perhaps_removed_.clear();
  }
  for (const StoredEntry& stored : change.added) {
    const OutboxEntry& entry = stored.entry;
    if (entry.message_id != 0) {
      // A message under drop_newest takes its id with it, so a gap is a loss.
      if (entry.message_id <= last_committed_) {
        trace_.Fail(connector_, ": message_id ", entry.message_id, " after ", last_committed_);
      }
      last_committed_ = entry.message_id;
    }
    entries_[stored.id] = {entry.message_id, KeyOf(entry.topic, entry.content), SizeOf(entry),
                           entry.lane == Lane::kData};
  }
  for (const EntryId id : change.removed) {
    const auto entry = entries_.find(id);
    if (entry == entries_.end()) continue;
    CheckRemoval(id, entry->second);
    entries_.erase(entry);
  }
  NoteLosses(outbox);
  const OutboxStats stats = outbox.Stats();
  if (stats.entries != static_cast<int64_t>(entries_.size())) {
    trace_.Fail(connector_, ": it counts ", stats.entries, " entries; there are ", entries_.size());
  }
  int64_t bytes = 0;
  int64_t data_bytes = 0;
  for (const auto& [id, entry] : entries_) {
    bytes += entry.size;
    if (entry.data) data_bytes += entry.size;
  }
  if (stats.bytes != bytes || stats.data_bytes != data_bytes) {
    trace_.Fail(connector_, ": it counts ", stats.bytes, " bytes, ", stats.data_bytes,
                " of data; there are ", bytes, " and ", data_bytes);
  }
  if (!change.added.empty() && data_bytes > limit_) {
    trace_.Fail(connector_, ": ", data_bytes, " bytes of data, over the bound of ", limit_);
  }
}

void Ledger::OnFailed(const Change& change) {
  if (change.added.empty() && change.removed.empty()) return;
  Note("failed", change);
  for (const StoredEntry& stored : change.added) perhaps_added_.insert(stored.id);
  perhaps_removed_.insert(change.removed.begin(), change.removed.end());
}

void Ledger::CheckRemoval(EntryId id, const Entry& entry) {
  if (HasArrived(entry)) return;
  if (may_lose_on_the_way_ && entry.message_id != 0) {
    handed_.insert(entry.message_id);
  } else {
    trace_.Fail(connector_, ": message ", entry.message_id, " (entry ", id,
                ") was removed and has not arrived");
  }
}

void Ledger::OnData(int64_t message_id, const std::string& body) {
  const size_t hash = HashOf(body);
  const auto known = bodies_.find(message_id);
  if (known != bodies_.end()) {
    ++repeated_;
    if (known->second != hash) {
      trace_.Fail(connector_, ": message_id ", message_id, " came with two contents");
    }
  } else {
    if (message_id < last_arrived_) {
      trace_.Fail(connector_, ": message ", message_id, " arrives after ", last_arrived_);
    }
    for (int64_t id = last_arrived_ + 1; id < message_id; ++id) {
      if (IsAccountedFor(id)) continue;
      if (may_lose_on_the_way_) continue;  // its removal is still to come
      trace_.Fail(connector_, ": message ", message_id, " arrives, but not ", id);
    }
    bodies_[message_id] = hash;
    last_arrived_ = std::max(last_arrived_, message_id);
  }
}

void Ledger::OnResult(const std::string& topic, const std::string& body) {
  results_.insert(KeyOf(topic, body));
}

bool Ledger::IsAccountedFor(int64_t message_id) const {
  return bodies_.contains(message_id) || lost_.contains(message_id) || handed_.contains(message_id);
}

bool Ledger::AllArrived() const {
  for (const auto& [id, entry] : entries_) {
    if (!HasArrived(entry)) return false;
  }
  return true;
}

void Ledger::CheckAllArrived() {
  for (const auto& [id, entry] : entries_) {
    if (HasArrived(entry)) continue;
    trace_.Fail(connector_, ": message ", entry.message_id, " (entry ", id, ") still waits");
  }
  for (int64_t id = 1; id <= last_committed_; ++id) {
    if (IsAccountedFor(id)) continue;
    trace_.Fail(connector_, ": message ", id, " of ", last_committed_,
                " has neither arrived nor is it named as lost");
  }
}

// --- RecordingOutbox --------------------------------------------------------------

RecordingOutbox::RecordingOutbox(std::unique_ptr<Outbox> outbox, Ledger& ledger, int64_t shrink)
    : ForwardingOutbox(std::move(outbox)), ledger_(ledger), shrink_(shrink) {
  ledger_.OnOpened(*outbox_);
}

absl::Status RecordingOutbox::Begin() {
  absl::Status status = outbox_->Begin();
  if (status.ok()) change_ = {};
  return status;
}

absl::Status RecordingOutbox::Commit() {
  const Ledger::Change change = std::exchange(change_, {});
  absl::Status status = outbox_->Commit();
  if (status.ok()) {
    ledger_.OnCommitted(change, *outbox_);
  } else {
    ledger_.OnFailed(change);
  }
  return status;
}

void RecordingOutbox::Rollback() {
  ledger_.OnFailed(std::exchange(change_, {}));
  outbox_->Rollback();
}

absl::StatusOr<EntryId> RecordingOutbox::Append(const OutboxEntry& entry) {
  absl::StatusOr<EntryId> id = outbox_->Append(entry);
  if (id.ok()) change_.added.push_back({*id, entry});
  return id;
}

absl::Status RecordingOutbox::Remove(const std::vector<EntryId>& ids) {
  absl::Status status = outbox_->Remove(ids);
  if (status.ok()) change_.removed.insert(change_.removed.end(), ids.begin(), ids.end());
  return status;
}

absl::Status RecordingOutbox::Discard(EntryId id, absl::string_view reason) {
  absl::Status status = outbox_->Discard(id, reason);
  if (status.ok()) change_.discarded.push_back(id);
  return status;
}

void RecordingOutbox::SetLimits(const cloud_link::OutboxLimits& limits) {
  cloud_link::OutboxLimits smaller = limits;
  smaller.max_bytes = std::max<int64_t>(limits.max_bytes / shrink_, 1);
  ledger_.SetLimit(smaller.max_bytes);
  outbox_->SetLimits(smaller);
}

}  // namespace fieldgate::simulation
