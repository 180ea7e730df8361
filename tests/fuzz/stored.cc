// Data messages as they lie on the disk: a layout and columns, either of them
// damaged.
#include <boost/json/parse.hpp>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "services/cloud_link/payload/columns.h"
#include "services/cloud_link/payload/data_layout.h"
#include "services/cloud_link/payload/test_connector.h"
#include "services/process_data/logging/record_codec.h"
#include "services/process_data/sample.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/trees.h"

namespace fieldgate::fuzz {
namespace {

using cloud_link::AddGps;
using cloud_link::AddPoint;
using cloud_link::Connector;
using cloud_link::DataLayout;

constexpr size_t kChannels = 8;

// Every kind of a sensor; eight channels.
Connector ConnectorOf(config_store::v1::PayloadFormat format) {
  Connector connector = cloud_link::ConnectorWith(format);
  connector.set_gps_as_lng_attribute(true);
  AddPoint(connector, "A", "/C/A");
  AddPoint(connector, "B", "/C/B", {{"type", "switch"}});
  AddPoint(connector, "C", "/D/C", {{"type", "custom"}});
  AddGps(connector, "G", "/GNSS/Latitude", "/GNSS/Longitude");
  AddPoint(connector, "E", "/C/E");
  connector.add_sections()->set_number(2);
  AddPoint(connector, "A", "/C/A");
  AddPoint(connector, "F", "/F");
  return connector;
}

// As a layout ends: FNV-1a of what stands before.
std::string WithFingerprint(absl::string_view content) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : content) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  std::string bytes(content);
  bytes.append(reinterpret_cast<const char*>(&hash), sizeof hash);
  return bytes;
}

// True: it gave a body, in `out`.
bool CheckBody(const DataLayout& layout, absl::string_view columns, std::string& out) {
  out = "before";
  const absl::Status status =
      Bounded([&] { return layout.AppendBody(columns, 112, 1'498'724'247, out); });
  Check(absl::StartsWith(out, "before"), "what stood there is gone");
  if (status.ok()) {
    out.erase(0, 6);
    return true;
  }
  Check(absl::IsDataLoss(status) && !status.message().empty(), "another error, or none");
  Check(out == "before", "half a body");
  return false;
}

void CheckColumns(absl::string_view columns) {
  static const auto& layouts = *new std::map<config_store::v1::PayloadFormat, DataLayout>{
      {config_store::v1::TIXML, *DataLayout::Create(ConnectorOf(config_store::v1::TIXML))},
      {config_store::v1::XML, *DataLayout::Create(ConnectorOf(config_store::v1::XML))},
      {config_store::v1::JSON, *DataLayout::Create(ConnectorOf(config_store::v1::JSON))}};
  for (const auto& [format, layout] : layouts) {
    std::string body;
    if (!CheckBody(layout, columns, body)) continue;
    if (format == config_store::v1::JSON) {
      // Control characters, which JSON can hold, TiXML can't.
      boost::json::error_code error;
      boost::json::parse(body, error);
      Check(!error, "a body that is no JSON");
    } else if (body.size() <= tixml::kMaxBytes) {
      Check(tixml::Parse(body, {"data"}).ok(), "a body that can't be read");
    }
  }
  const absl::StatusOr<std::vector<cloud_link::Cell>> cells =
      Bounded([&] { return cloud_link::UnpackColumns(columns, kChannels); });
  if (!cells.ok()) {
    Check(absl::IsDataLoss(cells.status()), "another error");
    return;
  }
  Check(cells->size() <= kChannels, "more cells than channels");
  for (size_t i = 0; i < cells->size(); ++i) {
    const cloud_link::Cell& cell = (*cells)[i];
    Check(cell.channel < kChannels && cell.state <= 2, "out of range");
    Check(i == 0 || (*cells)[i - 1].channel < cell.channel, "not ascending");
    if (cell.kind == cloud_link::CellKind::kText) {
      const absl::string_view text = cloud_link::TextOf(cell, columns);
      Check(text.size() <= columns.size(), "a text outside of the columns");
    }
  }
}

void CheckLayout(absl::string_view content, absl::string_view columns) {
  const absl::StatusOr<DataLayout> layout =
      Bounded([&] { return DataLayout::Parse(WithFingerprint(content)); });
  if (!layout.ok()) {
    Check(absl::IsDataLoss(layout.status()), "another error");
    return;
  }
  const std::string bytes = layout->Serialize();
  const absl::StatusOr<DataLayout> again = DataLayout::Parse(bytes);
  Check(again.ok() && again->Serialize() == bytes, "not stable");
  std::string body, same;
  if (!CheckBody(*layout, columns, body)) return;
  Check(CheckBody(*again, columns, same) && same == body, "another body");
}

// A record of a log of process_data.
void CheckRecord(absl::string_view bytes) {
  const absl::StatusOr<process_data::RecordValues> values =
      Bounded([&] { return process_data::DecodeRecord(bytes); });
  if (!values.ok()) {
    Check(absl::IsDataLoss(values.status()) && !values.status().message().empty(), "error");
    return;
  }
  Check(
      values->kinds.size() == values->states.size() && values->kinds.size() == values->bits.size(),
      "columns of different lengths");
  size_t texts = 0;
  for (size_t i = 0; i < values->size(); ++i) {
    if (values->kinds[i] != static_cast<char>(process_data::ValueKind::kText)) continue;
    Check(values->bits[i] == texts++, "another text");
  }
  Check(texts == values->texts.size(), "a text that is no value's");
  const std::string again = process_data::EncodeRecord(*values);
  const absl::StatusOr<process_data::RecordValues> same = process_data::DecodeRecord(again);
  Check(same.ok(), "what was written can't be read");
  for (const std::string& text : values->texts) {
    if (text.size() > process_data::kMaxRecordedText) return;  // it is cut
  }
  Check(*same == *values, "other values");
}

}  // namespace
}  // namespace fieldgate::fuzz

// The first byte: columns alone, a layout of so many bytes and columns, or the
// record of a log.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fieldgate::fuzz;
  Input input(data, size);
  const int what = input.Byte() % 3;
  if (what == 0) {
    CheckColumns(input.Rest());
  } else if (what == 1) {
    const absl::string_view content = input.Bytes(input.Word());
    CheckLayout(content, input.Rest());
  } else {
    CheckRecord(input.Rest());
  }
  return 0;
}
