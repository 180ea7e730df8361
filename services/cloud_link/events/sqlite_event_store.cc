#include "services/cloud_link/events/sqlite_event_store.h"

#include <bit>

#include "absl/strings/string_view.h"
#include "common/sqlite/rows.h"
#include "common/sqlite/sqlite.h"
#include "common/status/status.h"

namespace fieldgate::cloud_link {
namespace {

// A value in columns: the index of its type, its bits, or its text.
struct StoredValue {
  int64_t kind = 0;
  int64_t bits = 0;
  absl::string_view text;
};

StoredValue Encode(const Value& value) {
  StoredValue stored{.kind = static_cast<int64_t>(value.index()), .bits = 0, .text = ""};
  if (const auto* d = std::get_if<double>(&value)) {
    stored.bits = std::bit_cast<int64_t>(*d);
  } else if (const auto* i = std::get_if<int64_t>(&value)) {
    stored.bits = *i;
  } else if (const auto* u = std::get_if<uint64_t>(&value)) {
    stored.bits = std::bit_cast<int64_t>(*u);
  } else if (const auto* b = std::get_if<bool>(&value)) {
    stored.bits = *b ? 1 : 0;
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    stored.text = *s;
  }
  return stored;
}

Value Decode(const StoredValue& stored) {
  switch (stored.kind) {
    case 1:
      return std::bit_cast<double>(stored.bits);
    case 2:
      return stored.bits;
    case 3:
      return std::bit_cast<uint64_t>(stored.bits);
    case 4:
      return stored.bits != 0;
    case 5:
      return std::string(stored.text);
    default:
      return {};
  }
}

constexpr int64_t kNeverUs = 0;

int64_t ToUs(absl::Time time) {
  return time == absl::InfinitePast() ? kNeverUs : absl::ToUnixMicros(time);
}

absl::Time FromUs(int64_t us) {
  return us == kNeverUs ? absl::InfinitePast() : absl::FromUnixMicros(us);
}

class SqliteEventStore : public EventStore {
 public:
  explicit SqliteEventStore(sqlite::Database& database) : database_(database) {}

  absl::StatusOr<Content> Load() override {
    Content content;
    absl::Status status = sqlite::ForEachRow(
        database_,
        "SELECT name, path, condition, seen, active, raised, waiting, kind, bits, text, state,"
        " last_at_us FROM event ORDER BY name",
        [&content](const sqlite::Statement& row) {
          EventMemory& memory = content.memories[std::string(row.Text(0))];
          memory.path = std::string(row.Text(1));
          memory.condition = static_cast<Condition::Kind>(row.Int(2));
          memory.seen = row.Int(3) != 0;
          memory.active = row.Int(4) != 0;
          memory.raised = row.Int(5) != 0;
          memory.waiting = row.Int(6) != 0;
          memory.baseline.value = Decode({row.Int(7), row.Int(8), row.Text(9)});
          memory.baseline.state = static_cast<uint8_t>(row.Int(10));
          memory.last_at = FromUs(row.Int(11));
        });
    if (status.ok()) {
      status = sqlite::ForEachRow(
          database_,
          "SELECT number, event, handler, ended, value, at_us FROM event_handler ORDER BY number",
          [&content](const sqlite::Statement& row) {
            PendingHandler& pending = content.pending.emplace_back();
            pending.number = row.Int(0);
            pending.due = {.event = std::string(row.Text(1)),
                           .handler = std::string(row.Text(2)),
                           .ended = row.Int(3) != 0,
                           .value = std::string(row.Text(4)),
                           .at = FromUs(row.Int(5))};
          });
    }
    if (!status.ok()) return Annotate(status, "reading events");
    return content;
  }

  absl::Status Apply(const Change& change) override {
    if (change.empty()) return absl::OkStatus();
    absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(database_);
    absl::Status status = transaction.status();
    for (size_t i = 0; status.ok() && i < change.remember.size(); ++i) {
      status = Remember(change.remember[i].first, change.remember[i].second);
    }
    for (size_t i = 0; status.ok() && i < change.forget.size(); ++i) {
      status = Run("DELETE FROM event WHERE name = ?1",
                   [&](sqlite::Statement& s) { s.BindText(1, change.forget[i]); });
    }
    for (size_t i = 0; status.ok() && i < change.add.size(); ++i) status = Add(change.add[i]);
    for (size_t i = 0; status.ok() && i < change.remove.size(); ++i) {
      status = Run("DELETE FROM event_handler WHERE number = ?1",
                   [&](sqlite::Statement& s) { s.BindInt(1, change.remove[i]); });
    }
    if (status.ok()) status = transaction->Commit();
    return Annotate(status, "storing events");
  }

 private:
  template <typename Bind>
  absl::Status Run(absl::string_view sql, Bind bind) {
    absl::StatusOr<sqlite::Statement*> statement = database_.Cached(sql);
    if (!statement.ok()) return statement.status();
    bind(**statement);
    return (*statement)->Run();
  }

  absl::Status Remember(const std::string& name, const EventMemory& memory) {
    const StoredValue value = Encode(memory.baseline.value);
    return Run(
        "INSERT OR REPLACE INTO event (name, path, condition, seen, active, raised, waiting, kind,"
        " bits, text, state, last_at_us)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        [&](sqlite::Statement& s) {
          s.BindText(1, name)
              .BindText(2, memory.path)
              .BindInt(3, memory.condition)
              .BindInt(4, memory.seen)
              .BindInt(5, memory.active)
              .BindInt(6, memory.raised)
              .BindInt(7, memory.waiting)
              .BindInt(8, value.kind)
              .BindInt(9, value.bits)
              .BindText(10, value.text)
              .BindInt(11, memory.baseline.state)
              .BindInt(12, ToUs(memory.last_at));
        });
  }

  absl::Status Add(const PendingHandler& pending) {
    return Run(
        "INSERT INTO event_handler (number, event, handler, ended, value, at_us)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        [&](sqlite::Statement& s) {
          s.BindInt(1, pending.number)
              .BindText(2, pending.due.event)
              .BindText(3, pending.due.handler)
              .BindInt(4, pending.due.ended)
              .BindText(5, pending.due.value)
              .BindInt(6, ToUs(pending.due.at));
        });
  }

  sqlite::Database& database_;
};

}  // namespace

std::unique_ptr<EventStore> MakeSqliteEventStore(OutboxFile& file) {
  return std::make_unique<SqliteEventStore>(file.database());
}

}  // namespace fieldgate::cloud_link
