// What a message costs the flash.
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "common/testing/process.h"
#include "common/time/clock.h"
#include "services/cloud_link/outbox/sqlite_outbox.h"
#include "services/cloud_link/outbox/tiered_outbox.h"
#include "services/cloud_link/payload/channels.h"
#include "services/cloud_link/payload/columns.h"
#include "tests/bench/bench.h"
#include "tests/bench/measure.h"
#include "tests/bench/points.h"

namespace fieldgate::bench {
namespace {

using cloud_link::DurableOutbox;
using cloud_link::EntryId;
using cloud_link::OutboxEntry;
using cloud_link::OutboxFile;
using cloud_link::TieredOutbox;

// Enough for several rounds of the log, which is moved into the database each
// 4 MB: what that writes is a part of the wear.
constexpr int kTransactions = 1500;

struct Load {
  const char* name;
  cloud_link::CacheMode mode;
  uint32_t points;
  int messages;  // a transaction
};

struct Wear {
  double written = 0;  // bytes a message
  double content = 0;
};

// What a connector does while the broker acknowledges: a transaction appends
// what is due and removes what the one before had appended.
absl::StatusOr<Wear> Measure(const Load& load) {
  absl::StatusOr<std::unique_ptr<OutboxFile>> file = OutboxFile::Open(NewTempDir() + "/outbox.db");
  if (!file.ok()) return file.status();
  absl::StatusOr<std::unique_ptr<DurableOutbox>> disk = (*file)->Connector("CloudConn", {});
  if (!disk.ok()) return disk.status();
  TieredOutbox outbox(*std::move(disk));
  outbox.SetLimits({.mode = load.mode});
  MonotonicTime now;
  absl::StatusOr<int64_t> before = WrittenBy(getpid());
  if (!before.ok()) return before.status();
  std::vector<EntryId> acknowledged;
  int64_t content = 0;
  for (int i = 0; i < kTransactions; ++i) {
    now = now + absl::Seconds(1);
    outbox.Settle(/*delivering=*/true, now);
    if (absl::Status s = outbox.Begin(); !s.ok()) return s;
    if (absl::Status s = outbox.Remove(acknowledged); !s.ok()) return s;
    acknowledged.clear();
    for (int j = 0; j < load.messages; ++j) {
      absl::StatusOr<int64_t> message_id = outbox.NextMessageId();
      if (!message_id.ok()) return message_id.status();
      OutboxEntry entry;
      entry.topic = "customer-1/fp/gw-01234567/data";
      entry.message_id = *message_id;
      entry.timestamp = 1'700'000'000 + i;
      entry.layout = 1;
      entry.content =
          cloud_link::PackColumns(0, load.points, MakeSamples(static_cast<uint64_t>(*message_id)));
      content += static_cast<int64_t>(entry.content.size());
      absl::StatusOr<EntryId> id = outbox.Append(entry);
      if (!id.ok()) return id.status();
      acknowledged.push_back(*id);
    }
    if (absl::Status s = outbox.Commit(); !s.ok()) return s;
  }
  absl::StatusOr<int64_t> after = WrittenBy(getpid());
  if (!after.ok()) return after.status();
  const double messages = kTransactions * load.messages;
  return Wear{static_cast<double>(*after - *before) / messages,
              static_cast<double>(content) / messages};
}

}  // namespace

Rows BenchWear(const BenchOptions&) {
  std::vector<Row> rows;
  using Mode = cloud_link::CacheMode;
  for (const Load& load : {Load{"durable", Mode::kDurable, 10, 1},
                           {"durable", Mode::kDurable, 100, 1},
                           {"durable", Mode::kDurable, 1000, 1},
                           {"durable", Mode::kDurable, 10, 10},
                           {"durable", Mode::kDurable, 100, 10},
                           {"durable", Mode::kDurable, 1000, 5},
                           {"disk_on_outage", Mode::kDiskOnOutage, 10, 1},
                           {"disk_on_outage", Mode::kDiskOnOutage, 1000, 1},
                           {"memory", Mode::kMemory, 10, 1},
                           {"memory", Mode::kMemory, 1000, 1}}) {
    absl::StatusOr<Wear> wear = Measure(load);
    if (!wear.ok()) return wear.status();
    if (load.mode == Mode::kDurable && wear->written == 0) {
      return absl::UnavailableError("/tmp is in memory: nothing is written to a disk");
    }
    rows.push_back({absl::StrCat("wear, ", load.name, ", ", load.points, " points, ", load.messages,
                                 " a transaction (raw: content)"),
                    "B", wear->written, wear->content,
                    load.mode == Mode::kDurable ? Target() : Target::OursAtMost(200)});
  }
  return rows;
}

}  // namespace fieldgate::bench
