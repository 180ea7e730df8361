#include "services/cloud_link/log_data/log_schedule.h"

#include <algorithm>

namespace fieldgate::cloud_link {

LogSchedule::LogSchedule(const config_store::v1::Connector& connector) {
  for (const config_store::v1::LogSection& configured : connector.log_sections()) {
    Section& section = sections_.emplace_back();
    section.log = configured.log();
    section.number = configured.number();
    section.period = absl::Seconds(configured.send_period_s());
  }
}

void LogSchedule::Start(MonotonicTime now) {
  running_ = true;
  for (Section& section : sections_) {
    section.not_before = now;
    if (section.period > absl::ZeroDuration()) section.schedule.emplace(section.period, now);
  }
}

void LogSchedule::Stop() {
  if (reading_) sections_[*reading_].wanted = true;
  reading_.reset();
  running_ = false;
}

void LogSchedule::KeepRequests(const LogSchedule& former) {
  for (Section& section : sections_) {
    for (const Section& other : former.sections_) {
      if (other.log == section.log) section.wanted |= other.wanted;
    }
  }
}

bool LogSchedule::SendNow(std::optional<int> section_number) {
  bool found = false;
  for (Section& section : sections_) {
    if (section_number && section.number != *section_number) continue;
    section.wanted = true;
    found = true;
  }
  return found;
}

std::optional<size_t> LogSchedule::Next(MonotonicTime now) {
  if (!running_ || reading_) return std::nullopt;
  for (Section& section : sections_) {
    if (section.schedule && section.schedule->Due(now)) section.wanted = true;
  }
  for (size_t i = 0; i < sections_.size(); ++i) {
    const size_t index = (turn_ + i) % sections_.size();
    Section& section = sections_[index];
    if (!section.wanted || now < section.not_before) continue;
    // A command that comes while it is read counts for the next time.
    section.wanted = false;
    turn_ = index + 1;
    reading_ = index;
    return index;
  }
  return std::nullopt;
}

void LogSchedule::Done(bool more) {
  sections_[*reading_].wanted |= more;
  reading_.reset();
}

void LogSchedule::Failed(MonotonicTime now) {
  sections_[*reading_].wanted = true;
  sections_[*reading_].not_before = now + kRetryAfter;
  reading_.reset();
}

MonotonicTime LogSchedule::NextDeadline() const {
  MonotonicTime next = MonotonicTime::Never();
  if (!running_ || reading_) return next;
  for (const Section& section : sections_) {
    if (section.wanted) {
      next = std::min(next, section.not_before);
    } else if (section.schedule) {
      next = std::min(next, section.schedule->next());
    }
  }
  return next;
}

}  // namespace fieldgate::cloud_link
