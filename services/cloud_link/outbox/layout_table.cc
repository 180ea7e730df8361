#include "services/cloud_link/outbox/layout_table.h"

namespace fieldgate::cloud_link {

absl::StatusOr<int64_t> LayoutTable::Find(absl::string_view bytes) {
  absl::StatusOr<sqlite::Statement*> find =
      db_.Cached("SELECT id FROM layout WHERE connector = ?1 AND bytes = ?2");
  if (!find.ok()) return find.status();
  absl::StatusOr<bool> known = (*find)->BindInt(1, connector_).BindBlob(2, bytes).Step();
  if (!known.ok()) return known.status();
  if (!*known) return 0;
  const int64_t id = (*find)->Int(0);
  (*find)->Reset();
  return id;
}

absl::Status LayoutTable::NoteUse(int64_t layout, int64_t sequence) {
  if (layout == last_ || layout == 0) return absl::OkStatus();
  absl::StatusOr<sqlite::Statement*> extend =
      db_.Cached("UPDATE layout SET until = ?2 WHERE id = ?1 AND until < ?2");
  if (!extend.ok()) return extend.status();
  return (*extend)->BindInt(1, layout).BindInt(2, sequence).Run();
}

absl::StatusOr<int64_t> LayoutTable::Put(absl::string_view bytes, int64_t next, int64_t oldest) {
  absl::StatusOr<int64_t> known = Find(bytes);
  if (!known.ok()) return known;
  absl::StatusOr<sqlite::Statement*> end = db_.Cached(
      "UPDATE layout SET until = ?3 WHERE connector = ?1 AND id <> ?2 AND until IS NULL");
  if (!end.ok()) return end.status();
  (*end)->BindInt(1, connector_).BindInt(2, *known).BindInt(3, next - 1);
  if (absl::Status s = (*end)->Run(); !s.ok()) return s;
  if (*known != 0) {
    absl::StatusOr<sqlite::Statement*> again =
        db_.Cached("UPDATE layout SET until = NULL WHERE id = ?1 AND until IS NOT NULL");
    if (!again.ok()) return again.status();
    if (absl::Status s = (*again)->BindInt(1, *known).Run(); !s.ok()) return s;
    last_ = *known;
    return known;
  }
  absl::StatusOr<sqlite::Statement*> forget =
      db_.Cached("DELETE FROM layout WHERE connector = ?1 AND until < ?2");
  if (!forget.ok()) return forget.status();
  if (absl::Status s = (*forget)->BindInt(1, connector_).BindInt(2, oldest).Run(); !s.ok()) {
    return s;
  }
  absl::StatusOr<sqlite::Statement*> add =
      db_.Cached("INSERT INTO layout (connector, bytes) VALUES (?1, ?2)");
  if (!add.ok()) return add.status();
  if (absl::Status s = (*add)->BindInt(1, connector_).BindBlob(2, bytes).Run(); !s.ok()) return s;
  return last_ = db_.LastInsertRowId();
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
