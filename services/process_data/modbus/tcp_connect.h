#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fieldgate::process_data {

// Connects to `host` (name or address) within `timeout`, name resolution
// included, and returns a non-blocking socket below FD_SETSIZE, since libmodbus
// uses select(). Returns early once `cancel_fd` becomes readable.
//
// A resolver that hangs costs a thread that goes on alone; callers try again
// with a backoff, and there is one at most for a name.
//
// kUnavailable: can't connect in time; the message says why.
// kCancelled:   `cancel_fd` became readable.
absl::StatusOr<int> TcpConnect(const std::string& host, uint16_t port, absl::Duration timeout,
                               int cancel_fd);

}  // namespace fieldgate::process_data
