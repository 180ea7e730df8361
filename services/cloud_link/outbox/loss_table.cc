#include "services/cloud_link/outbox/loss_table.h"

#include <algorithm>
#include <string>
#include <utility>

#include "services/cloud_link/outbox/loss_log.h"

namespace fieldgate::cloud_link {

absl::Status LossTable::Load() {
  absl::StatusOr<sqlite::Statement*> last = db_.Cached(
      "SELECT coalesce(max(number), 0), coalesce(max(number * reported), 0) FROM loss"
      " WHERE connector = ?1");
  if (!last.ok()) return last.status();
  absl::StatusOr<bool> row = (*last)->BindInt(1, connector_).Step();
  if (!row.ok()) return row.status();
  State state;
  state.newest.number = (*last)->Int(0);
  state.reported = (*last)->Int(1);
  (*last)->Reset();
  if (state.newest.number != 0) {
    absl::StatusOr<std::vector<LossRecord>> losses = ReadStored(state.newest.number - 1);
    if (!losses.ok()) return losses.status();
    if (!losses->empty()) state.newest = std::move(losses->back());
  }
  state_ = std::move(state);
  return absl::OkStatus();
}

absl::Status LossTable::Note(const LossRecord& loss) {
  if (newest() == 0 || !Extend(state_.newest, loss)) {
    if (absl::Status s = Flush(); !s.ok()) return s;
    const int64_t number = newest() + 1;
    state_.newest = loss;
    state_.newest.number = number;
    state_.newest.reported = false;
  }
  state_.unwritten = true;
  return absl::OkStatus();
}

absl::Status LossTable::Flush() {
  if (!state_.unwritten) return absl::OkStatus();
  absl::StatusOr<sqlite::Statement*> write = db_.Cached(
      "INSERT OR REPLACE INTO loss (connector, number, first_message_id, last_message_id,"
      " first_timestamp, last_timestamp, count, reason, reported)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
  if (!write.ok()) return write.status();
  const LossRecord& loss = state_.newest;
  (*write)
      ->BindInt(1, connector_)
      .BindInt(2, loss.number)
      .BindInt(3, loss.first_message_id)
      .BindInt(4, loss.last_message_id)
      .BindInt(5, loss.first_timestamp)
      .BindInt(6, loss.last_timestamp)
      .BindInt(7, loss.count)
      .BindText(8, loss.reason)
      .BindInt(9, loss.reported ? 1 : 0);
  if (absl::Status s = (*write)->Run(); !s.ok()) return s;
  state_.unwritten = false;

  absl::StatusOr<sqlite::Statement*> trim =
      db_.Cached("DELETE FROM loss WHERE connector = ?1 AND number <= ?2");
  if (!trim.ok()) return trim.status();
  return (*trim)->BindInt(1, connector_).BindInt(2, loss.number - kMaxLossRecords).Run();
}

absl::Status LossTable::MarkReported(int64_t number) {
  if (absl::Status s = Flush(); !s.ok()) return s;
  absl::StatusOr<sqlite::Statement*> mark = db_.Cached(
      "UPDATE loss SET reported = 1 WHERE connector = ?1 AND number <= ?2 AND reported = 0");
  if (!mark.ok()) return mark.status();
  if (absl::Status s = (*mark)->BindInt(1, connector_).BindInt(2, number).Run(); !s.ok()) return s;
  state_.reported = std::max(state_.reported, std::min(number, newest()));
  if (number >= newest()) state_.newest.reported = true;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LossRecord>> LossTable::Read(int max_count) {
  if (newest() == 0) return std::vector<LossRecord>();
  absl::StatusOr<std::vector<LossRecord>> out = ReadStored(newest() - max_count);
  if (!out.ok()) return out;
  // The one in memory is newer.
  if (!out->empty() && out->back().number == newest()) out->pop_back();
  out->push_back(state_.newest);
  return out;
}

absl::StatusOr<std::vector<LossRecord>> LossTable::ReadStored(int64_t after) {
  absl::StatusOr<sqlite::Statement*> read = db_.Cached(
      "SELECT number, first_message_id, last_message_id, first_timestamp, last_timestamp, count,"
      " reason, reported FROM loss WHERE connector = ?1 AND number > ?2 ORDER BY number");
  if (!read.ok()) return read.status();
  (*read)->BindInt(1, connector_).BindInt(2, after);
  std::vector<LossRecord> out;
  while (true) {
    absl::StatusOr<bool> row = (*read)->Step();
    if (!row.ok()) return row.status();
    if (!*row) return out;
    LossRecord& loss = out.emplace_back();
    loss.number = (*read)->Int(0);
    loss.first_message_id = (*read)->Int(1);
    loss.last_message_id = (*read)->Int(2);
    loss.first_timestamp = (*read)->Int(3);
    loss.last_timestamp = (*read)->Int(4);
    loss.count = (*read)->Int(5);
    loss.reason = std::string((*read)->Text(6));
    loss.reported = (*read)->Int(7) != 0;
  }
}

}  // namespace fieldgate::cloud_link
