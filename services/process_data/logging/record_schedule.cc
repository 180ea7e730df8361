#include "services/process_data/logging/record_schedule.h"

#include <algorithm>
#include <utility>

namespace fieldgate::process_data {
namespace {

// In which buses have been read for the first time, or found dead.
constexpr absl::Duration kSettling = absl::Seconds(5);

}  // namespace

void RecordSchedule::Configure(const std::vector<Timing>& logs, MonotonicTime now) {
  std::vector<Entry> entries;
  for (const Timing& timing : logs) {
    Entry entry = {
        timing.log, timing.cycle,
        timing.cycle > absl::ZeroDuration() ? now + timing.first : MonotonicTime::Never()};
    for (const Entry& old : entries_) {
      if (old.log == entry.log && old.cycle == entry.cycle) entry.due = old.due;
    }
    entries.push_back(std::move(entry));
  }
  entries_ = std::move(entries);
}

MonotonicTime RecordSchedule::Next() const {
  MonotonicTime next = MonotonicTime::Never();
  for (const Entry& entry : entries_) {
    if (entry.due < next) next = entry.due;
  }
  return next;
}

std::vector<size_t> RecordSchedule::TakeDue(MonotonicTime now) {
  std::vector<size_t> due;
  for (size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (now < entry.due) continue;
    due.push_back(i);
    absl::Duration rest;
    const int64_t passed = absl::IDivDuration(now - entry.due, entry.cycle, &rest);
    entry.due = entry.due + (passed + 1) * entry.cycle;
  }
  return due;
}

absl::Duration FirstRecordDelay(absl::Duration cycle, std::optional<absl::Time> last,
                                absl::Time now) {
  const absl::Duration settled = std::min(cycle, kSettling);
  if (!last.has_value()) return settled;
  return std::clamp(*last + cycle - now, settled, cycle);
}

}  // namespace fieldgate::process_data
