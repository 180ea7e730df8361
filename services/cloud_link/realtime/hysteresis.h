#pragma once

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "services/cloud_link/payload/channels.h"

namespace fieldgate::cloud_link {

// Which channels of one section must be sent (manual 7.2): all once, then a
// channel when its value differs from the last *sent* one by its hysteresis or
// more, or its state changes; a value that is no number (also a bool) on every
// change. A gps channel brings its partner along. Differences are those of
// difference.h. Thread-compatible.
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
  struct Last {
    Value value;
    uint8_t state = 0;
    bool sent = false;
  };

  bool Changed(const Sample& sample, uint32_t channel) const;

  uint32_t first_;
  std::vector<double> hysteresis_;  // of channels first_ ...
  std::vector<uint32_t> partner_;
  std::vector<Last> last_;
  bool started_ = false;  // anything was sent
};

}  // namespace fieldgate::cloud_link
