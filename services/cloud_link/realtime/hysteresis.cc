#include "services/cloud_link/realtime/hysteresis.h"

#include <algorithm>

#include "services/cloud_link/realtime/difference.h"

namespace fieldgate::cloud_link {

Hysteresis::Hysteresis(const ChannelPlan& plan, const ChannelPlan::Section& section)
    : first_(section.first),
      hysteresis_(plan.hysteresis.begin() + section.first,
                  plan.hysteresis.begin() + section.first + section.count),
      partner_(plan.partner.begin() + section.first,
               plan.partner.begin() + section.first + section.count),
      last_(section.count) {}

bool Hysteresis::Changed(const Sample& sample, uint32_t channel) const {
  const Last& last = last_[channel - first_];
  if (!last.sent) {
    const bool never_sampled =
        std::holds_alternative<std::monostate>(sample.value) && sample.sampled_at_us == 0;
    return !started_ || !never_sampled;
  }
  return sample.state != last.state ||
         DiffersBy(sample.value, last.value, hysteresis_[channel - first_]);
}

std::vector<uint32_t> Hysteresis::Select(absl::Span<const Sample> samples) const {
  return Select(samples, first_, static_cast<uint32_t>(last_.size()));
}

std::vector<uint32_t> Hysteresis::Select(absl::Span<const Sample> samples, uint32_t first,
                                         uint32_t count) const {
  std::vector<uint32_t> selected;
  const uint32_t end = first_ + static_cast<uint32_t>(last_.size());
  uint32_t channel = std::max(first, first_);
  const uint32_t stop = std::min(end, first + count);
  if (channel >= stop) return selected;
  // Partners are neighbours; a range may begin between them.
  channel = std::min(channel, partner_[channel - first_]);
  while (channel < stop) {
    const uint32_t partner = partner_[channel - first_];
    if (partner == channel) {
      if (Changed(samples[channel], channel)) selected.push_back(channel);
      ++channel;
      continue;
    }
    if (Changed(samples[channel], channel) || Changed(samples[partner], partner)) {
      selected.push_back(channel);
      selected.push_back(partner);
    }
    channel += 2;
  }
  return selected;
}

void Hysteresis::Sent(absl::Span<const uint32_t> channels, absl::Span<const Sample> samples) {
  for (const uint32_t channel : channels) {
    Last& last = last_[channel - first_];
    last.value = samples[channel].value;
    last.state = samples[channel].state;
    last.sent = true;
  }
  started_ = started_ || !channels.empty();
}

}  // namespace fieldgate::cloud_link
