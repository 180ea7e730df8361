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
#include "services/config_store/probation/probations.h"
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
  //
  // `disk` and `on_damage`: as sqlite::Options.
  static absl::StatusOr<std::unique_ptr<ConfigurationStore>> Open(
      const std::string& path, const v1::Device& device, const Clock& clock,
      sqlite::Disk* disk = nullptr, std::function<void(const absl::Status&)> on_damage = nullptr);

  // Called with each new configuration, in order, while the store is locked: it
  // must be quick and not call back. Set it before other threads use the store.
  using Listener = std::function<void(std::shared_ptr<const v1::Configuration>)>;
  void SetListener(Listener listener);

  std::shared_ptr<const v1::Configuration> Current() const;

  // `connector`: through which it came; empty: none.
  absl::StatusOr<v1::SetConfigResponse> SetConfig(absl::string_view database,
                                                  std::vector<tixml::Node> children,
                                                  absl::string_view origin,
                                                  absl::string_view connector = "");

  struct Nodes {
    std::vector<tixml::Node> nodes;
    int64_t revision = 0;
  };
  absl::StatusOr<Nodes> GetConfig(absl::string_view database) const;

  absl::StatusOr<std::vector<v1::ListRevisionsResponse::Revision>> ListRevisions();
  absl::StatusOr<Nodes> GetRevision(int64_t revision, absl::string_view database);
  absl::StatusOr<v1::SetConfigResponse> Rollback(int64_t revision, absl::string_view origin);

  // `commands`: SetConfigs, from the factory's file.
  // kFailedPrecondition: as ConfigStore.FactoryReset.
  absl::StatusOr<v1::SetConfigResponse> FactoryReset(const std::vector<tixml::Node>& commands,
                                                     absl::string_view origin,
                                                     absl::string_view connector, bool check_only);

  // A recovery found nothing of the configuration, and nothing was set since.
  bool NothingLeft();
  // What the factory's file says, without the reset: identities and logs stay, and no
  // other service forgets anything.
  absl::StatusOr<v1::SetConfigResponse> AdoptFactory(const std::vector<tixml::Node>& commands);

  absl::Status ConfirmConfiguration(absl::string_view connector, int64_t revision);
  // Takes back what was not confirmed in time; returns when to call it again.
  MonotonicTime SettleProbations();
  // Called when that time may have changed; as a Listener.
  void SetDeadlineListener(std::function<void()> listener);

  absl::Status SaveIdentity(absl::string_view connector, v1::Identity identity);
  absl::Status DeleteIdentities();

  // Time and names of logs as AppendSupportLog and ListSupportLog have them.
  absl::Status AppendMessage(const v1::SupportLogEntry& entry);
  absl::StatusOr<v1::ListSupportLogResponse> ListMessages(absl::string_view log, int count);

 private:
  static constexpr size_t kMaxOrigin = 200;  // characters, proto/config_store.proto
  static constexpr absl::string_view kIsp = "ISP";
  using Databases = std::map<std::string, tixml::Node, std::less<>>;

  ConfigurationStore(std::unique_ptr<ConfigDatabase> file, const v1::Device& device,
                     const Clock& clock);

  absl::Status Load(const std::string& path);
  static absl::StatusOr<Databases> ReadDatabases(const ConfigDatabase::Texts& texts);
  static void LogErrors(const Problems& problems);
  // What GetConfig answers, of these databases.
  static absl::StatusOr<Nodes> Select(const Databases& databases, absl::string_view database,
                                      int64_t revision);
  static std::vector<StoredProbation> Stored(const Probations& probations);

  // The databases that the factory's commands make.
  static absl::StatusOr<Databases> ReadFactory(const std::vector<tixml::Node>& commands);

  // These are called with the mutex held.
  void LoadProbations(std::vector<StoredProbation> stored);
  const tixml::Node* FindDatabase(absl::string_view name) const;
  // Brings `next` in line with `database` in place of the stored one of its name.
  void Derive(const tixml::Node& database, v1::Configuration& next, Problems& problems) const;
  // The whole configuration that would follow from `databases`.
  v1::Configuration DeriveFrom(Databases& databases, Problems& problems);
  static void ListOnce(const Problems& problems, v1::SetConfigResponse& response);
  // The whole configuration that follows from the databases.
  v1::Configuration DeriveAll(int64_t revision, Problems& problems) const;
  // What a change of ISP, from the stored one to `after`, means for probations;
  // `next` is the configuration with it.
  bool Judge(const tixml::Node& after, const v1::Configuration& next, absl::string_view connector,
             Probations& probations) const;
  void Publish(v1::Configuration next);
  absl::Status TakeBack(const Probations::Entry& entry);

  const v1::Device device_;
  const Clock& clock_;
  mutable std::mutex mutex_;  // guards all that follows
  const std::unique_ptr<ConfigDatabase> file_;
  Databases databases_;
  std::map<std::string, v1::Identity> identities_;
  Probations probations_;
  int64_t factory_epoch_ = 0;
  std::shared_ptr<const v1::Configuration> current_;
  Listener listener_;
  std::function<void()> deadline_listener_;
};

}  // namespace fieldgate::config_store
