#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/fault/scripted_broker.h"
#include "tests/system/gateway_harness.h"

namespace fieldgate::fault_test {

// A broker that misbehaves, and what is required of the connector that talks to
// it.
struct Behaviour {
  const char* name = "";
  ScriptedBroker::Script script = {};
  // What the status says of the connector while it is so; empty: nothing is
  // expected of it.
  std::string reason = {};
  // The connector connects at least so often: 1 is a connection that lasts.
  int connections = 2;
  // The first connection ends so soon after its first data message, or its start.
  absl::Duration seen_within = absl::InfiniteDuration();
  // What else must come to pass before the broker becomes a good one.
  std::function<bool(const ScriptedBroker&)> until = {};
  int qos = 1;
  // Further elements of the connector.
  std::string more = {};
  int send_time_s = 1;
  bool tls = false;
  // Afterwards so many come.
  int64_t messages_afterwards = 3;
};

// Gateways around such brokers, all at once, since most of the time is waiting.
// Each has a connector to a good broker and one to each of two hostile ones,
// which then become good. Requires of each behaviour:
//
// - what it says itself;
// - the process lives, and its memory stays within `max_rss_mb`;
// - the connector to the good broker is never disconnected, and its data is
//   complete and on time; the Modbus device is read on;
// - once the broker is a good one, the data is complete: each id from what the
//   hostile one acknowledged on, in order.
void PlayHostileBrokers(const std::vector<Behaviour>& behaviours, int max_rss_mb = 64);

}  // namespace fieldgate::fault_test
