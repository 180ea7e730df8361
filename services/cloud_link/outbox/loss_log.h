#pragma once

#include "absl/strings/string_view.h"
#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::cloud_link {

constexpr absl::string_view kLostAsOldest = "full: oldest dropped";
constexpr absl::string_view kLostAsNewest = "full: newest dropped";
constexpr absl::string_view kLostAsTooLarge = "larger than the limit";
constexpr absl::string_view kLostAsResult = "too many results";

// The loss of one message.
LossRecord LossOf(int64_t message_id, int64_t timestamp, absl::string_view reason);

// Widens `record` by `loss` if that follows it directly for the same reason;
// else false. Results (message_id 0) follow each other.
bool Extend(LossRecord& record, const LossRecord& loss);

}  // namespace fieldgate::cloud_link
