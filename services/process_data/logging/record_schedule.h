#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/time/clock.h"

namespace fieldgate::process_data {

// When each cyclic log is recorded: at a fixed rate on the monotonic clock, so
// that neither the time that recording takes nor a jump of the wall clock moves
// it. An instant that passes before the one before was taken is skipped, never
// made up for. Pure: time comes in as an argument. Thread-compatible.
class RecordSchedule {
 public:
  struct Timing {
    std::string log;
    absl::Duration cycle;  // zero: not cyclic
    absl::Duration first;  // from `now` of Configure to its first record
  };

  // Replaces the logs. One that had the same cycle before goes on undisturbed.
  void Configure(const std::vector<Timing>& logs, MonotonicTime now);

  // When the next one is due; Never when none is cyclic.
  MonotonicTime Next() const;

  // The logs that are due at `now`, by their place in Configure.
  std::vector<size_t> TakeDue(MonotonicTime now);

 private:
  struct Entry {
    std::string log;
    absl::Duration cycle;
    MonotonicTime due;
  };
  std::vector<Entry> entries_;
};

// Until a log's first cyclic record after a start or a change: it goes on where
// the `last` record (nullopt: there is none) left off, so that restarts neither
// add records nor push a daily one off for ever; but not before a few seconds,
// in which the buses are read, and, whatever the wall clock says, not after one
// cycle.
absl::Duration FirstRecordDelay(absl::Duration cycle, std::optional<absl::Time> last,
                                absl::Time now);

}  // namespace fieldgate::process_data
