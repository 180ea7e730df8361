#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/time/clock.h"
#include "proto/config_store.pb.h"
#include "proto/process_data.pb.h"
#include "services/cloud_link/payload/channels.h"
#include "services/cloud_link/realtime/hysteresis.h"
#include "services/cloud_link/realtime/send_schedule.h"

namespace fieldgate::cloud_link {

// What of a connector's realtime sections is to be sent, and when (manual 2.3,
// 7.2, 7.3): keeps the newest samples and decides. Pure; thread-compatible.
class RealtimeSections {
 public:
  // One message to be: channels of one section.
  struct Message {
    size_t section = 0;  // index in the plan
    // Ascending; empty: all of the section.
    std::vector<uint32_t> channels;
    // Time of the sampling (PROTOCOL 3).
    absl::Time sampled_at;
  };

  RealtimeSections(const config_store::v1::Connector& connector, MonotonicTime now);

  const ChannelPlan& plan() const { return plan_; }
  absl::Span<const Sample> samples() const { return samples_; }

  // Takes over a batch of the stream of exactly the plan's paths. A batch that
  // does not fit the plan is left out and false returned.
  bool OnBatch(const process_data::v1::ValueBatch& batch, MonotonicTime now);
  // The stream ended: bus points are invalid, others unknown, until the next
  // batch.
  void OnAcquisitionLost(MonotonicTime now);
  // <CloudSendRealtimeData/>: sends the section with this number now, or all;
  // false when there is none.
  bool SendNow(std::optional<int> section_number);

  // The messages due at `now`. After storing one, say so with Sent; one that
  // could not be stored is due again at its section's next time.
  std::vector<Message> TakeDue(MonotonicTime now, absl::Time wall);
  void Sent(const Message& message);

  // Call when messages can be stored again: sections of which a message could
  // not be stored meanwhile, and those without a period, are looked at by the
  // next TakeDue.
  void LookAgain();

  // When TakeDue has something again.
  MonotonicTime NextDeadline() const;

 private:
  struct Section {
    std::optional<SendSchedule> schedule;  // none: each change as it comes
    std::optional<Hysteresis> hysteresis;  // none: cyclic
    bool send_now = false;
    bool changed = false;  // without schedule: look for changes
    bool owing = false;    // its last message was not stored
    bool look_now = false;
  };

  absl::Time SampledAt(absl::Span<const uint32_t> channels, uint32_t first, uint32_t count,
                       absl::Time wall) const;
  std::optional<Message> Look(size_t section, bool due, absl::Time wall);

  ChannelPlan plan_;
  std::vector<Sample> samples_;
  std::vector<Section> sections_;
  bool acquisition_ok_ = false;
  // Nothing is sent before the first values came, or this time passed.
  MonotonicTime grace_end_;
};

}  // namespace fieldgate::cloud_link
