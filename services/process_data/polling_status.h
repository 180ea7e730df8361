#pragma once

#include "absl/time/time.h"

namespace fieldgate::process_data {

// How polling goes.
struct PollingStatus {
  absl::Duration last_cycle = {};     // the last poll of the slowest device
  absl::Duration longest_cycle = {};  // of all polls
  bool first_cycle = false;           // a device was not polled yet
  bool ethernet = false;              // a line over Ethernet is polled
};

}  // namespace fieldgate::process_data
