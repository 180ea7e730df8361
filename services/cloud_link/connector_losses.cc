// How a connector stores what is due, so that its data neither grow old, nor fill
// the disk, nor are lost without anybody being told.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "services/cloud_link/connector.h"
#include "services/cloud_link/connector_config.h"
#include "services/cloud_link/payload/loss_message.h"

namespace fieldgate::cloud_link {
namespace {

// Names of positions in the outbox.
constexpr absl::string_view kAge = "age";
constexpr absl::string_view kAgeWall = "age wall";
constexpr absl::string_view kAgeMonotonic = "age monotonic";
constexpr absl::string_view kToldCount = "losses told count";

// How often the age is stored, with data. Only a power cut costs so much of it.
constexpr absl::Duration kMarkEvery = absl::Minutes(1);
constexpr absl::Duration kMarkWithoutBound = absl::Hours(1);  // there may be one later
// Old data go within a tenth of their bound, but nobody needs it to the second.
constexpr absl::Duration kLookMost = absl::Minutes(1);
constexpr absl::Duration kLookLeast = absl::Seconds(1);
// What fails is tried again after this; all records are read for a look at what
// the SupportLog is to know.
constexpr absl::Duration kTellAgain = absl::Seconds(10);
constexpr absl::Duration kNoteAgain = absl::Seconds(1);
// Records in a message to the portal; more are further messages.
constexpr size_t kRecordsAtOnce = 100;
// Losses in the status.
constexpr int kShown = 5;

}  // namespace

Connector::~Connector() {
  const Now now{MonotonicTime::Never(), absl::UnixEpoch()};
  TakeAcknowledged(now);
  if (layout_ && !unstored_.empty()) unstored_.KeepLayout(layout_->Serialize());
  if (acknowledged_.empty() && unstored_.empty()) return;
  if (Transact([&](Stored& stored) { return StoreWaiting(stored, now); }, now).ok()) {
    unstored_.Clear();
  }
}

// --- Bounds -----------------------------------------------------------------------

void Connector::ApplyLimits() {
  // What never goes to the disk can't fill it.
  const bool on_disk = config_.cache_mode() != config_store::v1::MEMORY;
  floor_.SetMinFree(on_disk ? int64_t{config_.cache_min_free_mb()} << 20 : 0);
  outbox_.SetLimits(floor_.Apply(LimitsOf(config_)));
}

void Connector::OnFreeSpace(int64_t bytes) {
  const bool before = floor_.low();
  floor_.Note(bytes, outbox_.Stats().data_bytes);
  if (floor_.low() == before) return;
  log::Warning(floor_.low() ? "the disk has too little free space: stored data don't grow"
                            : "the disk has enough free space again",
               {{"connector", config_.name()}, {"free_bytes", absl::StrCat(bytes)}});
  outbox_.SetLimits(floor_.Apply(LimitsOf(config_)));
}

std::optional<AgeClock::Mark> Connector::StoredAge(const Outbox& outbox) {
  const std::optional<int64_t> age = outbox.Position(kAge);
  if (!age) return std::nullopt;
  return AgeClock::Mark{.age = *age,
                        .wall = outbox.Position(kAgeWall).value_or(0),
                        .monotonic = outbox.Position(kAgeMonotonic).value_or(0)};
}

void Connector::DropOld(Now now) {
  const int64_t bound = config_.cache_max_age_s();
  if (bound == 0 || now.monotonic < look_for_old_at_) return;
  look_for_old_at_ = now.monotonic + std::clamp(absl::Seconds(bound) / 10, kLookLeast, kLookMost);
  const absl::StatusOr<std::vector<StoredEntry>> oldest = outbox_.Read(Lane::kData, 0, 1, 1);
  const int64_t born = age_.age() - bound;
  if (!oldest.ok() || oldest->empty() || oldest->front().entry.born >= born) return;
  const auto drop = [&](Stored&) {
    const absl::StatusOr<int> dropped = outbox_.DropOlder(born);
    if (dropped.ok() && *dropped == kDropAtOnce) look_for_old_at_ = now.monotonic;
    return dropped.status();
  };
  if (!Transact(drop, now).ok()) look_for_old_at_ = now.monotonic + kLookLeast;
}

// --- Data that wait for the disk ----------------------------------------------------

void Connector::StoreDue(Now now) {
  std::vector<RealtimeSections::Message> due = sections_.TakeDue(now.monotonic, now.wall);
  if (!could_store_) due.clear();
  for (const RealtimeSections::Message& message : due) {
    const ChannelPlan::Section& range = sections_.plan().sections[message.section];
    std::string columns =
        message.channels.empty()
            ? PackColumns(range.first, range.count, sections_.samples())
            : PackColumns(absl::MakeConstSpan(message.channels), sections_.samples());
    unstored_.Push(DataEntry(message.sampled_at, std::move(columns)));
    sections_.Sent(message);
  }
  const bool remove = MustRemove(now);
  // A disk that fails is not tried with each message.
  const bool pause = !disk_error_.empty() && now.monotonic < retry_at_;
  if (!pause && unstored_.empty() && !remove) return;
  if (!pause && Transact([&](Stored& s) { return StoreWaiting(s, now); }, now).ok()) {
    unstored_.Clear();
  } else {
    unstored_.Trim(LimitsOf(config_).policy);
  }
}

absl::Status Connector::StoreWaiting(Stored& stored, Now now) {
  for (const LossRecord& loss : unstored_.losses()) {
    if (absl::Status s = outbox_.RecordLoss(loss); !s.ok()) return s;
  }
  for (const UnstoredData::Item& item : unstored_.items()) {
    if (absl::Status s = AppendData(item.entry, stored, item.layout.get()); !s.ok()) return s;
  }
  std::vector<std::pair<absl::string_view, int64_t>> positions;
  if (now.monotonic >= mark_age_at_) {
    const AgeClock::Mark mark = age_.mark();
    positions = {{kAge, mark.age}, {kAgeWall, mark.wall}, {kAgeMonotonic, mark.monotonic}};
  }
  if (news_.told() != stored_told_) {
    positions.emplace_back(LossNews::kToldPosition, news_.told().number);
    positions.emplace_back(kToldCount, news_.told().count);
  }
  for (const auto& [name, position] : positions) {
    if (absl::Status s = outbox_.SetPosition(name, position); !s.ok()) return s;
  }
  // If the commit fails, they are late, or told twice.
  if (now.monotonic >= mark_age_at_) {
    mark_age_at_ =
        now.monotonic + (config_.cache_max_age_s() == 0 ? kMarkWithoutBound : kMarkEvery);
  }
  stored_told_ = news_.told();
  return absl::OkStatus();
}

absl::StatusOr<std::string> Connector::NextRequestId(bool rollout) {
  const absl::StatusOr<int64_t> number = outbox_.NextCounter(rollout ? "rollout" : "request");
  // 2.1.1: serial_n. Its result must be stored anyway.
  if (rollout && number.ok()) return absl::StrCat(device_.serial_number(), "_", *number);
  if (number.ok()) {
    request_number_ = *number;
    request_suffix_ = 0;
  } else if (rollout || request_number_ == 0) {
    return number.status();
  }
  // Other requests are told apart by the connector's name. While the disk fails,
  // the last number, which nobody else has, makes further ids.
  std::string id = absl::StrCat(device_.serial_number(), "_", config_.name(), "_", request_number_);
  if (!number.ok()) absl::StrAppend(&id, "_", ++request_suffix_);
  return id;
}

// --- Who is told --------------------------------------------------------------------

LossNews::Told Connector::StoredTold(const Outbox& outbox) {
  return {.number = outbox.Position(LossNews::kToldPosition).value_or(0),
          .count = outbox.Position(kToldCount).value_or(0)};
}

void Connector::TellLosses(Now now) {
  news_.Note(outbox_.Stats(), now.monotonic);
  if (lifecycle_.state() == LifecycleState::kRunning &&
      now.monotonic >= std::max(news_.ReportAt(), report_losses_at_)) {
    ReportLosses(now);
  }
  if (now.monotonic >= std::max(news_.EntriesAt(), note_losses_at_)) NoteLosses(now);
}

void Connector::ReportLosses(Now now) {
  report_losses_at_ = now.monotonic + kTellAgain;  // unless it succeeds
  const OutboxStats stats = outbox_.Stats();
  // Answers that somebody waits for come first.
  if (stats.bytes - stats.data_bytes > kMaxResultBytes / 2) return;
  absl::StatusOr<std::vector<LossRecord>> losses =
      outbox_.Losses(static_cast<int>(stats.unreported_losses));
  if (!losses.ok() || losses->empty()) return;
  if (losses->size() > kRecordsAtOnce) losses->resize(kRecordsAtOnce);
  const int64_t number = losses->back().number;
  const Identity& identity = lifecycle_.identity();
  OutboxEntry entry;
  entry.lane = Lane::kResult;
  entry.topic = TopicsOf(identity.customer_id, identity.gateway_id).state_result;
  entry.qos = static_cast<int>(Qos::kAtLeastOnce);
  entry.timestamp = Timestamp(now.wall);
  entry.content = LossBody(
      config_, absl::StrCat("loss_", device_.serial_number(), "_", config_.name(), "_", number),
      *losses, stats.dropped);
  const auto report = [&](Stored& stored) {
    const absl::StatusOr<EntryId> id = outbox_.Append(entry);
    if (!id.ok()) return id.status();
    stored.push_back({*id, entry});
    return outbox_.MarkReported(number);
  };
  if (!Transact(report, now).ok()) return;
  report_losses_at_ = now.monotonic;
  news_.Note(outbox_.Stats(), now.monotonic);
}

void Connector::NoteLosses(Now now) {
  note_losses_at_ = now.monotonic + kNoteAgain;
  const absl::StatusOr<std::vector<LossRecord>> losses = outbox_.Losses();
  if (!losses.ok()) return;
  std::optional<LossNews::Entries> entries = news_.TakeEntries(*losses, now.monotonic);
  if (!entries) return;
  for (std::string& text : entries->texts) {
    text = absl::StrCat(config_.name(), " lost ", text);
    log::Warning("data lost", {{"connector", config_.name()}, {"what", text}});
  }
  host_.NoteLosses(std::move(entries->texts));
}

void Connector::OnLossesNoted(const absl::Status& status, Now now) {
  news_.Settled(status.ok(), now.monotonic);
}

MonotonicTime Connector::LossDeadline() const {
  MonotonicTime next = std::max(news_.EntriesAt(), note_losses_at_);
  if (lifecycle_.state() == LifecycleState::kRunning) {
    next = std::min(next, std::max(news_.ReportAt(), report_losses_at_));
  }
  if (config_.cache_max_age_s() != 0 && outbox_.Stats().data_bytes > 0) {
    next = std::min(next, look_for_old_at_);
  }
  return next;
}

// --- Status ---------------------------------------------------------------------------

absl::StatusOr<std::vector<v1::Loss>> Connector::Losses(int count) const {
  const absl::StatusOr<std::vector<LossRecord>> records = outbox_.Losses(count);
  if (!records.ok()) return records.status();
  std::vector<v1::Loss> losses;
  for (auto record = records->rbegin(); record != records->rend(); ++record) {
    v1::Loss& loss = losses.emplace_back();
    loss.set_number(record->number);
    loss.set_first_message_id(record->first_message_id);
    loss.set_last_message_id(record->last_message_id);
    loss.set_first_timestamp(record->first_timestamp);
    loss.set_last_timestamp(record->last_timestamp);
    loss.set_count(record->count);
    loss.set_reason(record->reason);
    loss.set_reported(record->reported);
  }
  return losses;
}

int64_t Connector::MessagesWaiting() const {
  // Acknowledged ones are still on the disk until the next transaction.
  const int64_t stored = outbox_.Stats().entries - static_cast<int64_t>(acknowledged_.size());
  return std::max<int64_t>(stored, 0) + static_cast<int64_t>(unstored_.items().size());
}

void Connector::AddLosses(v1::ConnectorStatus& status) const {
  status.set_disk_low(floor_.low());
  status.set_disk_error(disk_error_);
  const absl::StatusOr<std::vector<v1::Loss>> losses = Losses(kShown);
  if (!losses.ok()) return;
  for (const v1::Loss& loss : *losses) *status.add_losses() = loss;
}

}  // namespace fieldgate::cloud_link
