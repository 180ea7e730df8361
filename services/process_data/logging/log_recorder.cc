#include "services/process_data/logging/log_recorder.h"

#include <algorithm>
#include <unordered_map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/log/log.h"
#include "services/process_data/paths.h"

namespace fieldgate::process_data {
namespace {

// Changes wait that long for further ones, so that a restless value costs ten
// commits a second and not a hundred.
constexpr absl::Duration kGather = absl::Milliseconds(100);
constexpr size_t kCommitBytes = 256 << 10;

// Records of this time take less than what is kept free.
constexpr absl::Duration kLookAtDiskEvery = absl::Seconds(1);
constexpr absl::Duration kRetry = absl::Seconds(1);

// Waiting for the disk, with what each record takes besides its content.
constexpr size_t kMaxPendingBytes = 1 << 20;
constexpr size_t kPendingOverhead = 128;

size_t SizeOf(const NewRecord& record) { return record.content.size() + kPendingOverhead; }

bool NeverHadAValue(const RecordValues& values) {
  return std::all_of(values.kinds.begin(), values.kinds.end(),
                     [](char kind) { return kind == static_cast<char>(ValueKind::kNone); });
}

}  // namespace

LogDefinition DefinitionOf(const config_store::v1::Log& log) {
  LogLayout layout;
  for (const config_store::v1::DataPoint& point : log.points()) {
    for (const std::string* path : {&point.path(), &point.second_path()}) {
      if (path->empty()) continue;
      layout.names.push_back(point.name());
      layout.paths.push_back(*path);
    }
  }
  return {.name = log.name(),
          .cycle = absl::Milliseconds(log.cycle_ms()),
          .on_change = log.on_change(),
          .bounds = {.max_bytes =
                         log.max_bytes() == 0 ? INT64_MAX : static_cast<int64_t>(log.max_bytes()),
                     .max_age = log.max_age_s() == 0 ? absl::InfiniteDuration()
                                                     : absl::Seconds(log.max_age_s())},
          .layout = std::make_shared<const LogLayout>(std::move(layout))};
}

LogRecorder::LogRecorder(ProcessImage& image, LogStore& store, const Clock& clock,
                         KeepFresh keep_fresh)
    : image_(image),
      store_(store),
      clock_(clock),
      keep_fresh_(std::move(keep_fresh)),
      pending_since_(clock.Now()),
      retry_at_(clock.Now()),
      evict_at_(clock.Now()),
      look_at_disk_at_(clock.Now()) {
  Follow(/*watched=*/true);
  Follow(/*watched=*/false);
}

LogRecorder::~LogRecorder() = default;

void LogRecorder::Group::Take() {
  Batch batch;
  while (subscription->Next(absl::ZeroDuration(), batch)) table.Apply(batch);
}

void LogRecorder::Follow(bool watched) {
  std::vector<std::string> paths;
  std::unordered_map<std::string, size_t> index;
  for (Log& log : logs_) {
    if (log.definition.on_change != watched) continue;
    log.points.clear();
    for (const std::string& path : log.definition.layout->paths) {
      const auto [found, added] = index.try_emplace(path, paths.size());
      if (added) paths.push_back(path);
      log.points.push_back(found->second);
    }
  }
  Group group = {.subscription = nullptr, .table = ValueTable(paths.size())};
  group.subscription = image_.Follow(std::move(paths));
  std::lock_guard lock(wake_mutex_);
  (watched ? watched_ : others_) = std::move(group);
}

void LogRecorder::Configure(std::vector<LogDefinition> definitions, int64_t factory_epoch) {
  const MonotonicTime now = clock_.Now();
  const bool forget = configured_ && factory_epoch > epoch_;
  if (forget) {
    pending_.clear();
    pending_bytes_ = 0;
    lost_.clear();
  }
  configured_ = true;
  epoch_ = factory_epoch;

  std::map<std::string, absl::Time> last_records;
  for (const StoredLog& stored : store_.Logs()) {
    if (stored.last_recorded_at.has_value()) last_records[stored.name] = *stored.last_recorded_at;
  }
  std::vector<Log> logs;
  std::vector<RecordSchedule::Timing> timings;
  std::vector<std::string> paths;
  for (LogDefinition& definition : definitions) {
    const auto last = last_records.find(definition.name);
    timings.push_back(
        {definition.name, definition.cycle,
         FirstRecordDelay(definition.cycle,
                          last == last_records.end() ? std::nullopt : std::optional(last->second),
                          clock_.WallNow())});
    paths.insert(paths.end(), definition.layout->paths.begin(), definition.layout->paths.end());
    Log& log = logs.emplace_back();
    log.definition = std::move(definition);
    for (Log& old : logs_) {
      if (old.definition.name != log.definition.name) continue;
      log.error = std::move(old.error);
      const bool same = *old.definition.layout == *log.definition.layout;
      if (same && !forget) log.last = std::move(old.last);
    }
  }
  logs_ = std::move(logs);
  schedule_.Configure(timings, now);
  Follow(/*watched=*/true);
  Follow(/*watched=*/false);
  // The new one before the old one goes, so that nothing is read twice.
  fresh_ = keep_fresh_ != nullptr && !paths.empty() ? keep_fresh_(paths) : nullptr;

  // What is pending of logs that are there no more was meant to be kept.
  if (!pending_.empty()) Commit({}).IgnoreError();
  const auto gone = [this](const NewRecord& record) {
    return std::none_of(logs_.begin(), logs_.end(),
                        [&record](const Log& log) { return log.definition.name == record.log; });
  };
  for (const NewRecord& record : pending_) {
    if (gone(record)) pending_bytes_ -= SizeOf(record);
  }
  pending_.erase(std::remove_if(pending_.begin(), pending_.end(), gone), pending_.end());

  prepared_ = false;
  retry_at_ = now;
  evict_at_ = now;
  Prepare();
  Show();
}

void LogRecorder::Prepare() {
  if (prepared_ || clock_.Now() < retry_at_) return;
  absl::Status status = store_.AdoptEpoch(epoch_).status();
  // Nothing may be shown of what is to be forgotten.
  readable_ = status.ok();
  if (status.ok()) {
    std::vector<LogStore::Definition> definitions;
    for (const Log& log : logs_) {
      definitions.push_back({log.definition.name, log.definition.bounds});
    }
    if (disk_low_) KeepFromGrowing(definitions);
    status = store_.Configure(definitions);
  }
  prepared_ = status.ok();
  prepare_error_ = status;
  if (!prepared_) retry_at_ = clock_.Now() + kRetry;
  show_ = true;
  for (Log& log : logs_) NoteError(log, std::string(status.message()));
}

std::vector<absl::StatusOr<int64_t>> LogRecorder::Run(const std::vector<std::string>& requests) {
  const MonotonicTime now = clock_.Now();
  LookAtDisk(now);
  Prepare();
  watched_.Take();
  MakeDue(now);
  MakeChanged(now);

  std::vector<absl::StatusOr<int64_t>> results;
  std::vector<NewRecord> requested;
  for (const std::string& name : requests) {
    const auto log = std::find_if(logs_.begin(), logs_.end(), [&name](const Log& candidate) {
      return candidate.definition.name == name;
    });
    if (log != logs_.end()) {
      others_.Take();
      requested.push_back(Make(*log));
      results.push_back(int64_t{0});
    } else if (!configured_) {
      results.push_back(absl::UnavailableError("no configuration has come yet"));
    } else {
      std::vector<std::string> names;
      for (const Log& known : logs_) names.push_back(known.definition.name);
      results.push_back(absl::NotFoundError(absl::StrCat(
          "there is no log '", name, "'", names.empty() ? "; none is configured" : "; there are ",
          absl::StrJoin(names, ", "))));
    }
  }
  if (!requested.empty() || MustCommit(now)) {
    const absl::StatusOr<std::vector<int64_t>> ids = Commit(std::move(requested));
    size_t id = 0;
    for (absl::StatusOr<int64_t>& result : results) {
      if (!result.ok()) continue;
      if (ids.ok()) {
        result = (*ids)[id++];
      } else {
        result = absl::UnavailableError(ids.status().message());
      }
    }
  }
  Evict(now);
  Show();
  return results;
}

NewRecord LogRecorder::Make(Log& log) {
  log.last = GroupOf(log).table.Gather(log.points);
  return {.log = log.definition.name,
          .layout = log.definition.layout,
          .recorded_at = clock_.WallNow(),
          .monotonic = clock_.Now(),
          .content = EncodeRecord(log.last)};
}

void LogRecorder::MakeDue(MonotonicTime now) {
  const std::vector<size_t> due = schedule_.TakeDue(now);
  if (due.empty()) return;
  others_.Take();
  for (const size_t i : due) AddPending(Make(logs_[i]), now);
  pending_cyclic_ = true;
}

void LogRecorder::MakeChanged(MonotonicTime now) {
  if (!watched_.table.any_changed()) return;
  for (Log& log : logs_) {
    if (!log.definition.on_change) continue;
    const bool changed = std::any_of(log.points.begin(), log.points.end(), [this](size_t point) {
      return watched_.table.changed(point);
    });
    if (!changed) continue;
    // After a change of the configuration all values are new to the table; and
    // what was recorded a moment ago because it was due is not to be repeated.
    const RecordValues values = watched_.table.Gather(log.points);
    if (values == log.last || (log.last.size() == 0 && NeverHadAValue(values))) continue;
    AddPending(Make(log), now);
  }
  watched_.table.ClearChanges();
}

void LogRecorder::AddPending(NewRecord record, MonotonicTime now) {
  if (pending_.empty()) pending_since_ = now;
  pending_bytes_ += SizeOf(record);
  pending_.push_back(std::move(record));
  size_t surplus = 0;
  while (pending_bytes_ > kMaxPendingBytes && surplus + 1 < pending_.size()) {
    pending_bytes_ -= SizeOf(pending_[surplus]);
    ++lost_[pending_[surplus++].log];
  }
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(surplus));
}

bool LogRecorder::MustCommit(MonotonicTime now) const {
  if (pending_.empty() || now < retry_at_) return false;
  return pending_cyclic_ || now >= pending_since_ + kGather || pending_bytes_ >= kCommitBytes;
}

absl::StatusOr<std::vector<int64_t>> LogRecorder::Commit(std::vector<NewRecord> requested) {
  const size_t pending = pending_.size();
  for (NewRecord& record : requested) pending_.push_back(std::move(record));
  absl::StatusOr<std::vector<int64_t>> ids = std::vector<int64_t>();
  if (prepared_) {
    ids = store_.Append(pending_, lost_);
  } else {
    ids = prepare_error_;
  }
  show_ = true;
  for (Log& log : logs_) {
    const bool taking_part =
        std::any_of(pending_.begin(), pending_.end(),
                    [&log](const NewRecord& record) { return record.log == log.definition.name; });
    // An error of Prepare says more.
    if (taking_part && prepared_) NoteError(log, std::string(ids.status().message()));
  }
  if (!ids.ok()) {
    pending_.resize(pending);
    retry_at_ = clock_.Now() + kRetry;
    return ids;
  }
  pending_.clear();
  pending_bytes_ = 0;
  pending_cyclic_ = false;
  lost_.clear();
  ids->erase(ids->begin(), ids->begin() + static_cast<ptrdiff_t>(pending));
  return ids;
}

void LogRecorder::NoteError(Log& log, const std::string& error) {
  if (log.error == error) return;
  log.error = error;
  if (error.empty()) {
    log::Info("log is recorded again", {{"log", log.definition.name}});
  } else {
    log::Error("log can't be recorded", {{"log", log.definition.name}, {"error", error}});
  }
}

void LogRecorder::Evict(MonotonicTime now) {
  if (now < evict_at_ || !prepared_) return;
  absl::Duration period = absl::Minutes(1);
  for (const Log& log : logs_) period = std::min(period, log.definition.bounds.max_age / 10);
  const absl::StatusOr<bool> more = store_.Evict(NowOf(clock_));
  show_ = true;
  evict_at_ =
      now + (more.value_or(false) ? absl::ZeroDuration() : std::max(period, absl::Seconds(1)));
  const std::string error(more.status().message());
  if (error != evict_error_ && !error.empty()) {
    log::Error("old records of logs can't be removed", {{"error", error}});
  }
  evict_error_ = error;
}

void LogRecorder::KeepFromGrowing(std::vector<LogStore::Definition>& definitions) const {
  for (const StoredLog& stored : store_.Logs()) {
    for (LogStore::Definition& definition : definitions) {
      if (definition.log != stored.name) continue;
      definition.bounds = WithoutGrowth(definition.bounds, static_cast<int64_t>(stored.bytes));
    }
  }
}

void LogRecorder::LookAtDisk(MonotonicTime now) {
  if (now < look_at_disk_at_ || logs_.empty()) return;
  look_at_disk_at_ = now + kLookAtDiskEvery;
  const absl::StatusOr<int64_t> free = store_.FreeBytes();
  if (!free.ok() || IsLow(*free, disk_low_) == disk_low_) return;  // storing tells
  disk_low_ = !disk_low_;
  log::Warning(disk_low_ ? "the disk has too little free space: logs don't grow"
                         : "the disk has enough free space again: logs may grow",
               {{"free_bytes", absl::StrCat(*free)}});
  prepared_ = false;  // other bounds
  retry_at_ = now;
}

void LogRecorder::Flush() {
  if (!pending_.empty()) Commit({}).IgnoreError();
}

MonotonicTime LogRecorder::Next() const {
  MonotonicTime next = std::min(schedule_.Next(), evict_at_);
  if (!prepared_) next = std::min(schedule_.Next(), retry_at_);
  if (!pending_.empty()) {
    next = std::min(next, std::max(retry_at_, pending_since_ + kGather));
  }
  return next;
}

void LogRecorder::Wait() {
  if (interrupted_.exchange(false)) return;
  const absl::Duration timeout = std::max(Next() - clock_.Now(), absl::ZeroDuration());
  // A wait without end overflows.
  if (watched_.subscription->Next(std::min(timeout, absl::Hours(1)), batch_)) {
    watched_.table.Apply(batch_);
  }
}

void LogRecorder::Interrupt() {
  std::lock_guard lock(wake_mutex_);
  interrupted_ = true;
  watched_.subscription->Interrupt();
}

std::map<std::string, std::string> LogRecorder::Errors() const {
  std::map<std::string, std::string> errors;
  for (const Log& log : logs_) errors[log.definition.name] = log.error;
  return errors;
}

void LogRecorder::Show() {
  if (!std::exchange(show_, false)) return;
  std::map<std::string, StoredLog> stored;
  for (StoredLog& log : store_.Logs()) stored[log.name] = log;
  std::vector<std::pair<std::string, Value>> values;
  for (const Log& log : logs_) {
    const StoredLog& s = stored[log.definition.name];
    const auto add = [&](absl::string_view name, Value value) {
      values.emplace_back(absl::StrCat(kLogs, "/", log.definition.name, "/", name),
                          std::move(value));
    };
    add("LastRecord", static_cast<uint64_t>(s.last_id));
    add("Records", s.records);
    add("Dropped", s.dropped);
    add("Error", log.error);
  }
  const bool same_paths =
      std::equal(values.begin(), values.end(), shown_.begin(), shown_.end(),
                 [](const auto& a, const auto& b) { return a.first == b.first; });
  if (!same_paths) {
    image_.ConfigureLogs(values, clock_.WallNow());
  } else if (values != shown_) {
    std::vector<std::pair<std::string, Value>> changed;
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i].second != shown_[i].second) changed.push_back(values[i]);
    }
    image_.PutLogs(changed, clock_.WallNow());
  }
  shown_ = std::move(values);
}

}  // namespace fieldgate::process_data
