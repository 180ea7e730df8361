#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fieldgate::bench {

struct BacklogOptions {
  std::string broker_url;
  // Of ten points each, in the outbox of a gateway that starts.
  int64_t messages = 0;
  // Between the answer to a command and the next command.
  absl::Duration command_pause = absl::Seconds(1);
  // So many more once all have arrived.
  int idle_commands = 0;
  // Called when the gateway has ended, with the subscriber still there.
  std::function<absl::Status(const std::string& topic, int64_t body_bytes)> afterwards = {};
  // The messages have this long; then it is given up.
  absl::Duration patience = absl::Hours(2);
};

// What a drain was like, as a subscriber at the broker saw it.
struct BacklogDrain {
  // From the start of the gateway to the first message.
  absl::Duration first_after;
  // From the first message to the last.
  absl::Duration took;
  int64_t body_bytes = 0;  // of a message, about
  // From a command to its answer, in milliseconds, during the drain and after it.
  std::vector<double> busy_commands_ms;
  std::vector<double> idle_commands_ms;
  // Memory (PSS) of cloud_link when messages began to come, and at most later.
  int64_t memory_at_first = 0;
  int64_t memory_at_most = 0;
};

// Puts the messages into an outbox file, starts `fieldgate run` on it, and waits
// until a subscriber has got them all, while commands are sent and answered.
//
// kDataLoss:    a message is missing, came twice or out of order.
// kUnavailable: it did not come to its end.
absl::StatusOr<BacklogDrain> DrainBacklog(const BacklogOptions& options);

}  // namespace fieldgate::bench
