// The body of a data message out of its stored columns.
#include <atomic>
#include <cstring>
#include <string>

#include "absl/time/clock.h"
#include "services/cloud_link/payload/data_layout.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/bench/points.h"

namespace fieldgate::bench {
namespace {

using cloud_link::DataLayout;

// Keeps the compiler from leaving out what nobody reads.
std::atomic<char> sink;

// CPU ns a point of `encode`, called until `window` is over.
template <typename Encode>
absl::StatusOr<double> CpuPerPoint(absl::Duration window, std::string& body, const Encode& encode) {
  int64_t points = 0;
  const absl::Duration before = ThreadCpu();
  absl::Duration used;
  do {
    // As many as cost much more than reading the clock.
    for (int i = 0; i < 10; ++i) {
      if (absl::Status s = encode(); !s.ok()) return s;
      sink = body.back();
      points += kPoints;
    }
    used = ThreadCpu() - before;
  } while (used < window);
  return absl::ToDoubleNanoseconds(used) / static_cast<double>(points);
}

absl::StatusOr<Sides> Measure(const BenchOptions& options, config_store::v1::PayloadFormat format) {
  absl::StatusOr<DataLayout> layout = DataLayout::Create(MakeConnector(format));
  if (!layout.ok()) return layout.status();
  const std::string columns = cloud_link::PackColumns(0, kPoints, MakeSamples(1));
  std::string expected, body;
  if (absl::Status s = layout->AppendBody(columns, 1, 1'700'000'000, expected); !s.ok()) return s;
  return Alternate(
      options.rounds,
      [&] {
        return CpuPerPoint(options.short_window(), body, [&] {
          body.clear();
          return layout->AppendBody(columns, 1, 1'700'000'000, body);
        });
      },
      [&] {
        return CpuPerPoint(options.short_window(), body, [&] {
          body.resize(expected.size());
          std::memcpy(body.data(), expected.data(), expected.size());
          return absl::OkStatus();
        });
      });
}

}  // namespace

Rows BenchEncode(const BenchOptions& options) {
  absl::StatusOr<Sides> tixml = Measure(options, config_store::v1::TIXML);
  if (!tixml.ok()) return tixml.status();
  absl::StatusOr<Sides> json = Measure(options, config_store::v1::JSON);
  if (!json.ok()) return json.status();
  return std::vector<Row>{
      {"encode a point, TiXML (raw: memcpy of the body)", "ns", tixml->ours, tixml->baseline,
       Target::OursAtMost(80)},
      {"encode a point, JSON (raw: memcpy of the body)", "ns", json->ours, json->baseline}};
}

}  // namespace fieldgate::bench
