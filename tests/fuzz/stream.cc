// What process_data sends over gRPC: batches of values and records of logs, any
// of which become data messages that can be read, or nothing.
#include <algorithm>
#include <string>
#include <vector>

#include "google/protobuf/stubs/logging.h"
#include "proto/process_data.pb.h"
#include "services/cloud_link/log_data/log_records.h"
#include "services/cloud_link/payload/columns.h"
#include "services/cloud_link/payload/data_layout.h"
#include "services/cloud_link/payload/test_connector.h"
#include "services/cloud_link/realtime/realtime_sections.h"
#include "tests/fuzz/fuzz.h"

namespace fieldgate::fuzz {
namespace {

using cloud_link::AddGps;
using cloud_link::AddPoint;
using cloud_link::Connector;

// Two realtime sections, one with hysteresis, a gps point and a log.
const Connector& TheConnector() {
  static const Connector& connector = *[] {
    auto* made = new Connector(cloud_link::ConnectorWith(config_store::v1::TIXML));
    made->mutable_sections(0)->set_send_period_ms(1000);
    AddPoint(*made, "A", "/C/A");
    AddGps(*made, "G", "/GNSS/Latitude", "/GNSS/Longitude");
    made->add_sections()->set_number(2);
    made->mutable_sections(1)->set_update_period_ms(0);
    AddPoint(*made, "B", "/C/B", {{"type", "switch"}}).set_hysteresis(0.5);
    config_store::v1::LogSection& log = *made->add_log_sections();
    log.set_number(1);
    log.set_log("Energy");
    for (const char* path : {"/C/L", "/C/A"}) {
      config_store::v1::DataPoint& point = *log.add_points();
      point.set_name(path + 3);
      point.set_path(path);
    }
    return made;
  }();
  return connector;
}

void CheckBody(absl::string_view columns) {
  static const auto& layout =
      *new cloud_link::DataLayout(*cloud_link::DataLayout::Create(TheConnector()));
  std::string body;
  Check(layout.AppendBody(columns, 1, 1, body).ok(), "columns that give no body");
}

void CheckBatch(const process_data::v1::ValueBatch& batch) {
  const MonotonicTime start = FakeClock().Now();
  cloud_link::RealtimeSections sections(TheConnector(), start);
  Bounded([&] { return sections.OnBatch(batch, start); });
  for (int second = 0; second < 5; ++second) {
    for (const auto& message : sections.TakeDue(start + absl::Seconds(second), absl::UnixEpoch())) {
      const cloud_link::ChannelPlan::Section& range = sections.plan().sections[message.section];
      CheckBody(message.channels.empty()
                    ? cloud_link::PackColumns(range.first, range.count, sections.samples())
                    : cloud_link::PackColumns(message.channels, sections.samples()));
      sections.Sent(message);
    }
  }
}

void CheckLog(const process_data::v1::ReadLogResponse& response, int64_t position) {
  const cloud_link::ChannelPlan plan = cloud_link::ChannelPlan::Of(TheConnector());
  const cloud_link::LogRecords records(plan, 0);
  const std::vector<cloud_link::LogStep> steps = Bounded([&] {
    return records.Steps({response, std::nullopt, false}, position);
  });
  for (const cloud_link::LogStep& step : steps) {
    if (step.what == cloud_link::LogStep::What::kSend) CheckBody(step.columns);
  }
}

}  // namespace
}  // namespace fieldgate::fuzz

// The first byte: a batch, or the answer to ReadLog after a position.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fieldgate::fuzz;
  // Texts that are not UTF-8, which it refuses.
  static const auto silent = google::protobuf::SetLogHandler(nullptr);
  static_cast<void>(silent);
  Input input(data, size);
  const uint8_t what = input.Byte();
  if (what % 2 == 0) {
    const absl::string_view bytes = input.Rest();
    fieldgate::process_data::v1::ValueBatch batch;
    if (!batch.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return -1;
    CheckBatch(batch);
  } else {
    const auto position = static_cast<int64_t>(input.Word());
    const absl::string_view bytes = input.Rest();
    fieldgate::process_data::v1::ReadLogResponse response;
    if (!response.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return -1;
    CheckLog(response, position);
  }
  return 0;
}
