#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/sqlite/sqlite.h"

namespace fieldgate::cloud_link {

// The positions of one connector in the outbox file (table `position`), all of
// them in memory as well: a row a log that it ever sent. Errors as sqlite.h.
class PositionTable {
 public:
  PositionTable(sqlite::Database& db, int64_t connector) : db_(db), connector_(connector) {}

  absl::Status Load();

  // The transaction's begin, and its end without success.
  void Begin() { before_ = positions_; }
  void Rollback() { positions_ = before_; }

  std::optional<int64_t> Get(absl::string_view name) const;
  // Within a transaction.
  absl::Status Set(absl::string_view name, int64_t position);

 private:
  using Positions = std::map<std::string, int64_t, std::less<>>;

  sqlite::Database& db_;
  const int64_t connector_;
  Positions positions_;
  Positions before_;
};

}  // namespace fieldgate::cloud_link
