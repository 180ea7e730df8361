#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

// What the databases of a gateway hold while nobody has them open: the word of
// the disk on what was accepted.
namespace fieldgate::fault {

struct StoredStream {
  int64_t next_message_id = 0;
  int64_t dropped = 0;
};

// cloud_link.db
struct OutboxSnapshot {
  std::map<std::string, StoredStream> streams;  // by connector
  int64_t losses = 0;
  // Data that waits: topic -> message_id -> timestamp.
  std::map<std::string, std::map<int64_t, int64_t>> waiting;
};

// logs.db: by log, when its records were made, in the order of their ids, which
// have no gap. Unix seconds.
using LogSnapshot = std::map<std::string, std::vector<int64_t>>;

// Each reads a copy of the file, so that nothing of it changes.
// kUnavailable, kDataLoss: it can't be read.
absl::StatusOr<OutboxSnapshot> ReadOutbox(const std::string& state_dir);
absl::StatusOr<LogSnapshot> ReadLogs(const std::string& state_dir);
// config.db: how many SetConfigs there ever were.
absl::StatusOr<int64_t> ReadRevision(const std::string& state_dir);

}  // namespace fieldgate::fault
