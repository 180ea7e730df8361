#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/time/clock.h"
#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::cloud_link {

// When the portal and the SupportLog are told of losses: not of each message, and
// not a thousand times of one outage. A loss is told once nothing more was lost
// for 10 s, or 60 s after the first one that was not told. Pure;
// thread-compatible.
//
// Losses of logs are in the SupportLog already (NoteLog). Of others it gets an entry a loss record,
// and a second one when it had grown further until it was closed: at most 20 entries at once and
// one an hour, with which the last one sums up what has none of its own.
class LossNews {
 public:
  static constexpr absl::Duration kQuiet = absl::Seconds(10);
  static constexpr absl::Duration kAtLatest = absl::Minutes(1);
  static constexpr int kEntries = 20;
  static constexpr absl::Duration kNewEntry = absl::Hours(1);
  // Their reason begins so.
  static constexpr absl::string_view kOfLog = "log ";
  // Name of the position in an outbox that is Told::number.
  static constexpr absl::string_view kToldPosition = "losses told";
  // A record that the SupportLog knows, and of how many messages. Older ones are
  // told, too.
  struct Told {
    int64_t number = 0;
    int64_t count = 0;
    friend bool operator==(const Told&, const Told&) = default;
  };
  struct Entries {
    std::vector<std::string> texts;
    Told told;  // once they are in the SupportLog
  };

  // `told`: the last one that was stored. What is not told yet is news now.
  LossNews(const Told& told, const OutboxStats& stats, MonotonicTime now);

  // Call after each change of the outbox.
  void Note(const OutboxStats& stats, MonotonicTime now);

  // When the portal is to be told of what is not reported; Never: of nothing.
  MonotonicTime ReportAt() const { return Due(unreported_since_); }

  // When the SupportLog is to be told: ask TakeEntries then.
  MonotonicTime EntriesAt() const;
  // The entries to make of the records that are kept, oldest first; none: nothing
  // is due. Then nothing is until Settled.
  std::optional<Entries> TakeEntries(absl::Span<const LossRecord> records, MonotonicTime now);
  // What became of them. False: they are due again after a pause.
  void Settled(bool done, MonotonicTime now);

  const Told& told() const { return told_; }

 private:
  MonotonicTime Due(MonotonicTime first) const;
  void Refill(MonotonicTime now);

  OutboxStats stats_;
  MonotonicTime last_loss_;
  // The first one that the portal, and the SupportLog, was not told of.
  MonotonicTime unreported_since_ = MonotonicTime::Never();
  MonotonicTime untold_since_ = MonotonicTime::Never();
  // A record that the SupportLog knows was closed.
  bool closed_ = false;

  Told told_;
  std::optional<Told> telling_;
  int entries_left_ = kEntries;
  MonotonicTime refill_at_ = MonotonicTime::Never();
  MonotonicTime pause_until_;
};

// "12 messages, ids 3 to 14, from 2026-11-26T10:00:00Z to ..., full: oldest
// dropped". Times are shown as they were sent.
std::string LossText(const LossRecord& loss);

}  // namespace fieldgate::cloud_link
