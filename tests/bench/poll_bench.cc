// Polls of 1,000 holding registers in 8 requests.
#include <modbus.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/time/clock.h"
#include "services/process_data/bus/register_device.h"
#include "services/process_data/modbus/modbus_bus.h"
#include "services/process_data/process_image.h"
#include "tests/bench/bench.h"
#include "tests/bench/field.h"
#include "tests/bench/measure.h"
#include "tests/bench/points.h"

namespace fieldgate::bench {
namespace {

constexpr int kBlock = 125;
constexpr char kDevice[] = "/Process/Bus1/Device1";

// One run of polls back to back, on this thread.
struct Cost {
  double time_us = 0;  // a poll
  double cpu_us = 0;
};

template <typename Poll>
absl::StatusOr<Cost> Measure(absl::Duration window, const Poll& poll) {
  // The first connects.
  if (absl::Status s = poll(); !s.ok()) return s;
  int64_t polls = 0;
  const absl::Duration cpu_before = ThreadCpu();
  const MonotonicTime start = RealClock().Now();
  MonotonicTime now = start;
  while (now - start < window) {
    if (absl::Status s = poll(); !s.ok()) return s;
    ++polls;
    now = RealClock().Now();
  }
  const double n = static_cast<double>(polls);
  return Cost{absl::ToDoubleMicroseconds(now - start) / n,
              absl::ToDoubleMicroseconds(ThreadCpu() - cpu_before) / n};
}

// What a line's thread does: the device's requests, decoding, the image.
absl::StatusOr<Cost> MeasureOurs(int port, absl::Duration window) {
  process_data::ProcessImage image(absl::Now());
  config_store::v1::BusDevice config;
  config.set_host("127.0.0.1");
  config.set_port(static_cast<uint32_t>(port));
  config.set_unit(1);
  config.set_timeout_ms(1000);
  config.set_max_registers(kBlock);
  process_data::DeviceLayout layout{kDevice, {}};
  for (uint32_t i = 0; i < kPoints; ++i) {
    config_store::v1::BusPoint& point = *config.add_points();
    point.set_name(absl::StrCat("DP", i));
    point.set_register_(config_store::v1::BusPoint::HOLDING);
    point.set_offset(i);
    point.set_type(config_store::v1::BusPoint::UINT16);
    point.set_byte_order(config_store::v1::BusPoint::ABCD);
    point.set_scale(1);
    layout.points.push_back({point.name(), i});
  }
  process_data::RegisterDevice device(
      kDevice, config,
      std::make_shared<process_data::ModbusBus>("127.0.0.1", static_cast<uint16_t>(port)));
  const process_data::DeviceHandle handle = image.ConfigureDevices({layout}, absl::Now())[0];
  process_data::Cycle cycle;
  const std::atomic<bool> give_up = false;
  return Measure(window, [&]() -> absl::Status {
    if (absl::Status s = device.Poll(/*retry=*/true, give_up, cycle); !s.ok()) return s;
    image.CommitPoll(handle, {true, cycle.samples, cycle.texts, absl::Now()});
    return absl::OkStatus();
  });
}

absl::StatusOr<Cost> MeasureBaseline(int port, absl::Duration window) {
  const std::unique_ptr<modbus_t, void (*)(modbus_t*)> modbus(modbus_new_tcp("127.0.0.1", port),
                                                              modbus_free);
  modbus_set_slave(modbus.get(), 1);
  if (modbus_connect(modbus.get()) != 0) return absl::UnavailableError("can't connect");
  std::vector<uint16_t> registers(kPoints);
  absl::StatusOr<Cost> cost = Measure(window, [&] {
    for (int i = 0; i < static_cast<int>(kPoints); i += kBlock) {
      if (modbus_read_registers(modbus.get(), i, kBlock, &registers[static_cast<size_t>(i)]) !=
          kBlock) {
        return absl::UnavailableError("a read failed");
      }
    }
    return absl::OkStatus();
  });
  modbus_close(modbus.get());
  return cost;
}

}  // namespace

Rows BenchPoll(const BenchOptions& options) {
  absl::StatusOr<std::unique_ptr<Field>> field = Field::Start();
  if (!field.ok()) return field.status();
  const int port = (*field)->port();
  // Time and CPU come from the same runs.
  std::vector<double> ours_cpu, baseline_cpu;
  absl::StatusOr<Sides> time = Alternate(
      options.rounds,
      [&]() -> absl::StatusOr<double> {
        absl::StatusOr<Cost> cost = MeasureOurs(port, options.short_window());
        if (!cost.ok()) return cost.status();
        ours_cpu.push_back(cost->cpu_us);
        return cost->time_us;
      },
      [&]() -> absl::StatusOr<double> {
        absl::StatusOr<Cost> cost = MeasureBaseline(port, options.short_window());
        if (!cost.ok()) return cost.status();
        baseline_cpu.push_back(cost->cpu_us);
        return cost->time_us;
      });
  if (!time.ok()) return time.status();
  return std::vector<Row>{
      {"poll 1,000 registers, time (raw: libmodbus)", "us", time->ours, time->baseline},
      {"poll 1,000 registers, CPU (raw: libmodbus)", "us", Median(ours_cpu), Median(baseline_cpu)}};
}

}  // namespace fieldgate::bench
