#include "services/process_data/logging/fake_log_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fieldgate::process_data {

void FakeLogStore::FailWith(absl::Status status) {
  std::lock_guard lock(mutex_);
  failure_ = std::move(status);
}

int FakeLogStore::commits() const {
  std::lock_guard lock(mutex_);
  return commits_;
}

int64_t FakeLogStore::Log::bytes() const {
  int64_t bytes = 0;
  for (const NewRecord& record : records) bytes += static_cast<int64_t>(record.content.size());
  return bytes;
}

absl::Status FakeLogStore::Configure(const std::vector<Definition>& logs) {
  std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  for (auto& [name, log] : logs_) log.configured = false;
  order_.clear();
  for (const Definition& definition : logs) {
    order_.push_back(definition.log);
    logs_[definition.log].configured = true;
    logs_[definition.log].bounds = definition.bounds;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> FakeLogStore::AdoptEpoch(int64_t epoch) {
  std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  const bool forget = epoch_.has_value() && epoch > *epoch_;
  epoch_ = epoch;
  if (forget) {
    logs_.clear();
    order_.clear();
  }
  return forget;
}

absl::StatusOr<std::vector<int64_t>> FakeLogStore::Append(
    const std::vector<NewRecord>& records, const std::map<std::string, uint64_t>& lost) {
  std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  for (const NewRecord& record : records) {
    const auto log = logs_.find(record.log);
    if (log == logs_.end() || !log->second.configured) {
      return absl::FailedPreconditionError(absl::StrCat("there is no log '", record.log, "'"));
    }
  }
  std::vector<int64_t> ids;
  for (const NewRecord& record : records) {
    Log& log = logs_[record.log];
    log.records.push_back(record);
    ids.push_back(++log.last_id);
    while (log.bytes() > log.bounds.max_bytes && log.records.size() > 1) {
      log.records.pop_front();
      ++log.dropped;
    }
  }
  for (const auto& [name, count] : lost) logs_[name].dropped += count;
  ++commits_;
  return ids;
}

absl::StatusOr<bool> FakeLogStore::Evict(Now now) {
  std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  for (auto& [name, log] : logs_) {
    while (!log.records.empty() &&
           now.monotonic - log.records.front().monotonic > log.bounds.max_age) {
      log.records.pop_front();
      ++log.dropped;
    }
  }
  return false;
}

absl::StatusOr<LogRecords> FakeLogStore::Read(const std::string& name, const LogQuery& query) {
  std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  const auto found = logs_.find(name);
  if (found == logs_.end() || (!found->second.configured && found->second.records.empty())) {
    return absl::NotFoundError(absl::StrCat("there is no log '", name, "'"));
  }
  const Log& log = found->second;
  LogRecords result;
  int64_t id = log.last_id - static_cast<int64_t>(log.records.size());
  for (const NewRecord& record : log.records) {
    if (++id <= query.after_id || (query.from && record.recorded_at < *query.from) ||
        (query.until && record.recorded_at >= *query.until)) {
      continue;
    }
    auto layout = std::find(result.layouts.begin(), result.layouts.end(), *record.layout);
    if (layout == result.layouts.end()) {
      layout = result.layouts.insert(result.layouts.end(), *record.layout);
    }
    result.records.push_back({id, record.recorded_at,
                              static_cast<size_t>(layout - result.layouts.begin()),
                              *DecodeRecord(record.content)});
  }
  if (query.newest_first) std::reverse(result.records.begin(), result.records.end());
  result.more = result.records.size() > static_cast<size_t>(query.count);
  if (result.more) result.records.resize(static_cast<size_t>(query.count));
  return result;
}

void FakeLogStore::SetFreeBytes(int64_t bytes) {
  std::lock_guard lock(mutex_);
  free_bytes_ = bytes;
}

absl::StatusOr<int64_t> FakeLogStore::FreeBytes() {
  std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  return free_bytes_;
}

std::vector<StoredLog> FakeLogStore::Logs() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names = order_;
  for (const auto& [name, log] : logs_) {
    if (!log.configured && !log.records.empty()) names.push_back(name);
  }
  std::vector<StoredLog> shown;
  for (const std::string& name : names) {
    const Log& log = logs_.at(name);
    const auto count = static_cast<int64_t>(log.records.size());
    StoredLog& stored = shown.emplace_back();
    stored.name = name;
    stored.configured = log.configured;
    stored.records = static_cast<uint64_t>(count);
    stored.first_id = count == 0 ? 0 : log.last_id - count + 1;
    stored.last_id = log.last_id;
    stored.bytes = static_cast<uint64_t>(log.bytes());
    stored.dropped = log.dropped;
    if (count > 0) stored.last_recorded_at = log.records.back().recorded_at;
  }
  return shown;
}

}  // namespace fieldgate::process_data
