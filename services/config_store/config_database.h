#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/sqlite/sqlite.h"
#include "proto/config_store.pb.h"
#include "services/config_store/database_text.h"

namespace fieldgate::config_store {

// config.db: revisions of the TiXML databases, the tables that follow from
// them, rollout identities and the logs of messages. What returned OK survives a
// power cut. Thread-compatible; blocks on disk. Errors as common/sqlite.
class ConfigDatabase {
 public:
  static constexpr int kRevisions = 20;        // that are kept
  static constexpr int kLogMessages = 10'000;  // that are kept of each log

  // kFailedPrecondition: the file is of a newer version of the program.
  static absl::StatusOr<std::unique_ptr<ConfigDatabase>> Open(const std::string& path);

  struct Content {
    int64_t revision = 0;  // 0: none yet
    std::map<std::string, std::vector<TextPart>> databases;
    std::map<std::string, v1::Identity> identities;  // by connector
  };
  absl::StatusOr<Content> Load();

  struct Revision {
    int64_t revision = 0;
    absl::Time created_at;
    std::string path;      // "ISP/CloudConn"
    std::string database;  // "ISP"
    std::string origin;
    std::vector<TextPart> text;
  };
  // Stores the revision with the whole text of the database that it changed,
  // the connectors as they are with it, and forgets what only revisions before
  // the last kRevisions needed. All or nothing.
  absl::Status Commit(const Revision& revision,
                      const google::protobuf::RepeatedPtrField<v1::Connector>& connectors);

  // Newest first.
  absl::StatusOr<std::vector<v1::ListRevisionsResponse::Revision>> ListRevisions();

  absl::Status SaveIdentity(absl::string_view connector, const v1::Identity& identity);
  absl::Status DeleteIdentities();

  // `log` is any name; the entry's time is `at`.
  absl::Status AppendMessage(absl::string_view log, absl::Time at, absl::string_view source,
                             absl::string_view message);
  // Newest first.
  absl::StatusOr<std::vector<v1::SupportLogEntry>> ListMessages(absl::string_view log, int count);
  // Entries ever made, also those dropped.
  absl::StatusOr<int64_t> CountMessages(absl::string_view log);

 private:
  explicit ConfigDatabase(std::unique_ptr<sqlite::Database> database)
      : database_(std::move(database)) {}

  absl::Status WriteRevision(const Revision& revision);
  absl::Status WriteConnectors(const google::protobuf::RepeatedPtrField<v1::Connector>& connectors);
  absl::Status WriteSection(const std::string& connector, const v1::RealtimeSection& section);
  absl::Status Prune();

  std::unique_ptr<sqlite::Database> database_;
};

}  // namespace fieldgate::config_store
