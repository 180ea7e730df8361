// What a connector does with the records of its log sections (manual 1 "Log
// data"): the log is the buffer. Records are taken from it in small batches, and
// only as fast as the broker takes them, so that a month of them neither fills
// the outbox nor holds up live data.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "services/cloud_link/connector.h"

namespace fieldgate::cloud_link {
namespace {

// Records of one read; ReadLog ends earlier at 1 MiB.
constexpr int kBatch = 100;
// Nothing is read while so many messages made of records wait: two windows of
// the pump, so that it never waits for a read, and some seconds of a slow line.
constexpr size_t kMaxWaiting = 200;
// Nor while data fill more than a quarter of the outbox; a batch fills no more
// than a half. The rest is for what can't be read again.
constexpr int64_t kReadBelow = 4;
constexpr int64_t kFillUpTo = 2;

std::string PositionName(absl::string_view log) { return absl::StrCat("log ", log); }

// "record 5", "records 5 to 17"
std::string Range(int64_t first, int64_t last) {
  return first == last ? absl::StrCat("record ", first)
                       : absl::StrCat("records ", first, " to ", last);
}

}  // namespace

void Connector::BuildLogs() {
  logs_.clear();
  for (size_t i = 0; i < sections_.plan().log_sections.size(); ++i) {
    logs_.push_back({LogRecords(sections_.plan(), i), 0, 0, ""});
  }
}

absl::Status Connector::SendLogData(std::optional<int> section) {
  if (!config_.start() || !layout_) {
    return absl::UnavailableError(absl::StrCat(
        config_.name(), config_.start() ? "'s data points can't be sent" : " is not started"));
  }
  if (log_schedule_.SendNow(section)) return absl::OkStatus();
  return absl::NotFoundError(section.has_value()
                                 ? absl::StrCat(config_.name(), " has no Log", *section)
                                 : absl::StrCat(config_.name(), " has no log section"));
}

bool Connector::MayTakeRecords() const {
  if (lifecycle_.state() != LifecycleState::kRunning || !MayStore()) return false;
  const OutboxStats stats = outbox_.Stats();
  return log_waiting_.size() < kMaxWaiting && stats.data_bytes <= stats.data_limit / kReadBelow;
}

bool Connector::HasRoomFor(const OutboxEntry& entry) const {
  const OutboxStats stats = outbox_.Stats();
  const int64_t size = SizeOf(entry);
  if (size > stats.data_limit) return true;  // never will it fit: its loss is recorded
  const int64_t limit = stats.data_bytes <= stats.data_limit / kReadBelow
                            ? stats.data_limit
                            : stats.data_limit / kFillUpTo;
  return stats.data_bytes + size <= limit;
}

void Connector::ReadLogs(Now now) {
  if (!MayTakeRecords()) return;
  const std::optional<size_t> section = log_schedule_.Next(now.monotonic);
  if (!section) return;
  const std::string& log = config_.log_sections(static_cast<int>(*section)).log();
  process_data::v1::ReadLogRequest request;
  request.set_log(log);
  request.set_after_id(outbox_.Position(PositionName(log)).value_or(0));
  request.set_count(kBatch);
  host_.ReadLog(++log_ticket_, std::move(request));
}

void Connector::OnLogRead(uint64_t ticket, const absl::StatusOr<LogAnswer>& answer, Now now) {
  // Asked before a pause or a change of the sections: it is asked again.
  if (ticket != log_ticket_ || !log_schedule_.reading()) return;
  const size_t section = *log_schedule_.reading();
  const std::string& name = config_.log_sections(static_cast<int>(section)).log();
  Log& log = logs_[section];
  if (!answer.ok()) {
    if (answer.status().ToString() != log.last_failure) {
      log.last_failure = answer.status().ToString();
      log::Warning("a log can't be read",
                   {{"connector", config_.name()}, {"log", name}, {"why", log.last_failure}});
    }
    return log_schedule_.Failed(now.monotonic);
  }
  log.last_failure.clear();
  const std::vector<LogStep> steps =
      log.records.Steps(*answer, outbox_.Position(PositionName(name)));
  size_t done = 0;
  std::vector<EntryId> ids;
  const auto store = [&](Stored& stored) {
    for (; done < steps.size(); ++done) {
      OutboxEntry entry = DataEntry(steps[done].recorded_at, steps[done].columns);
      if (steps[done].what == LogStep::What::kSend && !HasRoomFor(entry)) break;
      absl::Status s = StoreStep(name, steps[done], std::move(entry), stored);
      if (!s.ok()) return s;
    }
    if (done == 0) return absl::OkStatus();
    for (const StoredEntry& entry : stored) ids.push_back(entry.id);
    return outbox_.SetPosition(PositionName(name), steps[done - 1].id);
  };
  if (!steps.empty() && !Transact(store, now).ok()) return log_schedule_.Failed(now.monotonic);
  log_waiting_.insert(log_waiting_.end(), ids.begin(), ids.end());
  // Without room for a single one: not again at once.
  if (done < steps.size() && done == 0) return log_schedule_.Failed(now.monotonic);
  const bool more_there =
      answer->read.more() || (answer->extent && answer->extent->first_id() != 0);
  const bool more = done < steps.size() || (done > 0 && more_there);
  NoteSteps(section, absl::MakeConstSpan(steps).first(done), more);
  // A log full of damaged records is passed slowly, each with its entry.
  if (answer->damaged) return log_schedule_.Failed(now.monotonic);
  log_schedule_.Done(more);
}

absl::Status Connector::StoreStep(const std::string& log, const LogStep& step, OutboxEntry entry,
                                  Stored& stored) {
  if (step.missing_from != 0) {
    LossRecord loss;
    // When they were recorded is gone with them; the time of the next is a bound.
    loss.last_timestamp = step.what == LogStep::What::kMove ? 0 : entry.timestamp;
    loss.count = step.missing_until - step.missing_from + 1;
    loss.reason =
        absl::StrCat(LossNews::kOfLog, log, ": ", Range(step.missing_from, step.missing_until),
                     " dropped by the log's bounds");
    if (absl::Status s = outbox_.RecordLoss(loss); !s.ok()) return s;
  }
  switch (step.what) {
    case LogStep::What::kSend:
      return AppendData(std::move(entry), stored);
    case LogStep::What::kUnreadable:
      return outbox_.RecordLoss(
          {.first_timestamp = entry.timestamp,
           .last_timestamp = entry.timestamp,
           .count = 1,
           .reason = absl::StrCat(LossNews::kOfLog, log, ": damaged record")});
    default:
      return absl::OkStatus();
  }
}

void Connector::NoteSteps(size_t section, absl::Span<const LogStep> steps, bool more) {
  Log& log = logs_[section];
  const auto tell_skipped = [&] {
    if (log.skipped == 0) return;
    NoteLog(section, absl::StrCat("without any data point that is sent, and so left out: ",
                                  log.skipped, " records up to ", log.skipped_until));
    log.skipped = 0;
  };
  int64_t unreadable = 0;
  for (const LogStep& step : steps) {
    if (step.missing_from != 0) {
      const int64_t count = step.missing_until - step.missing_from + 1;
      NoteLog(section,
              absl::StrCat("dropped by the log's bounds before they were sent: ",
                           Range(step.missing_from, step.missing_until), " (", count, ")"));
    }
    if (step.anew) {
      NoteLog(section, absl::StrCat("it begins anew; sending goes on at record ",
                                    step.what == LogStep::What::kMove ? step.id + 1 : step.id));
    }
    if (step.what == LogStep::What::kUnreadable) ++unreadable;
    if (step.what == LogStep::What::kSkip) {
      ++log.skipped;
      log.skipped_until = step.id;
    }
    if (step.what == LogStep::What::kSend) tell_skipped();
  }
  if (unreadable > 0) {
    NoteLog(section, absl::StrCat("damaged, and so left out: ", unreadable, " records up to ",
                                  steps.back().id));
  }
  if (!more) tell_skipped();
}

void Connector::NoteLog(size_t section, absl::string_view what) {
  const std::string& log = config_.log_sections(static_cast<int>(section)).log();
  log::Warning("log data",
               {{"connector", config_.name()}, {"log", log}, {"what", std::string(what)}});
  host_.NoteForSupport(absl::StrCat("log ", log, " of ", config_.name(), ": ", what));
}

void Connector::NoteAcknowledged(const std::vector<EntryId>& ids) {
  EntryId newest = 0;
  for (const EntryId id : ids) {
    if (LaneOf(id) == Lane::kData) newest = std::max(newest, id);
  }
  // Older ones were acknowledged, too, or dropped. An empty lane holds none.
  const bool empty = outbox_.Stats().data_bytes == 0;
  while (!log_waiting_.empty() && (empty || log_waiting_.front() <= newest)) {
    log_waiting_.pop_front();
  }
}

void Connector::AddLogs(v1::ConnectorStatus& status) const {
  for (const config_store::v1::LogSection& section : config_.log_sections()) {
    auto& position = *status.add_logs();
    position.set_log(section.log());
    position.set_sent_id(outbox_.Position(PositionName(section.log())).value_or(0));
  }
}

}  // namespace fieldgate::cloud_link
