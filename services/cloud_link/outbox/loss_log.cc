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
  if (limits.policy == FullPolicy::kDropOldest) return "";
  return limits.disk_low ? "disk low: newest dropped" : "full: newest dropped";
}

absl::string_view LostAsOldest(const OutboxLimits& limits) {
  return limits.disk_low ? "disk low: oldest dropped" : "full: oldest dropped";
}

LossRecord LossOf(int64_t message_id, int64_t timestamp, absl::string_view reason) {
  LossRecord loss;
  loss.first_message_id = loss.last_message_id = message_id;
  loss.first_timestamp = loss.last_timestamp = timestamp;
  loss.count = 1;
  loss.reason = std::string(reason);
  return loss;
}

bool Extend(LossRecord& record, const LossRecord& loss) {
  if (record.reported) return false;
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

int64_t Unreported(int64_t newest, int64_t reported) {
  return newest - std::max(reported, std::max<int64_t>(newest - kMaxLossRecords, 0));
}

}  // namespace fieldgate::cloud_link
