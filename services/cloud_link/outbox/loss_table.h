#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sqlite/sqlite.h"
#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::cloud_link {

// The loss records of one connector in the outbox file (table `loss`). The
// newest one, which may still grow, is in memory and written with Flush, so
// that a long outage costs one row a transaction. Errors as sqlite.h.
class LossTable {
 public:
  LossTable(sqlite::Database& db, int64_t connector) : db_(db), connector_(connector) {}

  absl::Status Load();

  // The transaction's begin, and its end without success.
  void Begin() { before_ = state_; }
  void Rollback() { state_ = before_; }

  // Adds a loss, within a transaction.
  absl::Status Note(const LossRecord& loss);
  // Before the transaction is committed.
  absl::Status Flush();

  // Oldest first.
  absl::StatusOr<std::vector<LossRecord>> Read();

 private:
  struct State {
    int64_t number = 0;  // of the newest record; 0: none yet
    LossRecord newest;
    bool unwritten = false;
  };

  sqlite::Database& db_;
  const int64_t connector_;
  State state_;
  State before_;
};

}  // namespace fieldgate::cloud_link
