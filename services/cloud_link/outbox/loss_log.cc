#include "services/cloud_link/outbox/loss_log.h"

#include <algorithm>
#include <string>

namespace fieldgate::cloud_link {

int64_t LimitOf(Lane lane, const OutboxLimits& limits) {
  return lane == Lane::kData ? limits.max_bytes : kMaxResultBytes;
}

absl::string_view RefusalOf(const OutboxEntry& entry, int64_t bytes, const OutboxLimits& limits) {
  const int64_t size = SizeOf(entry);
  const int64_t limit = LimitOf(entry.lane, limits);
  if (size > limit) return "larger than the limit";
  if (bytes + size <= limit) return "";
  if (entry.lane == Lane::kResult) return "too many results";
  return limits.policy == FullPolicy::kDropNewest ? "full: newest dropped" : "";
}

LossRecord LossOf(int64_t message_id, int64_t timestamp, absl::string_view reason) {
  return {message_id, message_id, timestamp, timestamp, 1, std::string(reason)};
}

bool Extend(LossRecord& record, const LossRecord& loss) {
  const bool follows =
      loss.first_message_id == 0
          ? record.last_message_id == 0
          : loss.first_message_id == record.last_message_id + 1 && record.last_message_id != 0;
  if (!follows || loss.reason != record.reason) return false;
  record.last_message_id = loss.last_message_id;
  record.first_timestamp = std::min(record.first_timestamp, loss.first_timestamp);
  record.last_timestamp = std::max(record.last_timestamp, loss.last_timestamp);
  record.count += loss.count;
  return true;
}

}  // namespace fieldgate::cloud_link
