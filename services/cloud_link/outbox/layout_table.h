#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sqlite/sqlite.h"

namespace fieldgate::cloud_link {

// The layouts of one connector in the outbox file (table `layout`). Which are
// still needed is known without a look at the entries: the one that was put last
// is used by new ones, so the others end where the next one began. Errors as
// sqlite.h.
class LayoutTable {
 public:
  LayoutTable(sqlite::Database& db, int64_t connector) : db_(db), connector_(connector) {}

  // The transaction's begin, and its end without success.
  void Begin() { before_ = last_; }
  void Rollback() { last_ = before_; }

  // The number of `bytes`, which is the layout of entries from `next` on. A new
  // one: those that no entry from `oldest` on needs are forgotten. `next` and
  // `oldest` are sequences. Within a transaction.
  absl::StatusOr<int64_t> Put(absl::string_view bytes, int64_t next, int64_t oldest);
  // An entry with this sequence has the layout, whichever was put last. Within a
  // transaction.
  absl::Status NoteUse(int64_t layout, int64_t sequence);
  // None: there is no such layout.
  absl::StatusOr<std::optional<std::string>> Get(int64_t layout);

 private:
  // 0: none.
  absl::StatusOr<int64_t> Find(absl::string_view bytes);

  sqlite::Database& db_;
  const int64_t connector_;
  int64_t last_ = 0;  // put; 0: none yet
  int64_t before_ = 0;
};

}  // namespace fieldgate::cloud_link
