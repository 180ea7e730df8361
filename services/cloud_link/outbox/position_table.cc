#include "services/cloud_link/outbox/position_table.h"

namespace fieldgate::cloud_link {

absl::Status PositionTable::Load() {
  absl::StatusOr<sqlite::Statement*> read =
      db_.Cached("SELECT name, position FROM position WHERE connector = ?1 ORDER BY name");
  if (!read.ok()) return read.status();
  (*read)->BindInt(1, connector_);
  while (true) {
    absl::StatusOr<bool> row = (*read)->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    positions_.insert_or_assign(std::string((*read)->Text(0)), (*read)->Int(1));
  }
}

std::optional<int64_t> PositionTable::Get(absl::string_view name) const {
  const auto found = positions_.find(name);
  if (found == positions_.end()) return std::nullopt;
  return found->second;
}

absl::Status PositionTable::Set(absl::string_view name, int64_t position) {
  absl::StatusOr<sqlite::Statement*> write =
      db_.Cached("INSERT OR REPLACE INTO position (connector, name, position) VALUES (?1, ?2, ?3)");
  if (!write.ok()) return write.status();
  (*write)->BindInt(1, connector_).BindText(2, name).BindInt(3, position);
  if (absl::Status s = (*write)->Run(); !s.ok()) return s;
  positions_.insert_or_assign(std::string(name), position);
  return absl::OkStatus();
}

}  // namespace fieldgate::cloud_link
