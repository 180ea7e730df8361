#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/sqlite/sqlite.h"
#include "proto/config_store.pb.h"
#include "services/config_store/database_text.h"
#include "services/config_store/probation/probation_table.h"
#include "services/config_store/revision_texts.h"

namespace fieldgate::config_store {

// config.db: revisions of the TiXML databases, the tables that follow from
// them, rollout identities and the logs of messages. What returned OK survives a
// power cut. Thread-compatible; blocks on disk. Errors as common/sqlite.
class ConfigDatabase {
 public:
  static constexpr int kRevisions = 20;        // that are kept
  static constexpr int kLogMessages = 10'000;  // that are kept of each log

  // kFailedPrecondition: the file is of a newer version of the program.
  // `disk` and `on_damage`: as sqlite::Options.
  static absl::StatusOr<std::unique_ptr<ConfigDatabase>> Open(
      const std::string& path, sqlite::Disk* disk = nullptr,
      std::function<void(const absl::Status&)> on_damage = nullptr);

  using Texts = config_store::Texts;

  struct Content {
    int64_t revision = 0;  // 0: none yet
    Texts databases;
    std::map<std::string, v1::Identity> identities;  // by connector
    std::vector<StoredProbation> probations;         // oldest first
    int64_t factory_epoch = 0;
  };
  // kDataLoss: the newest revision is not what was stored.
  absl::StatusOr<Content> Load();
  // All databases as they were in a revision that is kept.
  // kNotFound: it is not; the message says which are.
  absl::StatusOr<Texts> LoadRevision(int64_t revision);

  struct Revision {
    int64_t revision = 0;
    absl::Time created_at;
    std::string path;  // what was changed, for people: "ISP/CloudConn"
    std::string origin;
    Texts databases;  // those that it changed; an empty text: it is gone
    // All probations as they are with it; nothing: as before.
    std::optional<std::vector<StoredProbation>> probations;
    // An identity that comes back with it, by connector; without gateway_id it is
    // deleted.
    std::map<std::string, v1::Identity> identities;
    std::string support_log;  // a line of its own; empty: none
    // A factory reset: the epoch that begins. Nothing of before is kept: no
    // revision, identity or log entry.
    std::optional<int64_t> factory_epoch;
  };
  // Stores the revision with the whole text of the databases that it changed,
  // the connectors as they are with it, and forgets what only revisions before
  // the last kRevisions needed. All or nothing.
  absl::Status Commit(const Revision& revision,
                      const google::protobuf::RepeatedPtrField<v1::Connector>& connectors);

  // Writes the connectors as they follow from the databases if they are not there:
  // after a recovery.
  absl::Status RestoreConnectors(
      const google::protobuf::RepeatedPtrField<v1::Connector>& connectors);

  absl::Status SaveProbations(const std::vector<StoredProbation>& probations);

  // Newest first.
  absl::StatusOr<std::vector<v1::ListRevisionsResponse::Revision>> ListRevisions();

  absl::Status SaveIdentity(absl::string_view connector, const v1::Identity& identity);
  // Of all connectors. `probations`: all as they are then; nothing: as before.
  // All or nothing.
  absl::Status DeleteIdentities(const std::optional<std::vector<StoredProbation>>& probations);

  // `log` is any name; the entry's time is `at`.
  absl::Status AppendMessage(absl::string_view log, absl::Time at, absl::string_view source,
                             absl::string_view message);
  // Newest first.
  absl::StatusOr<std::vector<v1::SupportLogEntry>> ListMessages(absl::string_view log, int count);
  // Entries ever made, also those dropped.
  absl::StatusOr<int64_t> CountMessages(absl::string_view log);

 private:
  ConfigDatabase(std::unique_ptr<sqlite::Database> database, sqlite::Disk& disk)
      : database_(std::move(database)), disk_(disk) {}

  absl::Status ForgetAll(int64_t factory_epoch);
  absl::Status WriteRevision(const Revision& revision);
  void CoverRevision(int64_t revision);
  absl::Status DeleteIdentity(absl::string_view connector);
  absl::Status WriteMessage(absl::string_view log, absl::Time at, absl::string_view source,
                            absl::string_view message);
  absl::Status WriteConnectors(const google::protobuf::RepeatedPtrField<v1::Connector>& connectors);
  absl::Status WriteSection(const std::string& connector, const v1::RealtimeSection& section);
  absl::Status Prune();

  std::unique_ptr<sqlite::Database> database_;
  sqlite::Disk& disk_;
  int64_t ceiling_ = -1;  // of revisions; -1: to be read
};

}  // namespace fieldgate::config_store
