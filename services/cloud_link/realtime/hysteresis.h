#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "services/cloud_link/payload/channels.h"

namespace fieldgate::cloud_link {

// Which channels of one section must be sent (manual 7.2): all once, then a
// channel when its value differs from the last *sent* one by its hysteresis or
// more, or its state changes; a value that is no number on every change. A gps
// channel brings its partner along.
class Hysteresis {
 public:
  Hysteresis(const ChannelPlan& plan, const ChannelPlan::Section& section);

  // The channels to send, ascending. `samples` is indexed by channel.
  // A channel that was never sampled is not sent before it has a value or its
  // device has failed, except in the first call, which sends all.
  std::vector<uint32_t> Select(absl::Span<const Sample> samples) const;
  // The same for channels first .. first + count - 1 only: what a batch
  // touched.
  std::vector<uint32_t> Select(absl::Span<const Sample> samples, uint32_t first,
                               uint32_t count) const;
  // Takes the selected channels as sent with these values; call once they are
  // in the outbox.
  void Sent(absl::Span<const uint32_t> channels, absl::Span<const Sample> samples);

 private:
  // ...
};

}  // namespace fieldgate::cloud_link
