#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sqlite/sqlite.h"

namespace fieldgate::sqlite {

// Calls `read` with the statement at each row of a query, to its end or its first
// error, which is returned.
template <typename Read>
absl::Status ForEachRow(Statement& statement, Read read) {
  while (true) {
    const absl::StatusOr<bool> row = statement.Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    read(static_cast<const Statement&>(statement));
  }
}

// The same for a query without parameters.
template <typename Read>
absl::Status ForEachRow(Database& database, absl::string_view sql, Read read) {
  absl::StatusOr<Statement> statement = database.Prepare(sql);
  if (!statement.ok()) return statement.status();
  return ForEachRow(*statement, read);
}

}  // namespace fieldgate::sqlite
