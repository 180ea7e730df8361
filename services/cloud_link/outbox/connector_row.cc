#include "services/cloud_link/outbox/connector_row.h"

#include "absl/status/status.h"

namespace fieldgate::cloud_link {

absl::StatusOr<int64_t> FindOrAddConnector(sqlite::Database& db, absl::string_view name,
                                           int64_t first_message_id) {
  absl::StatusOr<sqlite::Statement*> add = db.Cached(
      "INSERT INTO connector (name, next_message_id, next_sequence, dropped)"
      " VALUES (?1, ?2, 1, 0) ON CONFLICT (name) DO NOTHING");
  if (!add.ok()) return add.status();
  (*add)->BindText(1, name).BindInt(2, first_message_id);
  if (absl::Status s = (*add)->Run(); !s.ok()) return s;
  absl::StatusOr<sqlite::Statement*> get = db.Cached("SELECT id FROM connector WHERE name = ?1");
  if (!get.ok()) return get.status();
  if (absl::StatusOr<bool> row = (*get)->BindText(1, name).Step(); !row.ok()) return row.status();
  const int64_t id = (*get)->Int(0);
  (*get)->Reset();
  return id;
}

}  // namespace fieldgate::cloud_link
