// How a connector spares the disk: where its data are kept (MQTTCacheMode), and
// when what was acknowledged is removed.
#include <algorithm>

#include "services/cloud_link/connector.h"

namespace fieldgate::cloud_link {
namespace {

// Acknowledged entries leave the disk with the next message's transaction, at
// the latest after this: a transaction of their own costs as much as a message.
// What is not removed when the process is killed is sent again.
constexpr absl::Duration kRemoveWithin = absl::Seconds(15);
// At once when data fill more than this part of the outbox, so that nobody waits
// for room that is there.
constexpr int64_t kRemoveAbove = 8;
// What is in memory goes to the disk when nothing was acknowledged for so long.
constexpr absl::Duration kSilentFor = absl::Seconds(2);

}  // namespace

void Connector::TakeAcknowledged(Now now) {
  const std::vector<EntryId> ids = pump_.TakeAcknowledged();
  acknowledged_.insert(acknowledged_.end(), ids.begin(), ids.end());
  NoteAcknowledged(ids);
  if (acknowledged_.empty()) return;
  if (remove_by_ == MonotonicTime::Never()) remove_by_ = now.monotonic + kRemoveWithin;
}

bool Connector::MustRemove(Now now) const {
  if (acknowledged_.empty()) return false;
  if (!disk_error_.empty()) return now.monotonic >= retry_at_;
  if (now.monotonic >= remove_by_) return true;
  const OutboxStats stats = outbox_.Stats();
  // In memory that costs nothing.
  return stats.in_memory > 0 || acknowledged_.size() >= OutboxPump::kFlushCount ||
         stats.data_bytes > stats.data_limit / kRemoveAbove;
}

MonotonicTime Connector::StoreDeadline() const {
  if (acknowledged_.empty() && unstored_.empty()) return MonotonicTime::Never();
  return disk_error_.empty() ? remove_by_ : retry_at_;
}

void Connector::SettleOutbox(Now now) {
  // Each acknowledgement starts it anew.
  MonotonicTime silent_at = peer_.since();
  if (silent_at != MonotonicTime::Never()) silent_at = silent_at + kSilentFor;
  const bool silent = now.monotonic >= silent_at;
  settle_outbox_by_ = outbox_.Settle(pump_.running() && !silent, now.monotonic);
  if (!silent) settle_outbox_by_ = std::min(settle_outbox_by_, silent_at);
}

void Connector::AddCache(v1::ConnectorStatus& status) const {
  const OutboxStats stats = outbox_.Stats();
  status.set_cache_mode(config_.cache_mode());
  status.set_bytes_limit(static_cast<uint64_t>(stats.data_limit));
  status.set_data_bytes(static_cast<uint64_t>(stats.data_bytes));
  status.set_messages_in_memory(static_cast<uint64_t>(stats.in_memory) + unstored_.items().size());
}

}  // namespace fieldgate::cloud_link
