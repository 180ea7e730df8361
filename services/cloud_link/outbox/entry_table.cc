#include "services/cloud_link/outbox/entry_table.h"

#include <algorithm>
#include <string>

namespace fieldgate::cloud_link {
absl::Status EntryTable::Insert(EntryId id, const OutboxEntry& entry) {
  absl::StatusOr<sqlite::Statement*> insert = db_.Cached(
      "INSERT INTO entry (key, size, message_id, timestamp, layout, qos, topic, content, born)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  if (!insert.ok()) return insert.status();
  (*insert)
      ->BindInt(1, KeyOf(id))
      .BindInt(2, SizeOf(entry))
      .BindInt(3, entry.message_id)
      .BindInt(4, entry.timestamp)
      .BindInt(5, entry.layout)
      .BindInt(6, entry.qos)
      .BindText(7, entry.topic)
      .BindBlob(8, entry.content)
      .BindInt(9, entry.born);
  return (*insert)->Run();
}

absl::StatusOr<std::vector<StoredEntry>> EntryTable::Read(Lane lane, EntryId after, int max_count,
                                                          int64_t max_bytes) {
  absl::StatusOr<sqlite::Statement*> read = db_.Cached(
      "SELECT key, size, message_id, timestamp, layout, qos, topic, content, born FROM entry"
      " WHERE key BETWEEN ?1 AND ?2 ORDER BY key");
  if (!read.ok()) return read.status();
  const int64_t first_key = FirstKey(lane);
  (*read)->BindInt(1, first_key + (after >> 1) + 1).BindInt(2, LastKey(lane));
  std::vector<StoredEntry> out;
  int64_t bytes = 0;
  while (static_cast<int>(out.size()) < std::max(max_count, 1)) {
    absl::StatusOr<bool> row = (*read)->Step();
    if (!row.ok()) return row.status();
    if (!*row) return out;
    bytes += (*read)->Int(1);
    if (!out.empty() && bytes > max_bytes) break;
    StoredEntry& stored = out.emplace_back();
    stored.id = ((*read)->Int(0) - first_key) * 2 + static_cast<int64_t>(lane);
    stored.entry.lane = lane;
    stored.entry.message_id = (*read)->Int(2);
    stored.entry.timestamp = (*read)->Int(3);
    stored.entry.layout = (*read)->Int(4);
    stored.entry.qos = static_cast<int>((*read)->Int(5));
    stored.entry.topic = std::string((*read)->Text(6));
    stored.entry.content = std::string((*read)->Blob(7));
    stored.entry.born = (*read)->Int(8);
  }
  (*read)->Reset();
  return out;
}

absl::StatusOr<std::optional<int64_t>> EntryTable::OldestSequence(Lane lane) {
  absl::StatusOr<sqlite::Statement*> first =
      db_.Cached("SELECT key FROM entry WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT 1");
  if (!first.ok()) return first.status();
  (*first)->BindInt(1, FirstKey(lane)).BindInt(2, LastKey(lane));
  absl::StatusOr<bool> row = (*first)->Step();
  if (!row.ok()) return row.status();
  if (!*row) return std::nullopt;
  const int64_t sequence = (*first)->Int(0) - FirstKey(lane);
  (*first)->Reset();
  return sequence;
}

absl::StatusOr<EntryTable::Removed> EntryTable::RemoveRange(int64_t first_key, int64_t last_key) {
  absl::StatusOr<sqlite::Statement*> sum =
      db_.Cached("SELECT count(*), coalesce(sum(size), 0) FROM entry WHERE key BETWEEN ?1 AND ?2");
  if (!sum.ok()) return sum.status();
  (*sum)->BindInt(1, first_key).BindInt(2, last_key);
  if (absl::StatusOr<bool> row = (*sum)->Step(); !row.ok()) return row.status();
  const Removed removed{(*sum)->Int(0), (*sum)->Int(1)};
  (*sum)->Reset();
  absl::StatusOr<sqlite::Statement*> remove =
      db_.Cached("DELETE FROM entry WHERE key BETWEEN ?1 AND ?2");
  if (!remove.ok()) return remove.status();
  (*remove)->BindInt(1, first_key).BindInt(2, last_key);
  if (absl::Status s = (*remove)->Run(); !s.ok()) return s;
  return removed;
}

}  // namespace fieldgate::cloud_link
