#include "services/cloud_link/realtime/realtime_sections.h"

#include <algorithm>
#include <utility>

#include "common/value/batch.h"

namespace fieldgate::cloud_link {
namespace {

using config_store::v1::DataPoint;
using process_data::v1::ValueBatch;

// A start of the whole gateway takes about a second until the first poll; a
// first message full of empty values helps nobody.
constexpr absl::Duration kGrace = absl::Seconds(3);

}  // namespace

RealtimeSections::RealtimeSections(const config_store::v1::Connector& connector, MonotonicTime now)
    : plan_(ChannelPlan::Of(connector)), samples_(plan_.paths.size()), grace_end_(now + kGrace) {
  for (int i = 0; i < connector.sections_size(); ++i) {
    const auto& configured = connector.sections(i);
    Section section;
    const bool cyclic = configured.has_send_period_ms();
    const absl::Duration period =
        absl::Milliseconds(cyclic ? configured.send_period_ms() : configured.update_period_ms());
    if (!cyclic) section.hysteresis.emplace(plan_, plan_.sections[static_cast<size_t>(i)]);
    if (period > absl::ZeroDuration()) section.schedule.emplace(period, now);
    section.changed = true;
    sections_.push_back(std::move(section));
  }
}

bool RealtimeSections::OnBatch(const ValueBatch& batch, MonotonicTime now) {
  if (!CheckColumns(batch, samples_.size()).ok()) return false;
  acquisition_ok_ = true;
  grace_end_ = std::min(grace_end_, now);
  size_t i = 0;
  for (const auto& run : batch.runs()) {
    for (uint32_t channel = run.first(); channel < run.first() + run.count(); ++channel, ++i) {
      Sample& sample = samples_[channel];
      sample.value = ValueAt(batch, static_cast<int>(i));
      sample.state = static_cast<uint8_t>(batch.states()[i]);
      sample.sampled_at_us = run.sampled_at_us();
    }
    for (size_t s = 0; s < sections_.size(); ++s) {
      const ChannelPlan::Section& range = plan_.sections[s];
      if (run.first() < range.first + range.count && range.first < run.first() + run.count()) {
        sections_[s].changed = true;
      }
    }
  }
  return true;
}

void RealtimeSections::OnAcquisitionLost(MonotonicTime now) {
  if (!acquisition_ok_) return;
  acquisition_ok_ = false;
  grace_end_ = std::min(grace_end_, now);
  for (size_t c = 0; c < samples_.size(); ++c) {
    if (plan_.origins[c] != DataPoint::OTHER) samples_[c].state = 0;
  }
  for (Section& section : sections_) section.changed = true;
}

bool RealtimeSections::SendNow(std::optional<int> section_number) {
  bool found = false;
  for (size_t s = 0; s < sections_.size(); ++s) {
    if (section_number && plan_.sections[s].number != *section_number) continue;
    sections_[s].send_now = true;
    found = true;
  }
  return found;
}

absl::Time RealtimeSections::SampledAt(absl::Span<const uint32_t> channels, uint32_t first,
                                       uint32_t count, absl::Time wall) const {
  int64_t newest = 0;
  const auto look = [&](uint32_t channel) {
    const Sample& sample = samples_[channel];
    // Only a valid bus value has a sampling time of its own; any other is
    // what the image says now.
    if (plan_.origins[channel] != DataPoint::OTHER && sample.state == 1) {
      newest = std::max(newest, sample.sampled_at_us);
      return true;
    }
    return false;
  };
  bool all_bus = true;
  if (channels.empty()) {
    for (uint32_t c = first; c < first + count; ++c) all_bus &= look(c);
  } else {
    for (const uint32_t c : channels) all_bus &= look(c);
  }
  return all_bus && newest > 0 ? absl::FromUnixMicros(newest) : wall;
}

std::optional<RealtimeSections::Message> RealtimeSections::Look(size_t index, bool due,
                                                                absl::Time wall) {
  Section& section = sections_[index];
  const ChannelPlan::Section& range = plan_.sections[index];
  Message message;
  message.section = index;
  const bool everything = section.send_now || (due && !section.hysteresis);
  section.send_now = false;
  if (!everything) {
    if (!due) return std::nullopt;
    message.channels = section.hysteresis->Select(samples_);
    section.changed = false;
    if (message.channels.empty()) return std::nullopt;
  } else if (!acquisition_ok_) {
    for (uint32_t c = range.first; c < range.first + range.count; ++c)
      message.channels.push_back(c);
  }
  if (!acquisition_ok_) {
    std::erase_if(message.channels,
                  [&](uint32_t c) { return plan_.origins[c] == DataPoint::OTHER; });
    if (message.channels.empty()) return std::nullopt;
  }
  if (message.channels.size() == range.count) message.channels.clear();
  message.sampled_at = SampledAt(message.channels, range.first, range.count, wall);
  return message;
}

std::vector<RealtimeSections::Message> RealtimeSections::TakeDue(MonotonicTime now,
                                                                 absl::Time wall) {
  std::vector<Message> messages;
  if (now < grace_end_) return messages;
  for (size_t s = 0; s < sections_.size(); ++s) {
    Section& section = sections_[s];
    const bool scheduled = section.schedule ? section.schedule->Due(now) : section.changed;
    const bool due = std::exchange(section.look_now, false) || scheduled;
    if (auto message = Look(s, due, wall)) {
      section.owing = true;
      messages.push_back(*std::move(message));
    }
  }
  return messages;
}

void RealtimeSections::Sent(const Message& message) {
  Section& section = sections_[message.section];
  section.owing = false;
  if (!section.hysteresis) return;
  if (!message.channels.empty()) {
    section.hysteresis->Sent(message.channels, samples_);
    return;
  }
  const ChannelPlan::Section& range = plan_.sections[message.section];
  std::vector<uint32_t> all(range.count);
  for (uint32_t i = 0; i < range.count; ++i) all[i] = range.first + i;
  section.hysteresis->Sent(all, samples_);
}

void RealtimeSections::LookAgain() {
  for (Section& section : sections_) {
    section.changed = true;
    section.look_now = section.owing;
  }
}

MonotonicTime RealtimeSections::NextDeadline() const {
  MonotonicTime next = MonotonicTime::Never();
  for (const Section& section : sections_) {
    if (section.send_now || section.look_now || (!section.schedule && section.changed)) {
      return grace_end_;
    }
    if (section.schedule) next = std::min(next, section.schedule->next());
  }
  return std::max(next, grace_end_);
}

}  // namespace fieldgate::cloud_link
