#include "services/process_data/log_messages.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace fieldgate::process_data {
namespace {

constexpr int kDefaultCount = 100;
constexpr int kMaxCount = 1'000;

}  // namespace

absl::StatusOr<LogQuery> ToQuery(const v1::ReadLogRequest& request) {
  if (request.count() < 0 || request.count() > kMaxCount) {
    return absl::InvalidArgumentError(
        absl::StrCat("the count '", request.count(), "' is not from 1 to ", kMaxCount));
  }
  LogQuery query;
  query.after_id = request.after_id();
  if (request.from_us() != 0) query.from = absl::FromUnixMicros(request.from_us());
  if (request.until_us() != 0) query.until = absl::FromUnixMicros(request.until_us());
  query.newest_first = request.newest_first();
  query.count = request.count() == 0 ? kDefaultCount : request.count();
  return query;
}

void ToProto(LogRecords& records, v1::ReadLogResponse& message) {
  for (LogLayout& layout : records.layouts) {
    v1::ReadLogResponse::Layout& l = *message.add_layouts();
    for (std::string& name : layout.names) l.add_names(std::move(name));
    for (std::string& path : layout.paths) l.add_paths(std::move(path));
  }
  for (LogRecords::Record& record : records.records) {
    v1::ReadLogResponse::Record& r = *message.add_records();
    r.set_id(record.id);
    r.set_recorded_at_us(absl::ToUnixMicros(record.recorded_at));
    r.set_layout(static_cast<uint32_t>(record.layout));
    r.set_kinds(std::move(record.values.kinds));
    r.set_states(std::move(record.values.states));
    r.mutable_bits()->Add(record.values.bits.begin(), record.values.bits.end());
    for (std::string& text : record.values.texts) r.add_texts(std::move(text));
  }
  message.set_more(records.more);
}

void ToProto(const DataLogs::Listed& listed, v1::ListLogsResponse::Log& message) {
  message.set_name(listed.stored.name);
  message.set_records(listed.stored.records);
  message.set_first_id(listed.stored.first_id);
  message.set_last_id(listed.stored.last_id);
  message.set_bytes(listed.stored.bytes);
  message.set_dropped(listed.stored.dropped);
  message.set_error(listed.error);
}

}  // namespace fieldgate::process_data
