#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/table.h"

// The benchmarks. Each measures one part of the gateway against the barest
// program that does the same work, in the same run, and gives its rows of the
// table. An error means that nothing could be measured.
namespace fieldgate::bench {

struct BenchOptions {
  // Of one measurement; each is repeated `rounds` times on either side.
  absl::Duration window = absl::Seconds(20);
  int rounds = 3;
  // Of the backlog.
  int64_t messages = 200'000;

  // For what is busy all the time and needs no long window.
  absl::Duration short_window() const { return window / 20; }
};

using Rows = absl::StatusOr<std::vector<Row>>;

// A data message out of its columns, against copying the body's bytes.
Rows BenchEncode(const BenchOptions& options);
// Values from process_data to a reader, against the same over a socket pair.
Rows BenchStream(const BenchOptions& options);
// Durable publishing, against Debian's Paho C without an outbox.
Rows BenchPublish(const BenchOptions& options);
// Bytes that a stored message costs the disk, against those of its content.
Rows BenchWear(const BenchOptions& options);
// Polls of 1,000 registers, against a loop of libmodbus calls.
Rows BenchPoll(const BenchOptions& options);
// The whole gateway, against one process that reads, formats and publishes.
Rows BenchGateway(const BenchOptions& options);
// A gateway that starts with a backlog, against Debian's Paho C alone.
Rows BenchBacklog(const BenchOptions& options);
// Memory and idle load of the whole gateway.
Rows BenchFootprint(const BenchOptions& options);

}  // namespace fieldgate::bench
