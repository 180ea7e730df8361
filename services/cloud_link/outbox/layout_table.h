#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sqlite/sqlite.h"

namespace fieldgate::cloud_link {

// The layouts of one connector in the outbox file (table `layout`), whose entries
// have the keys `first_key` to `last_key`. Errors as sqlite.h.
class LayoutTable {
 public:
  LayoutTable(sqlite::Database& db, int64_t connector, int64_t first_key, int64_t last_key)
      : db_(db), connector_(connector), first_key_(first_key), last_key_(last_key) {}

  // Within a transaction: the number of these bytes, the same for the same ones.
  // A new one makes those forgotten that no entry needs.
  absl::StatusOr<int64_t> Put(absl::string_view bytes);
  // None: there is no such layout.
  absl::StatusOr<std::optional<std::string>> Get(int64_t layout);

 private:
  sqlite::Database& db_;
  const int64_t connector_;
  const int64_t first_key_;
  const int64_t last_key_;
};

}  // namespace fieldgate::cloud_link
