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
  // The records up to `number` are reported, within a transaction.
  absl::Status MarkReported(int64_t number);

  // The newest `max_count`, oldest first.
  absl::StatusOr<std::vector<LossRecord>> Read(int max_count);

  // Number of the newest; 0: none yet.
  int64_t newest() const { return state_.newest.number; }
  // Those up to this one are reported.
  int64_t reported() const { return state_.reported; }

 private:
  // Those in the file with a number above `after`.
  absl::StatusOr<std::vector<LossRecord>> ReadStored(int64_t after);

  struct State {
    LossRecord newest;
    int64_t reported = 0;
    bool unwritten = false;
  };

  sqlite::Database& db_;
  const int64_t connector_;
  State state_;
  State before_;
};

}  // namespace fieldgate::cloud_link
