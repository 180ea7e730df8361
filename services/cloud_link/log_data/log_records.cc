#include "services/cloud_link/log_data/log_records.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/value/batch.h"
#include "services/cloud_link/payload/controller_name.h"
#include "services/cloud_link/payload/data_layout.h"

namespace fieldgate::cloud_link {
namespace {

using process_data::v1::ReadLogResponse;

bool Fits(const ReadLogResponse::Record& record, const ReadLogResponse& response) {
  if (record.layout() >= static_cast<uint32_t>(response.layouts_size())) return false;
  const int columns = response.layouts(static_cast<int>(record.layout())).paths_size();
  return record.kinds().size() == static_cast<size_t>(columns) &&
         record.states().size() == static_cast<size_t>(columns) && record.bits_size() == columns;
}

using Extent = std::optional<process_data::v1::ListLogsResponse::Log>;

// Notes what is between `position` and the next id that is still there.
void NoteGap(std::optional<int64_t> position, int64_t next, const Extent& extent, LogStep& step) {
  if (!position || next <= *position + 1) return;
  // Ids of a log that was lost go on far above the former ones.
  if (extent && static_cast<uint64_t>(next - *position - 1) > extent->dropped()) {
    step.anew = true;
    return;
  }
  step.missing_from = *position + 1;
  step.missing_until = next - 1;
}

// The record right after `position` is damaged.
LogStep DamagedStep(const Extent& extent, std::optional<int64_t> position) {
  LogStep step;
  step.what = LogStep::What::kUnreadable;
  step.id = std::max(position.value_or(0) + 1, extent ? extent->first_id() : 0);
  NoteGap(position, step.id, extent, step);
  return step;
}

// Nothing was found after `position`: what the log's extent says about that.
std::vector<LogStep> StepsWithoutRecords(const Extent& extent, std::optional<int64_t> position) {
  if (!extent) return {};
  LogStep step;
  // The newest record that is gone.
  step.id = extent->first_id() != 0 ? extent->first_id() - 1 : extent->last_id();
  if (position && extent->last_id() < *position) {
    step.anew = true;
  } else if (position && step.id <= *position) {
    return {};
  } else {
    NoteGap(position, step.id + 1, extent, step);
  }
  return {std::move(step)};
}

}  // namespace

LogRecords::LogRecords(const ChannelPlan& plan, size_t section) {
  const ChannelPlan::Section& range = plan.log_sections[section];
  for (uint32_t c = range.first; c < range.first + range.count; ++c) {
    channels_.push_back({c, plan.partner[c], NormalPath(plan.log_paths[c - plan.paths.size()])});
  }
}

std::vector<LogStep> LogRecords::Steps(const LogAnswer& answer,
                                       std::optional<int64_t> position) const {
  const ReadLogResponse& response = answer.read;
  if (answer.damaged) return {DamagedStep(answer.extent, position)};
  if (response.records().empty()) return StepsWithoutRecords(answer.extent, position);
  std::vector<Columns> columns;
  for (const ReadLogResponse::Layout& layout : response.layouts()) {
    columns.push_back(ColumnsOf(layout));
  }
  std::vector<LogStep> steps;
  for (const ReadLogResponse::Record& record : response.records()) {
    if (record.id() <= position.value_or(0)) continue;
    LogStep step;
    if (!Fits(record, response)) {
      step.what = LogStep::What::kUnreadable;
    } else if (const Columns& ours = columns[record.layout()]; ours.channels.empty()) {
      step.what = LogStep::What::kSkip;
    } else {
      step.what = LogStep::What::kSend;
      step.columns = Pack(record, ours);
    }
    step.recorded_at = absl::FromUnixMicros(record.recorded_at_us());
    step.id = record.id();
    NoteGap(position, step.id, steps.empty() ? answer.extent : std::nullopt, step);
    position = step.id;
    steps.push_back(std::move(step));
  }
  return steps;
}

LogRecords::Columns LogRecords::ColumnsOf(const ReadLogResponse::Layout& layout) const {
  absl::flat_hash_map<std::string, int> column_of;
  for (int i = 0; i < layout.paths_size(); ++i) column_of.emplace(NormalPath(layout.paths(i)), i);
  Columns out;
  for (size_t i = 0; i < channels_.size(); ++i) {
    const Channel& channel = channels_[i];
    // One value of a gps point alone says nothing (7.1); they are neighbours.
    const Channel& partner = channels_[i + channel.partner - channel.number];
    const auto column = column_of.find(channel.path);
    if (column == column_of.end() || !column_of.contains(partner.path)) continue;
    out.channels.push_back(channel.number);
    out.columns.push_back(column->second);
  }
  return out;
}

std::string LogRecords::Pack(const ReadLogResponse::Record& record, const Columns& columns) const {
  const uint32_t first = columns.channels.front();
  std::vector<Sample> samples(columns.channels.back() - first + 1);
  for (size_t i = 0; i < columns.channels.size(); ++i) {
    const int column = columns.columns[i];
    Sample& sample = samples[columns.channels[i] - first];
    sample.value = ValueAt(record, column);
    sample.state = static_cast<uint8_t>(record.states()[static_cast<size_t>(column)]);
  }
  return PackColumns(absl::MakeConstSpan(columns.channels), samples, first);
}

}  // namespace fieldgate::cloud_link
