#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::cloud_link {

// Reason of the losses that make room.
absl::string_view LostAsOldest(const OutboxLimits& limits);
// Reason of DropOlder's.
constexpr absl::string_view kLostAsTooOld = "too old";
// Of what was in memory only.
constexpr absl::string_view kLostWithProcess = "memory lost with the process";

// Bytes that a lane may hold.
int64_t LimitOf(Lane lane, const OutboxLimits& limits);

// Why `entry` is not taken into its lane, which holds `bytes`. Empty: it is,
// once the oldest entries have made room.
absl::string_view RefusalOf(const OutboxEntry& entry, int64_t bytes, const OutboxLimits& limits);

// The loss of one message.
LossRecord LossOf(int64_t message_id, int64_t timestamp, absl::string_view reason);

// Widens `record` by `loss` if that follows it directly for the same reason and
// nobody was told of it yet; else false. Results (message_id 0) follow each other.
bool Extend(LossRecord& record, const LossRecord& loss);

// How many of the records 1 .. `newest` are kept and not reported, when those up
// to `reported` are.
int64_t Unreported(int64_t newest, int64_t reported);

}  // namespace fieldgate::cloud_link
