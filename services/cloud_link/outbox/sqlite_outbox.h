#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/cloud_link/outbox/durable_outbox.h"
#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::sqlite {
class Database;
class Disk;
}  // namespace fieldgate::sqlite

namespace fieldgate::cloud_link {

class Turnstile;

// The file that the outboxes of all connectors share. One transaction at a
// time: a second outbox's Begin while one is open is kFailedPrecondition.
// Thread-compatible, with all its outboxes; blocks on disk.
class OutboxFile {
 public:
  // Opens or creates the file in a directory that exists.
  //
  // kUnavailable:        the file can't be opened or written.
  // kDataLoss:           it is damaged; RecoverOutbox comes before.
  // kFailedPrecondition: it was written by a newer program.
  //
  // `disk` and `on_damage`: as sqlite::Options, for all connections to the file.
  static absl::StatusOr<std::unique_ptr<OutboxFile>> Open(
      const std::string& path, sqlite::Disk* disk = nullptr,
      std::function<void(const absl::Status&)> on_damage = nullptr);
  ~OutboxFile();

  const std::function<void(const absl::Status&)>& on_damage() const;

  // What was done about a restored backup, for people; empty: it is none.
  const std::string& note() const;

  // The outbox of a connector ("CloudConn2"), with what it held when it was
  // last open, however much that is. Always CacheMode::kDurable. The file
  // outlives it.
  //
  // kUnavailable:        as Open.
  // kFailedPrecondition: this connector's outbox is open already, or a
  //                      transaction is.
  // kResourceExhausted:  16 connectors have used the file.
  absl::StatusOr<std::unique_ptr<DurableOutbox>> Connector(absl::string_view name,
                                                           const OutboxLimits& limits);

  // For tables of others whose changes belong into an outbox's transaction: what
  // is executed here while one is open is part of it.
  sqlite::Database& database();

  // For transactions of other threads on the same file.
  Turnstile& turnstile();

  struct Shared;

 private:
  explicit OutboxFile(std::shared_ptr<Shared> shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace fieldgate::cloud_link
