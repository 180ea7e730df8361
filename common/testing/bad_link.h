#pragma once

#include <string>

#include "absl/status/status.h"

// Networks that lose and delay, for tests in a namespace of their own
// (network_namespace.h). Each acts on what `interface` of this thread's namespace
// receives, or sends: a cable has two ends. kInternal: the kernel refused.
namespace fieldgate {

// Loses `percent` of the IPv4 packets that come in, at random, without a word; 100
// is all of them. Addresses are still resolved (ARP), so nobody is told that the
// way is gone. 0 ends it.
absl::Status LosePackets(const std::string& interface, int percent);

// Sends at most so many bytes a second; a packet waits for its turn among at
// most `queue` bytes, beyond which it is lost. Cannot be changed, and ends with
// the interface.
absl::Status NarrowLink(const std::string& interface, int bytes_a_second, int queue);

}  // namespace fieldgate
