#include "services/cloud_link/command/sqlite_request_log.h"

#include <mutex>
#include <utility>

#include "common/sqlite/sqlite.h"
#include "common/status/status.h"
#include "services/cloud_link/outbox/turnstile.h"

namespace fieldgate::cloud_link {
namespace {

// Of a request that is begun: each waits a second for the loop's transactions,
// which on a slow disk follow each other closely after a start. Nothing but the
// command waits meanwhile, and otherwise it would be refused.
constexpr int kTries = 10;

// State of a request in the table.
enum State { kAccepted = 0, kBegun = 1, kAnswered = 2, kHeld = 3 };

class SqliteRequestLog : public RequestLog {
 public:
  SqliteRequestLog(OutboxFile& file, std::unique_ptr<sqlite::Database> side,
                   absl::string_view connector)
      : loop_(file.database()),
        turnstile_(file.turnstile()),
        side_(std::move(side)),
        connector_(connector) {}

  absl::StatusOr<RequestNumber> Accept(absl::string_view topic, absl::string_view body) override {
    const Turnstile::Passage passage(turnstile_);
    const std::lock_guard lock(mutex_);
    const absl::Status status =
        Run(*side_, "INSERT INTO request (connector, state, topic, body) VALUES (?1, ?2, ?3, ?4)",
            [&](sqlite::Statement& s) {
              s.BindText(1, connector_).BindInt(2, kAccepted).BindText(3, topic).BindBlob(4, body);
            });
    if (!status.ok()) return Annotate(status, "accepting a request");
    return side_->LastInsertRowId();
  }

  absl::Status Begin(RequestNumber number) override {
    absl::Status status;
    for (int tries = 0; tries < kTries; ++tries) {
      const Turnstile::Passage passage(turnstile_);
      const std::lock_guard lock(mutex_);
      status = Run(*side_, "UPDATE request SET state = ?2 WHERE number = ?1",
                   [&](sqlite::Statement& s) { s.BindInt(1, number).BindInt(2, kBegun); });
      if (!absl::IsUnavailable(status)) break;
    }
    return Annotate(status, "beginning a request");
  }

  absl::Status Hold(RequestNumber number, absl::string_view held) override {
    const Turnstile::Passage passage(turnstile_);
    const std::lock_guard lock(mutex_);
    return Annotate(Run(*side_, "UPDATE request SET state = ?2, held = ?3 WHERE number = ?1",
                        [&](sqlite::Statement& s) {
                          s.BindInt(1, number).BindInt(2, kHeld).BindBlob(3, held);
                        }),
                    "holding an answer");
  }

  absl::Status Answer(RequestNumber number, absl::string_view key,
                      const LoggedAnswer& answer) override {
    if (key.empty()) {
      return Run(loop_, "DELETE FROM request WHERE number = ?1",
                 [&](sqlite::Statement& s) { s.BindInt(1, number); });
    }
    absl::Status status = Run(loop_,
                              "UPDATE request SET state = ?2, key = ?3, topic = ?4, body = x'',"
                              " held = NULL, answer = ?5 WHERE number = ?1",
                              [&](sqlite::Statement& s) {
                                s.BindInt(1, number)
                                    .BindInt(2, kAnswered)
                                    .BindText(3, key)
                                    .BindText(4, answer.topic)
                                    .BindBlob(5, answer.body);
                              });
    if (!status.ok()) return status;
    status = Run(loop_,
                 "DELETE FROM request WHERE number IN (SELECT number FROM request"
                 " WHERE connector = ?1 AND state = ?2 ORDER BY number DESC LIMIT -1 OFFSET ?3)",
                 [&](sqlite::Statement& s) {
                   s.BindText(1, connector_).BindInt(2, kAnswered).BindInt(3, kMaxAnswered);
                 });
    if (!status.ok()) return status;
    return Run(
        loop_,
        "UPDATE request SET answer = NULL WHERE number IN (SELECT number FROM"
        " (SELECT number, sum(length(answer)) OVER (ORDER BY number DESC) AS total"
        "  FROM request WHERE connector = ?1 AND answer IS NOT NULL) WHERE total > ?2)",
        [&](sqlite::Statement& s) { s.BindText(1, connector_).BindInt(2, kMaxAnswerBytes); });
  }

  absl::StatusOr<std::vector<LoggedRequest>> Unanswered() override {
    absl::StatusOr<sqlite::Statement*> read = loop_.Cached(
        "SELECT number, state, topic, body, held FROM request"
        " WHERE connector = ?1 AND state <> ?2"
        " ORDER BY number");
    if (!read.ok()) return read.status();
    (*read)->BindText(1, connector_).BindInt(2, kAnswered);
    std::vector<LoggedRequest> requests;
    while (true) {
      absl::StatusOr<bool> row = (*read)->Step();
      if (!row.ok()) return row.status();
      if (!*row) return requests;
      requests.push_back({(*read)->Int(0), std::string((*read)->Text(2)),
                          std::string((*read)->Blob(3)), (*read)->Int(1) != kAccepted,
                          std::string((*read)->Blob(4))});
    }
  }

  absl::StatusOr<std::optional<LoggedAnswer>> Find(absl::string_view key) override {
    absl::StatusOr<sqlite::Statement*> read = loop_.Cached(
        "SELECT topic, answer FROM request WHERE connector = ?1 AND key = ?2"
        " AND state = ?3 ORDER BY number DESC LIMIT 1");
    if (!read.ok()) return read.status();
    (*read)->BindText(1, connector_).BindText(2, key).BindInt(3, kAnswered);
    absl::StatusOr<bool> row = (*read)->Step();
    if (!row.ok()) return row.status();
    if (!*row) return std::nullopt;
    LoggedAnswer answer{std::string((*read)->Text(0)), std::string((*read)->Blob(1)),
                        (*read)->IsNull(1)};
    (*read)->Reset();
    return answer;
  }

 private:
  template <typename Bind>
  static absl::Status Run(sqlite::Database& db, absl::string_view sql, Bind bind) {
    absl::StatusOr<sqlite::Statement*> statement = db.Cached(sql);
    if (!statement.ok()) return statement.status();
    bind(**statement);
    return (*statement)->Run();
  }

  sqlite::Database& loop_;
  Turnstile& turnstile_;
  std::mutex mutex_;  // guards side_
  const std::unique_ptr<sqlite::Database> side_;
  const std::string connector_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RequestLog>> OpenSqliteRequestLog(OutboxFile& file,
                                                                 absl::string_view connector) {
  sqlite::Options options;
  options.disk = &file.database().disk();
  options.on_damage = file.on_damage();
  options.cache_kib = 64;  // single rows
  // Paho's one lock for all clients is held while a request is accepted.
  options.busy_timeout = absl::Seconds(1);
  absl::StatusOr<std::unique_ptr<sqlite::Database>> side =
      sqlite::Database::Open(file.database().path(), options);
  if (!side.ok()) return side.status();
  return std::unique_ptr<RequestLog>(
      std::make_unique<SqliteRequestLog>(file, *std::move(side), connector));
}

}  // namespace fieldgate::cloud_link
