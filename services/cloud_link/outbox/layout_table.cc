#include "services/cloud_link/outbox/layout_table.h"

namespace fieldgate::cloud_link {

absl::StatusOr<int64_t> LayoutTable::Put(absl::string_view bytes) {
  absl::StatusOr<sqlite::Statement*> find =
      db_.Cached("SELECT id FROM layout WHERE connector = ?1 AND bytes = ?2");
  if (!find.ok()) return find.status();
  absl::StatusOr<bool> known = (*find)->BindInt(1, connector_).BindBlob(2, bytes).Step();
  if (!known.ok()) return known.status();
  if (*known) {
    const int64_t id = (*find)->Int(0);
    (*find)->Reset();
    return id;
  }
  absl::StatusOr<sqlite::Statement*> forget = db_.Cached(
      "DELETE FROM layout WHERE connector = ?1 AND id NOT IN"
      " (SELECT layout FROM entry WHERE key BETWEEN ?2 AND ?3)");
  if (!forget.ok()) return forget.status();
  (*forget)->BindInt(1, connector_).BindInt(2, first_key_).BindInt(3, last_key_);
  if (absl::Status s = (*forget)->Run(); !s.ok()) return s;
  absl::StatusOr<sqlite::Statement*> add =
      db_.Cached("INSERT INTO layout (connector, bytes) VALUES (?1, ?2)");
  if (!add.ok()) return add.status();
  (*add)->BindInt(1, connector_).BindBlob(2, bytes);
  if (absl::Status s = (*add)->Run(); !s.ok()) return s;
  return db_.LastInsertRowId();
}

absl::StatusOr<std::optional<std::string>> LayoutTable::Get(int64_t layout) {
  absl::StatusOr<sqlite::Statement*> get =
      db_.Cached("SELECT bytes FROM layout WHERE connector = ?1 AND id = ?2");
  if (!get.ok()) return get.status();
  absl::StatusOr<bool> found = (*get)->BindInt(1, connector_).BindInt(2, layout).Step();
  if (!found.ok()) return found.status();
  if (!*found) return std::nullopt;
  std::string bytes((*get)->Blob(0));
  (*get)->Reset();
  return bytes;
}

}  // namespace fieldgate::cloud_link
