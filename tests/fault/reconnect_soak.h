#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/fault/process_usage.h"

// A connector whose connection is cut again and again.
namespace fieldgate::fault {

struct SoakOptions {
  // At least.
  int reconnects = 300;
  // Before the first measurement: what is allocated once is there by then.
  int warm_up = 100;
  bool tls = false;
  uint64_t seed = 1;
  // Gets a line now and then.
  std::function<void(const std::string&)> on_progress = {};
};

// Bytes of the heap that 10,000 reconnects may take.
inline constexpr int64_t kMaxGrowth = 1 << 20;

struct SoakResult {
  int reconnects = 0;     // since the warm-up
  int64_t messages = 0;   // acknowledged
  int64_t half_made = 0;  // further ones, cut as soon as they were there
  ProcessUsage before, after;
  std::vector<std::string> problems;

  int64_t HeapPerReconnect() const {
    return reconnects == 0 ? 0 : (after.heap - before.heap) / reconnects;
  }
  bool Grows() const { return HeapPerReconnect() * 10'000 >= kMaxGrowth; }
};

// A real broker behind a proxy that cuts (FIN, RST, also half-made connections),
// the real client, the real outbox, the real connector with data flowing; only
// its pauses between two tries are not waited for: its clock jumps over them.
SoakResult RunReconnects(const SoakOptions& options);

}  // namespace fieldgate::fault
