#include "services/config_store/configuration_store.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/log/log.h"
#include "common/status/status.h"
#include "services/config_store/validation/acquisition.h"
#include "services/config_store/validation/connector.h"
#include "services/config_store/validation/databases.h"
#include "services/config_store/validation/events.h"
#include "services/config_store/validation/formats.h"
#include "services/config_store/validation/logs.h"
#include "services/config_store/validation/origins.h"

namespace fieldgate::config_store {
namespace {

using tixml::Node;

constexpr size_t kMaxLogSource = 64;
constexpr size_t kMaxLogMessage = 2'000;

// Those of /LogCounter (manual 5) that have entries; the first is the default.
constexpr absl::string_view kMessageLogs[] = {"SupportLog", "Event", "JobReport", "Login"};

// The log's name; kInvalidArgument: there is none.
absl::StatusOr<absl::string_view> MessageLog(absl::string_view name) {
  if (name.empty()) return kMessageLogs[0];
  for (const absl::string_view log : kMessageLogs) {
    if (log == name) return log;
  }
  return absl::InvalidArgumentError(absl::StrCat("there is no log of messages ", Quote(name),
                                                 "; there are ",
                                                 absl::StrJoin(kMessageLogs, ", ")));
}

// What is stored must be what comes back after a restart.
void CheckReadBack(const Node& database, const std::vector<TextPart>& text, Problems& problems) {
  const absl::StatusOr<Node> back = ReadParts(text);
  if (back.ok() && *back == database) return;
  problems.Error({absl::StrCat("/", database.name), 0},
                 absl::StrCat("the database could not be read back: ",
                              back.ok() ? "it has characters that XML can't hold"
                                        : std::string(back.status().message())),
                 "write shorter values, without control characters");
}

}  // namespace

absl::StatusOr<std::unique_ptr<ConfigurationStore>> ConfigurationStore::Open(
    const std::string& path, const v1::Device& device, const Clock& clock, sqlite::Disk* disk,
    std::function<void(const absl::Status&)> on_damage) {
  absl::StatusOr<std::unique_ptr<ConfigDatabase>> file =
      ConfigDatabase::Open(path, disk, std::move(on_damage));
  if (!file.ok()) return file.status();
  std::unique_ptr<ConfigurationStore> store(
      new ConfigurationStore(*std::move(file), device, clock));
  if (absl::Status status = store->Load(path); !status.ok()) return status;
  return store;
}

ConfigurationStore::ConfigurationStore(std::unique_ptr<ConfigDatabase> file,
                                       const v1::Device& device, const Clock& clock)
    : device_(device), clock_(clock), file_(std::move(file)) {}

absl::Status ConfigurationStore::Load(const std::string& path) {
  const std::lock_guard lock(mutex_);
  absl::StatusOr<ConfigDatabase::Content> content = file_->Load();
  if (!content.ok()) return content.status();
  absl::StatusOr<Databases> databases = ReadDatabases(content->databases);
  if (!databases.ok()) return Annotate(databases.status(), path);
  databases_ = *std::move(databases);
  identities_ = std::move(content->identities);
  factory_epoch_ = content->factory_epoch;
  LoadProbations(std::move(content->probations));

  Problems problems;
  v1::Configuration next = DeriveAll(content->revision, problems);
  LogErrors(problems);
  if (absl::Status s = file_->RestoreConnectors(next.connectors()); !s.ok()) return s;
  Publish(std::move(next));
  return absl::OkStatus();
}

void ConfigurationStore::SetListener(Listener listener) {
  const std::lock_guard lock(mutex_);
  listener_ = std::move(listener);
}

std::shared_ptr<const v1::Configuration> ConfigurationStore::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

const Node* ConfigurationStore::FindDatabase(absl::string_view name) const {
  const auto found = databases_.find(name);
  return found != databases_.end() ? &found->second : nullptr;
}

absl::StatusOr<ConfigurationStore::Databases> ConfigurationStore::ReadDatabases(
    const ConfigDatabase::Texts& texts) {
  Databases databases;
  for (const auto& [name, text] : texts) {
    absl::StatusOr<Node> database = ReadParts(text);
    if (!database.ok()) {
      return absl::DataLossError(
          absl::StrCat("the stored database ", name, ": ", database.status().message()));
    }
    ClearLines(*database);
    databases[name] = *std::move(database);
  }
  return databases;
}

void ConfigurationStore::LogErrors(const Problems& problems) {
  // They were valid once; this version of the program is stricter.
  for (const v1::Problem& problem : problems.Sorted()) {
    if (problem.severity() != v1::Problem::ERROR) continue;
    log::Error(
        "a stored setting is not valid and has no effect",
        {{"path", problem.path()}, {"problem", problem.message()}, {"remedy", problem.remedy()}});
  }
}

v1::Configuration ConfigurationStore::DeriveAll(int64_t revision, Problems& problems) const {
  v1::Configuration next;
  next.set_revision(revision);
  *next.mutable_device() = device_;
  next.set_factory_epoch(factory_epoch_);
  for (const absl::string_view name : {"PROCCFG", "LOG", "ISP", "EVENTS"}) {
    if (const Node* database = FindDatabase(name)) Derive(*database, next, problems);
  }
  return next;
}

void ConfigurationStore::Derive(const Node& database, v1::Configuration& next,
                                Problems& problems) const {
  const bool acquisition = database.name == "PROCCFG";
  const bool logs = database.name == "LOG";
  const bool events = database.name == "EVENTS";
  if (!acquisition && !logs && !events && database.name != "ISP") return;
  const auto find = [&](absl::string_view name) {
    return database.name == name ? &database : FindDatabase(name);
  };
  if (acquisition) *next.mutable_acquisition() = ReadAcquisition(&database, problems);
  const Origins origins(next.acquisition());
  Problems log_paths;
  if (acquisition || logs) {
    Problems log_problems;
    *next.mutable_logs() = ReadLogs(find("LOG"), origins, log_problems, log_paths);
    if (logs) problems.Append(log_problems);
    // Paths and logs would be missed that are only misspelt.
    if (problems.errors() > 0) return;
  }
  // With PROCCFG what refers to its values is read anew, for its warnings; what
  // else may be wrong there is not this SetConfig's.
  if (!events) {
    Problems connector_problems;
    Problems connector_paths;
    Problems sent_logs;
    std::vector<v1::Connector> connectors = ReadConnectors(
        find("ISP"), device_, origins, next.logs(), connector_problems, connector_paths, sent_logs);
    next.clear_connectors();
    for (v1::Connector& connector : connectors) *next.add_connectors() = std::move(connector);
    // A log that no connector could send any more is refused, since its connector
    // would be gone.
    if (!acquisition && !logs) problems.Append(connector_problems);
    if (!acquisition) problems.Append(sent_logs);
    if (!logs) problems.Append(connector_paths);
  }
  if (acquisition || events) {
    Problems event_problems;
    Problems event_paths;
    *next.mutable_events() = ReadEvents(find("EVENTS"), origins, event_problems, event_paths);
    if (events) problems.Append(event_problems);
    problems.Append(event_paths);
  }
  problems.Append(log_paths);
}

void ConfigurationStore::Publish(v1::Configuration next) {
  for (v1::Connector& connector : *next.mutable_connectors()) {
    const auto identity = identities_.find(connector.name());
    if (identity != identities_.end()) {
      *connector.mutable_stored_identity() = identity->second;
    } else {
      connector.clear_stored_identity();
    }
  }
  next.clear_probations();
  for (const Probations::Entry& entry : probations_.entries()) {
    *next.add_probations() = entry.record;
  }
  current_ = std::make_shared<const v1::Configuration>(std::move(next));
  if (listener_) listener_(current_);
  if (deadline_listener_) deadline_listener_();
}

absl::StatusOr<v1::SetConfigResponse> ConfigurationStore::SetConfig(absl::string_view database,
                                                                    std::vector<Node> children,
                                                                    absl::string_view origin,
                                                                    absl::string_view connector) {
  const absl::StatusOr<std::vector<std::string>> path = ParseDatabasePath(database);
  if (!path.ok()) return path.status();
  const std::string& name = path->front();
  const bool empty = children.empty();

  const std::lock_guard lock(mutex_);
  const Node* const before = FindDatabase(name);
  Node after;
  if (before != nullptr) after = *before;
  after.name = name;
  Merge(*path, std::move(children), after);

  Problems problems;
  v1::Configuration next = *current_;
  next.set_revision(current_->revision() + 1);
  if (empty) {
    problems.Warning({absl::StrCat("/", database), 0}, "it has no content, so nothing is changed",
                     "write the elements to be replaced into it");
  }
  RestoreSecrets(before, after, problems);
  CheckStorable(after, problems);
  Derive(after, next, problems);
  ConfigDatabase::Revision revision;
  if (problems.errors() == 0 && !empty) {
    revision.revision = next.revision();
    revision.created_at = clock_.WallNow();
    revision.path = std::string(database);
    revision.origin = OneLine(origin, kMaxOrigin);
    revision.databases[name] = WriteParts(after);
    CheckReadBack(after, revision.databases[name], problems);
  }

  v1::SetConfigResponse response;
  for (v1::Problem& problem : problems.Sorted()) *response.add_problems() = std::move(problem);
  response.set_revision(current_->revision());
  response.set_applied(problems.errors() == 0);
  if (!response.applied() || empty) return response;

  ClearLines(after);
  Probations probations = probations_;
  if (name == kIsp) {
    response.set_on_probation(Judge(after, next, connector, probations));
    revision.probations = Stored(probations);
  }
  if (absl::Status status = file_->Commit(revision, next.connectors()); !status.ok()) {
    return Annotate(status, absl::StrCat("storing ", database));
  }
  log::Info("configuration changed", {{"revision", absl::StrCat(revision.revision)},
                                      {"database", revision.path},
                                      {"origin", revision.origin},
                                      {"on_probation", response.on_probation() ? "yes" : "no"}});
  databases_[name] = std::move(after);
  probations_ = std::move(probations);
  Publish(std::move(next));
  response.set_revision(revision.revision);
  return response;
}

absl::StatusOr<ConfigurationStore::Nodes> ConfigurationStore::GetConfig(
    absl::string_view database) const {
  const std::lock_guard lock(mutex_);
  return Select(databases_, database, current_->revision());
}

absl::StatusOr<ConfigurationStore::Nodes> ConfigurationStore::Select(const Databases& databases,
                                                                     absl::string_view database,
                                                                     int64_t revision) {
  Nodes result;
  result.revision = revision;
  if (database.empty()) {
    for (const auto& [name, node] : databases) {
      result.nodes.push_back(node);
      MaskSecrets(result.nodes.back());
    }
    return result;
  }
  const absl::StatusOr<std::vector<std::string>> path = ParseDatabasePath(database);
  const auto found = path.ok() ? databases.find(path->front()) : databases.end();
  if (found == databases.end()) {
    std::vector<std::string> names;
    for (const auto& [name, node] : databases) names.push_back(name);
    return absl::NotFoundError(absl::StrCat(
        "there is no database for ", Quote(database),
        names.empty() ? "; none is stored yet" : "; stored are ", absl::StrJoin(names, ", ")));
  }
  Node masked = found->second;
  MaskSecrets(masked);
  for (const Node* node : FindNodes(*path, masked)) result.nodes.push_back(*node);
  if (result.nodes.empty()) {
    return absl::NotFoundError(
        absl::StrCat("the database ", path->front(), " has no node ", Quote(database)));
  }
  return result;
}

absl::StatusOr<std::vector<v1::ListRevisionsResponse::Revision>>
ConfigurationStore::ListRevisions() {
  const std::lock_guard lock(mutex_);
  return file_->ListRevisions();
}

absl::Status ConfigurationStore::SaveIdentity(absl::string_view connector, v1::Identity identity) {
  if (!IsConnectorName(connector)) {
    return absl::InvalidArgumentError(absl::StrCat(
        Quote(connector), " is no connector: write CloudConn, CloudConn2 or CloudConn3"));
  }
  for (const std::string* id : {&identity.gateway_id(), &identity.customer_id()}) {
    if (!IsTopicId(*id)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the id ", Quote(*id), " does not match [A-Za-z0-9_.:-]{1,64}"));
    }
  }
  if (identity.has_data_broker_qos() &&
      (identity.data_broker_qos() < 0 || identity.data_broker_qos() > 2)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the QoS '", identity.data_broker_qos(), "' is not 0, 1 or 2"));
  }
  if (!identity.data_broker_url().empty()) {
    absl::StatusOr<std::string> url = NormalizeBrokerUrl(identity.data_broker_url());
    if (!url.ok()) {
      return Annotate(url.status(),
                      absl::StrCat("the data broker's URL ", Quote(identity.data_broker_url())));
    }
    identity.set_data_broker_url(*std::move(url));
  }
  const std::lock_guard lock(mutex_);
  if (absl::Status status = file_->SaveIdentity(connector, identity); !status.ok()) {
    return Annotate(status, "storing an identity");
  }
  identities_[std::string(connector)] = std::move(identity);
  Publish(*current_);
  return absl::OkStatus();
}

absl::Status ConfigurationStore::DeleteIdentities() {
  const std::lock_guard lock(mutex_);
  Probations probations = probations_;
  probations.ForgetIdentities();
  std::optional<std::vector<StoredProbation>> changed;
  if (probations.AnyPending()) changed = Stored(probations);
  if (absl::Status status = file_->DeleteIdentities(changed); !status.ok()) {
    return Annotate(status, "deleting the identities");
  }
  probations_ = std::move(probations);
  identities_.clear();
  Publish(*current_);
  return absl::OkStatus();
}

absl::Status ConfigurationStore::AppendMessage(const v1::SupportLogEntry& entry) {
  const absl::StatusOr<absl::string_view> log = MessageLog(entry.log());
  if (!log.ok()) return log.status();
  const std::lock_guard lock(mutex_);
  return file_->AppendMessage(*log, clock_.WallNow(), OneLine(entry.source(), kMaxLogSource),
                              OneLine(entry.message(), kMaxLogMessage));
}

absl::StatusOr<v1::ListSupportLogResponse> ConfigurationStore::ListMessages(
    absl::string_view log_name, int count) {
  const absl::StatusOr<absl::string_view> log = MessageLog(log_name);
  if (!log.ok()) return log.status();
  if (count < 0 || count > ConfigDatabase::kLogMessages) {
    return absl::InvalidArgumentError(
        absl::StrCat("the count '", count, "' is not from 1 to ", ConfigDatabase::kLogMessages));
  }
  constexpr int kDefaultCount = 100;
  v1::ListSupportLogResponse response;
  const std::lock_guard lock(mutex_);
  absl::StatusOr<std::vector<v1::SupportLogEntry>> entries =
      file_->ListMessages(*log, count == 0 ? kDefaultCount : count);
  if (!entries.ok()) return entries.status();
  for (v1::SupportLogEntry& entry : *entries) *response.add_entries() = std::move(entry);
  const absl::StatusOr<int64_t> total = file_->CountMessages(*log);
  if (!total.ok()) return total.status();
  response.set_total(*total);
  return response;
}

}  // namespace fieldgate::config_store
