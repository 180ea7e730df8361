#include "services/cloud_link/outbox/loss_news.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace fieldgate::cloud_link {
namespace {

// What could not be told is tried again after this.
constexpr absl::Duration kPause = absl::Seconds(10);

std::string Messages(int64_t count) {
  if (count == 0) return "no message";
  return count == 1 ? "1 message" : absl::StrCat(count, " messages");
}

std::string TimeText(int64_t seconds) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(seconds),
                          absl::UTCTimeZone());
}

// What several records lost, without an entry for each.
std::string SumText(absl::Span<const LossRecord> records) {
  LossRecord sum = records.front();
  for (const LossRecord& loss : records.subspan(1)) {
    sum.count += loss.count;
    for (const auto& [least, value] : {std::pair(&sum.first_message_id, loss.first_message_id),
                                       std::pair(&sum.first_timestamp, loss.first_timestamp)}) {
      if (*least == 0 || (value != 0 && value < *least)) *least = value;
    }
    sum.last_message_id = std::max(sum.last_message_id, loss.last_message_id);
    sum.last_timestamp = std::max(sum.last_timestamp, loss.last_timestamp);
  }
  sum.reason = absl::StrCat("in ", records.size(), " losses up to number ", records.back().number,
                            ", the last one: ", records.back().reason);
  return LossText(sum);
}

}  // namespace

std::string LossText(const LossRecord& loss) {
  std::string text = Messages(loss.count);
  if (loss.first_message_id != 0 && loss.first_message_id == loss.last_message_id) {
    absl::StrAppend(&text, ", id ", loss.first_message_id);
  } else if (loss.first_message_id != 0) {
    absl::StrAppend(&text, ", ids ", loss.first_message_id, " to ", loss.last_message_id);
  }
  if (loss.first_timestamp != 0 && loss.first_timestamp != loss.last_timestamp) {
    absl::StrAppend(&text, ", from ", TimeText(loss.first_timestamp), " to ",
                    TimeText(loss.last_timestamp));
  } else if (loss.last_timestamp != 0) {
    absl::StrAppend(&text, loss.first_timestamp == 0 ? ", until " : ", of ",
                    TimeText(loss.last_timestamp));
  }
  return absl::StrCat(text, ", ", loss.reason);
}

LossNews::LossNews(const Told& told, const OutboxStats& stats, MonotonicTime now)
    : stats_(stats), last_loss_(now), told_(told), pause_until_(now) {
  if (stats.unreported_losses > 0) unreported_since_ = now;
  if (stats.newest_loss > told.number) untold_since_ = now;
  // Whether the one that is told has grown since is seen with the records.
  closed_ = told.number != 0;
}

void LossNews::Note(const OutboxStats& stats, MonotonicTime now) {
  if (stats.dropped != stats_.dropped) last_loss_ = now;
  if (stats.unreported_losses == 0) {
    unreported_since_ = MonotonicTime::Never();
  } else if (unreported_since_ == MonotonicTime::Never()) {
    unreported_since_ = now;
  }
  if (stats.newest_loss > told_.number && untold_since_ == MonotonicTime::Never()) {
    untold_since_ = now;
  }
  const bool told_is_open = told_.number != 0 && told_.number == stats_.newest_loss;
  if (told_is_open && (stats.newest_loss != stats_.newest_loss ||
                       stats.unreported_losses < stats_.unreported_losses)) {
    closed_ = true;
  }
  stats_ = stats;
}

MonotonicTime LossNews::Due(MonotonicTime first) const {
  if (first == MonotonicTime::Never()) return first;
  return std::min(std::max(first, last_loss_) + kQuiet, first + kAtLatest);
}

MonotonicTime LossNews::EntriesAt() const {
  if (telling_) return MonotonicTime::Never();
  MonotonicTime at = Due(untold_since_);
  if (closed_) at = std::min(at, pause_until_);
  if (at == MonotonicTime::Never()) return at;
  if (entries_left_ == 0) at = std::max(at, refill_at_);
  return std::max(at, pause_until_);
}

void LossNews::Refill(MonotonicTime now) {
  while (now >= refill_at_) {
    refill_at_ = ++entries_left_ < kEntries ? refill_at_ + kNewEntry : MonotonicTime::Never();
  }
}

std::optional<LossNews::Entries> LossNews::TakeEntries(absl::Span<const LossRecord> records,
                                                       MonotonicTime now) {
  Refill(now);
  if (telling_ || entries_left_ == 0) return std::nullopt;
  const bool closed = std::exchange(closed_, false);
  const bool all_due = now >= Due(untold_since_);
  const auto open = [this](const LossRecord& loss) {
    return loss.number == stats_.newest_loss && !loss.reported;
  };
  std::vector<LossRecord> news;
  for (const LossRecord& loss : records) {
    const bool grown =
        loss.number == told_.number && loss.count > told_.count && closed && !open(loss);
    if (grown || (loss.number > told_.number && all_due)) news.push_back(loss);
  }
  if (news.empty()) return std::nullopt;
  Entries entries;
  entries.told = {news.back().number, news.back().count};
  telling_ = entries.told;
  std::erase_if(news, [](const LossRecord& l) { return absl::StartsWith(l.reason, kOfLog); });
  if (news.empty()) {
    Settled(/*done=*/true, now);
    return std::nullopt;
  }
  const absl::Span<const LossRecord> all = news;
  for (size_t i = 0; i < all.size(); ++i) {
    const bool sum = entries_left_ == 1 && i + 1 < all.size();
    entries.texts.push_back(sum                             ? SumText(all.subspan(i))
                            : open(all[i])                  ? LossText(all[i]) + ", so far"
                            : all[i].number == told_.number ? LossText(all[i]) + ", in the end"
                                                            : LossText(all[i]));
    if (--entries_left_ == kEntries - 1) refill_at_ = now + kNewEntry;
    if (sum) break;
  }
  return entries;
}

void LossNews::Settled(bool done, MonotonicTime now) {
  if (!telling_) return;
  if (!done) {
    pause_until_ = now + kPause;
  } else if (stats_.newest_loss <= telling_->number) {
    untold_since_ = MonotonicTime::Never();
  } else if (telling_->number != told_.number) {
    untold_since_ = now;
  }
  if (done) told_ = *telling_;
  // It may have grown, or been closed, meanwhile.
  closed_ = true;
  telling_.reset();
}

}  // namespace fieldgate::cloud_link
