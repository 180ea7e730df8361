#include "services/cloud_link/outbox/loss_table.h"

#include <string>
#include <utility>

#include "services/cloud_link/outbox/loss_log.h"

namespace fieldgate::cloud_link {

absl::Status LossTable::Load() {
  absl::StatusOr<std::vector<LossRecord>> losses = Read();
  if (!losses.ok() || losses->empty()) return losses.status();
  absl::StatusOr<sqlite::Statement*> last =
      db_.Cached("SELECT max(number) FROM loss WHERE connector = ?1");
  if (!last.ok()) return last.status();
  absl::StatusOr<bool> row = (*last)->BindInt(1, connector_).Step();
  if (!row.ok()) return row.status();
  state_ = {(*last)->Int(0), std::move(losses->back())};
  (*last)->Reset();
  return absl::OkStatus();
}

absl::Status LossTable::Note(const LossRecord& loss) {
  if (state_.number == 0 || !Extend(state_.newest, loss)) {
    if (absl::Status s = Flush(); !s.ok()) return s;
    ++state_.number;
    state_.newest = loss;
  }
  state_.unwritten = true;
  return absl::OkStatus();
}

absl::Status LossTable::Flush() {
  if (!state_.unwritten) return absl::OkStatus();
  absl::StatusOr<sqlite::Statement*> write = db_.Cached(
      "INSERT OR REPLACE INTO loss (connector, number, first_message_id, last_message_id,"
      " first_timestamp, last_timestamp, count, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  if (!write.ok()) return write.status();
  const LossRecord& loss = state_.newest;
  (*write)
      ->BindInt(1, connector_)
      .BindInt(2, state_.number)
      .BindInt(3, loss.first_message_id)
      .BindInt(4, loss.last_message_id)
      .BindInt(5, loss.first_timestamp)
      .BindInt(6, loss.last_timestamp)
      .BindInt(7, loss.count)
      .BindText(8, loss.reason);
  if (absl::Status s = (*write)->Run(); !s.ok()) return s;
  state_.unwritten = false;

  absl::StatusOr<sqlite::Statement*> trim =
      db_.Cached("DELETE FROM loss WHERE connector = ?1 AND number <= ?2");
  if (!trim.ok()) return trim.status();
  return (*trim)->BindInt(1, connector_).BindInt(2, state_.number - kMaxLossRecords).Run();
}

absl::StatusOr<std::vector<LossRecord>> LossTable::Read() {
  absl::StatusOr<sqlite::Statement*> read = db_.Cached(
      "SELECT number, first_message_id, last_message_id, first_timestamp, last_timestamp, count,"
      " reason FROM loss WHERE connector = ?1 ORDER BY number");
  if (!read.ok()) return read.status();
  (*read)->BindInt(1, connector_);
  std::vector<LossRecord> out;
  while (true) {
    absl::StatusOr<bool> row = (*read)->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    if ((*read)->Int(0) == state_.number) continue;  // the one in memory is newer
    out.push_back({(*read)->Int(1), (*read)->Int(2), (*read)->Int(3), (*read)->Int(4),
                   (*read)->Int(5), std::string((*read)->Text(6))});
  }
  if (state_.number != 0) out.push_back(state_.newest);
  return out;
}

}  // namespace fieldgate::cloud_link
