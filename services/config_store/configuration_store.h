#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/time/clock.h"
#include "common/tixml/node.h"
#include "proto/config_store.pb.h"
#include "services/config_store/config_database.h"
#include "services/config_store/validation/problems.h"

namespace fieldgate::config_store {

// The configuration in force: the TiXML databases and what follows from them.
// The methods are those of proto/config_store.proto and keep its promises,
// error codes included. Thread-safe; they block on disk.
class ConfigurationStore {
 public:
  // Opens or creates the database file at `path`.
  // kFailedPrecondition: it is of a newer version of the program.
  // kDataLoss: it is damaged. kUnavailable: it can't be opened.
  static absl::StatusOr<std::unique_ptr<ConfigurationStore>> Open(const std::string& path,
                                                                  const v1::Device& device,
                                                                  const Clock& clock);

  // Called with each new configuration, in order, while the store is locked: it
  // must be quick and not call back. Set it before other threads use the store.
  using Listener = std::function<void(std::shared_ptr<const v1::Configuration>)>;
  void SetListener(Listener listener);

  std::shared_ptr<const v1::Configuration> Current() const;

  absl::StatusOr<v1::SetConfigResponse> SetConfig(absl::string_view database,
                                                  std::vector<tixml::Node> children,
                                                  absl::string_view origin);

  struct Nodes {
    std::vector<tixml::Node> nodes;
    int64_t revision = 0;
  };
  absl::StatusOr<Nodes> GetConfig(absl::string_view database) const;

  absl::StatusOr<std::vector<v1::ListRevisionsResponse::Revision>> ListRevisions();

  absl::Status SaveIdentity(absl::string_view connector, v1::Identity identity);
  absl::Status DeleteIdentities();

  // Time and names of logs as AppendSupportLog and ListSupportLog have them.
  absl::Status AppendMessage(const v1::SupportLogEntry& entry);
  absl::StatusOr<v1::ListSupportLogResponse> ListMessages(absl::string_view log, int count);

 private:
  ConfigurationStore(std::unique_ptr<ConfigDatabase> file, const v1::Device& device,
                     const Clock& clock);

  absl::Status Load(const std::string& path);
  // These are called with the mutex held.
  const tixml::Node* FindDatabase(absl::string_view name) const;
  // Brings `next` in line with `database` in place of the stored one of its name.
  void Derive(const tixml::Node& database, v1::Configuration& next, Problems& problems) const;
  void Publish(v1::Configuration next);

  const v1::Device device_;
  const Clock& clock_;
  mutable std::mutex mutex_;  // guards all that follows
  const std::unique_ptr<ConfigDatabase> file_;
  std::map<std::string, tixml::Node, std::less<>> databases_;
  std::map<std::string, v1::Identity> identities_;
  std::shared_ptr<const v1::Configuration> current_;
  Listener listener_;
};

}  // namespace fieldgate::config_store
