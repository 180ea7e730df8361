// Where a connector's data are kept (MQTTCacheMode).
#include "services/cloud_link/connector.h"

namespace fieldgate::cloud_link {
namespace {

// What is in memory goes to the disk when nothing was acknowledged for so long.
constexpr absl::Duration kSilentFor = absl::Seconds(2);

}  // namespace

void Connector::SettleOutbox(Now now) {
  // Each acknowledgement, and nothing under way, starts it anew.
  if (acknowledge_by_ == MonotonicTime::Never()) {
    silent_at_ = MonotonicTime::Never();
  } else if (acknowledge_by_ != watched_) {
    silent_at_ = now.monotonic + kSilentFor;
  }
  watched_ = acknowledge_by_;
  const bool silent = now.monotonic >= silent_at_;
  settle_outbox_by_ = outbox_.Settle(pump_.running() && !silent, now.monotonic);
  if (silent) silent_at_ = MonotonicTime::Never();
}

void Connector::AddCache(v1::ConnectorStatus& status) const {
  const OutboxStats stats = outbox_.Stats();
  status.set_cache_mode(config_.cache_mode());
  status.set_bytes_limit(static_cast<uint64_t>(stats.data_limit));
  status.set_data_bytes(static_cast<uint64_t>(stats.data_bytes));
  status.set_messages_in_memory(static_cast<uint64_t>(stats.in_memory));
}

}  // namespace fieldgate::cloud_link
