#include "services/cloud_link/log_data/test_log.h"

#include <algorithm>
#include <bit>

#include "absl/status/status.h"

namespace fieldgate::cloud_link {
namespace {

namespace v1 = process_data::v1;

void AddValue(const Value& value, v1::ReadLogResponse::Record& record) {
  record.mutable_states()->push_back(1);
  if (const auto* d = std::get_if<double>(&value)) {
    record.mutable_kinds()->push_back(v1::FLOAT);
    record.add_bits(std::bit_cast<uint64_t>(*d));
  } else if (const auto* i = std::get_if<int64_t>(&value)) {
    record.mutable_kinds()->push_back(v1::INT);
    record.add_bits(static_cast<uint64_t>(*i));
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    record.mutable_kinds()->push_back(v1::TEXT);
    record.add_bits(static_cast<uint64_t>(record.texts_size()));
    record.add_texts(*text);
  } else {
    record.mutable_kinds()->push_back(v1::NONE);
    record.add_bits(0);
  }
}

}  // namespace

void TestLog::SetPaths(std::vector<std::string> paths) { layouts_.push_back(std::move(paths)); }

int64_t TestLog::Record(int64_t recorded_at_us, const std::vector<Value>& values) {
  v1::ReadLogResponse::Record& record = records_.emplace_back();
  record.set_id(++last_id_);
  record.set_recorded_at_us(recorded_at_us);
  record.set_layout(static_cast<uint32_t>(layouts_.size() - 1));
  for (const Value& value : values) AddValue(value, record);
  return last_id_;
}

void TestLog::DropUntil(int64_t id) {
  dropped_ += static_cast<int64_t>(
      std::erase_if(records_, [&](const auto& record) { return record.id() <= id; }));
}

void TestLog::Reset(int64_t last_id) {
  records_.clear();
  last_id_ = last_id;
  dropped_ = 0;
}

absl::StatusOr<v1::ReadLogResponse> TestLog::Read(const v1::ReadLogRequest& request) const {
  std::vector<const v1::ReadLogResponse::Record*> fitting;
  for (const auto& record : records_) {
    if (record.id() <= request.after_id() || record.recorded_at_us() < request.from_us()) continue;
    if (request.until_us() != 0 && record.recorded_at_us() >= request.until_us()) continue;
    fitting.push_back(&record);
  }
  if (request.newest_first()) std::reverse(fitting.begin(), fitting.end());
  v1::ReadLogResponse response;
  for (const auto& paths : layouts_) {
    auto& layout = *response.add_layouts();
    for (const std::string& path : paths) {
      layout.add_paths(path);
      layout.add_names(path.substr(path.rfind('/') + 1));
    }
  }
  const int count = request.count() == 0 ? 100 : request.count();
  size_t bytes = 0;
  for (const v1::ReadLogResponse::Record* record : fitting) {
    bytes += record->ByteSizeLong();
    if (response.records_size() == count || (response.records_size() > 0 && bytes > 1 << 20)) {
      response.set_more(true);
      break;
    }
    if (damaged_.contains(record->id())) return absl::DataLossError("a record is damaged");
    *response.add_records() = *record;
  }
  return response;
}

v1::ListLogsResponse::Log TestLog::Extent() const {
  v1::ListLogsResponse::Log extent;
  extent.set_records(records_.size());
  extent.set_first_id(records_.empty() ? 0 : records_.front().id());
  extent.set_last_id(last_id_);
  extent.set_dropped(static_cast<uint64_t>(dropped_));
  return extent;
}

}  // namespace fieldgate::cloud_link
