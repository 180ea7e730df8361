// What was in force before and may be again: kept revisions and probations.
#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/log/log.h"
#include "common/status/status.h"
#include "services/config_store/config_recovery.h"
#include "services/config_store/configuration_store.h"
#include "services/config_store/validation/databases.h"
#include "services/config_store/validation/formats.h"

namespace fieldgate::config_store {
namespace {

using tixml::Node;

// What could not be taken back, since the disk was full or failed, is tried
// again after this.
constexpr absl::Duration kTakeBackAgain = absl::Seconds(10);

const Node& NoIsp() {
  static const Node& none = *new Node{.name = "ISP", .attributes = {}, .children = {}, .text = ""};
  return none;
}

}  // namespace

// --- Kept revisions ----------------------------------------------------------

absl::StatusOr<ConfigurationStore::Nodes> ConfigurationStore::GetRevision(
    int64_t revision, absl::string_view database) {
  absl::StatusOr<ConfigDatabase::Texts> texts = [&] {
    const std::lock_guard lock(mutex_);
    return file_->LoadRevision(revision);
  }();
  if (!texts.ok()) return texts.status();
  const absl::StatusOr<Databases> databases = ReadDatabases(*texts);
  if (!databases.ok()) return databases.status();
  absl::StatusOr<Nodes> nodes = Select(*databases, database, revision);
  if (!nodes.ok()) return Annotate(nodes.status(), absl::StrCat("revision ", revision));
  return nodes;
}

absl::StatusOr<v1::SetConfigResponse> ConfigurationStore::Rollback(int64_t revision,
                                                                   absl::string_view origin) {
  const std::lock_guard lock(mutex_);
  const absl::StatusOr<ConfigDatabase::Texts> texts = file_->LoadRevision(revision);
  if (!texts.ok()) return texts.status();
  absl::StatusOr<Databases> restored = ReadDatabases(*texts);
  if (!restored.ok()) return restored.status();

  ConfigDatabase::Revision record;
  std::set<std::string> names;
  for (const Databases* databases : {&databases_, &*restored}) {
    for (const auto& [name, node] : *databases) names.insert(name);
  }
  Problems problems;
  for (const std::string& name : names) {
    const auto now = databases_.find(name);
    const auto then = restored->find(name);
    if (then == restored->end()) {
      record.databases[name] = {};
    } else if (now == databases_.end() || now->second != then->second) {
      record.databases[name] = WriteParts(then->second);
      CheckStorable(then->second, problems);
    }
  }
  const bool same = record.databases.empty();
  if (same) {
    problems.Warning({"", 0}, absl::StrCat("revision ", revision, " is what is in force"),
                     "choose another one");
  }
  v1::Configuration next = DeriveFrom(*restored, problems);
  v1::SetConfigResponse response;
  ListOnce(problems, response);
  response.set_revision(current_->revision());
  response.set_applied(problems.errors() == 0);
  if (!response.applied() || same) return response;

  std::vector<std::string> changed;
  for (const auto& [name, text] : record.databases) changed.push_back(name);
  record.revision = next.revision();
  record.created_at = clock_.WallNow();
  record.path = absl::StrJoin(changed, ", ");
  record.origin = OneLine(origin, kMaxOrigin);
  Probations probations = probations_;
  if (record.databases.contains(std::string(kIsp))) {
    const auto isp = restored->find(kIsp);
    Judge(isp != restored->end() ? isp->second : NoIsp(), next, "", probations);
    record.probations = Stored(probations);
  }
  if (absl::Status status = file_->Commit(record, next.connectors()); !status.ok()) {
    return Annotate(status, absl::StrCat("storing revision ", revision, " again"));
  }
  log::Info("configuration rolled back", {{"revision", absl::StrCat(record.revision)},
                                          {"to", absl::StrCat(revision)},
                                          {"database", record.path},
                                          {"origin", record.origin}});
  databases_ = *std::move(restored);
  probations_ = std::move(probations);
  Publish(std::move(next));
  response.set_revision(record.revision);
  return response;
}

v1::Configuration ConfigurationStore::DeriveFrom(Databases& databases, Problems& problems) {
  databases_.swap(databases);
  v1::Configuration next = DeriveAll(current_->revision() + 1, problems);
  databases_.swap(databases);
  return next;
}

void ConfigurationStore::ListOnce(const Problems& problems, v1::SetConfigResponse& response) {
  std::set<std::pair<std::string, std::string>> listed;  // PROCCFG and ISP warn about the same
  for (v1::Problem& problem : problems.Sorted()) {
    if (!listed.emplace(problem.path(), problem.message()).second) continue;
    *response.add_problems() = std::move(problem);
  }
}

// --- Factory reset -----------------------------------------------------------

absl::StatusOr<ConfigurationStore::Databases> ConfigurationStore::ReadFactory(
    const std::vector<Node>& commands) {
  Databases factory;
  for (const Node& command : commands) {
    const std::string* database = command.Find("_");
    if (command.name != "SetConfig" || database == nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat("line ", command.line, " of the factory's configuration: ", command.name,
                       " is no SetConfig of a database"));
    }
    const absl::StatusOr<std::vector<std::string>> path = ParseDatabasePath(*database);
    if (!path.ok()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "line ", command.line, " of the factory's configuration: ", path.status().message()));
    }
    Node& node = factory[path->front()];
    node.name = path->front();
    Merge(*path, command.children, node);
  }
  return factory;
}

absl::StatusOr<v1::SetConfigResponse> ConfigurationStore::FactoryReset(
    const std::vector<Node>& commands, absl::string_view origin, absl::string_view connector,
    bool check_only) {
  absl::StatusOr<Databases> read = ReadFactory(commands);
  if (!read.ok()) return read.status();
  Databases& factory = *read;
  const std::lock_guard lock(mutex_);
  Problems problems;
  for (const auto& [name, node] : factory) {
    RestoreSecrets(nullptr, factory[name], problems);
    CheckStorable(node, problems);
  }
  v1::Configuration next = DeriveFrom(factory, problems);
  if (!connector.empty() && std::none_of(next.connectors().begin(), next.connectors().end(),
                                         [](const v1::Connector& c) { return c.start(); })) {
    return absl::FailedPreconditionError(
        "the factory's configuration starts no connector, so the gateway would be out of reach; "
        "put one into factory.tixml, or reset it with fieldgate tixml at the device");
  }
  v1::SetConfigResponse response;
  ListOnce(problems, response);
  response.set_revision(current_->revision());
  response.set_applied(problems.errors() == 0);
  if (!response.applied() || check_only) return response;

  next.set_factory_epoch(factory_epoch_ + 1);
  ConfigDatabase::Revision record;
  record.revision = next.revision();
  record.created_at = clock_.WallNow();
  record.path = "all";
  record.origin = absl::StrCat("factory reset by ", OneLine(origin, kMaxOrigin / 2));
  record.factory_epoch = next.factory_epoch();
  record.probations.emplace();
  record.support_log = record.origin;
  for (auto& [name, node] : factory) {
    record.databases[name] = WriteParts(node);
    ClearLines(node);
  }
  if (absl::Status status = file_->Commit(record, next.connectors()); !status.ok()) {
    return Annotate(status, "storing the factory's configuration");
  }
  log::Warning("factory reset",
               {{"revision", absl::StrCat(record.revision)}, {"origin", record.origin}});
  databases_ = std::move(factory);
  identities_.clear();
  probations_ = Probations({}, clock_.Now());
  factory_epoch_ = next.factory_epoch();
  Publish(std::move(next));
  response.set_revision(record.revision);
  return response;
}

bool ConfigurationStore::NothingLeft() {
  const std::lock_guard lock(mutex_);
  const auto revisions = file_->ListRevisions();
  return revisions.ok() && !revisions->empty() && revisions->front().origin() == kNothingLeft;
}

absl::StatusOr<v1::SetConfigResponse> ConfigurationStore::AdoptFactory(
    const std::vector<Node>& commands) {
  absl::StatusOr<Databases> factory = ReadFactory(commands);
  if (!factory.ok()) return factory.status();
  const std::lock_guard lock(mutex_);
  Problems problems;
  for (const auto& [name, node] : *factory) {
    RestoreSecrets(nullptr, (*factory)[name], problems);
    CheckStorable(node, problems);
  }
  v1::Configuration next = DeriveFrom(*factory, problems);
  v1::SetConfigResponse response;
  ListOnce(problems, response);
  response.set_revision(current_->revision());
  response.set_applied(problems.errors() == 0);
  if (!response.applied()) return response;

  ConfigDatabase::Revision record;
  record.revision = next.revision();
  record.created_at = clock_.WallNow();
  record.path = "all";
  record.origin = "recovery: the factory's configuration";
  record.probations.emplace();
  for (auto& [name, node] : *factory) {
    record.databases[name] = WriteParts(node);
    ClearLines(node);
  }
  if (absl::Status status = file_->Commit(record, next.connectors()); !status.ok()) {
    return Annotate(status, "storing the factory's configuration");
  }
  log::Warning("the factory's configuration is in force, since no other could be read",
               {{"revision", absl::StrCat(record.revision)}});
  databases_ = *std::move(factory);
  Publish(std::move(next));
  response.set_revision(record.revision);
  return response;
}

// --- Probations --------------------------------------------------------------

void ConfigurationStore::LoadProbations(std::vector<StoredProbation> stored) {
  std::vector<Probations::Entry> entries;
  for (StoredProbation& probation : stored) {
    Probations::Entry& entry = entries.emplace_back();
    entry.record = std::move(probation.record);
    entry.identity = std::move(probation.identity);
    if (!entry.pending()) continue;
    absl::StatusOr<Node> former = ReadParts(probation.former);
    if (former.ok()) {
      entry.former = *std::move(former);
      ClearLines(entry.former);
      continue;
    }
    // What can't be taken back stays.
    log::Error("the settings before a probation can't be read",
               {{"connector", entry.record.connector()}, {"why", former.status().ToString()}});
    entry.record.set_state(v1::Probation::CONFIRMED);
  }
  probations_ = Probations(std::move(entries), clock_.Now());
}

std::vector<StoredProbation> ConfigurationStore::Stored(const Probations& probations) {
  std::vector<StoredProbation> stored;
  for (const Probations::Entry& entry : probations.entries()) {
    stored.push_back({entry.record, entry.identity,
                      entry.pending() ? WriteParts(entry.former) : std::vector<TextPart>()});
  }
  return stored;
}

bool ConfigurationStore::Judge(const Node& after, const v1::Configuration& next,
                               absl::string_view connector, Probations& probations) const {
  const Node* const before = FindDatabase(kIsp);
  const auto read_isp = [this](const Node& isp) -> std::optional<Connectors> {
    Problems problems;
    CheckStorable(isp, problems);
    v1::Configuration configuration = *current_;
    Derive(isp, configuration, problems);
    if (problems.errors() > 0) return std::nullopt;
    return configuration.connectors();
  };
  const auto identity = identities_.find(std::string(connector));
  return probations.OnChange(
      {.connector = connector,
       .former_revision = current_->revision(),
       .revision = next.revision(),
       .isp_before = before != nullptr ? *before : NoIsp(),
       .isp_after = after,
       .identity = identity != identities_.end() ? identity->second : v1::Identity(),
       .before = current_->connectors(),
       .after = next.connectors()},
      clock_.Now(), read_isp);
}

absl::Status ConfigurationStore::ConfirmConfiguration(absl::string_view connector,
                                                      int64_t revision) {
  const std::lock_guard lock(mutex_);
  Probations probations = probations_;
  if (!probations.Confirm(connector, revision)) return absl::OkStatus();
  if (absl::Status status = file_->SaveProbations(Stored(probations)); !status.ok()) {
    return Annotate(status, "confirming a configuration");
  }
  log::Info("configuration confirmed",
            {{"connector", std::string(connector)}, {"revision", absl::StrCat(revision)}});
  probations_ = std::move(probations);
  Publish(*current_);
  return absl::OkStatus();
}

MonotonicTime ConfigurationStore::SettleProbations() {
  const std::lock_guard lock(mutex_);
  const MonotonicTime now = clock_.Now();
  while (const Probations::Entry* expired = probations_.Expired(now)) {
    const std::string connector = expired->record.connector();
    const absl::Status status = TakeBack(*expired);
    if (status.ok()) continue;
    log::Error("the former settings can't be stored; trying again",
               {{"connector", connector}, {"why", status.ToString()}});
    probations_.Postpone(connector, now + kTakeBackAgain);
  }
  return probations_.NextDeadline();
}

absl::Status ConfigurationStore::TakeBack(const Probations::Entry& entry) {
  const v1::Probation record = entry.record;
  const std::string& connector = record.connector();
  const std::string why = absl::StrCat("not running within ", record.confirm_time_s(), " s");
  const v1::Identity identity = entry.identity;
  Node former = entry.former;
  Problems problems;
  v1::Configuration next = *current_;
  next.set_revision(current_->revision() + 1);
  Derive(former, next, problems);
  // It was valid; what a newer program finds wrong does not hold up the rest.
  LogErrors(problems);

  Probations probations = probations_;
  probations.TakeBack(connector);
  Judge(former, next, "", probations);
  ConfigDatabase::Revision revision;
  revision.revision = next.revision();
  revision.created_at = clock_.WallNow();
  revision.path = std::string(kIsp);
  revision.origin = absl::StrCat("probation of ", connector, ": ", why);
  revision.databases[revision.path] = WriteParts(former);
  revision.probations = Stored(probations);
  // Another portal may have given another one meanwhile.
  revision.identities[connector] = identity;
  revision.support_log =
      absl::StrCat("the settings of ", connector, " were taken back: ", why,
                   " with those of revision ", record.revision(), "; revision ", revision.revision,
                   " has those of revision ", record.former_revision(), " again");
  if (absl::Status status = file_->Commit(revision, next.connectors()); !status.ok()) {
    return status;
  }
  log::Warning("configuration taken back", {{"connector", connector},
                                            {"why", why},
                                            {"taken_back", absl::StrCat(record.revision())},
                                            {"revision", absl::StrCat(revision.revision)}});
  databases_[revision.path] = std::move(former);
  probations_ = std::move(probations);
  if (identity.gateway_id().empty()) {
    identities_.erase(connector);
  } else {
    identities_[connector] = identity;
  }
  Publish(std::move(next));
  return absl::OkStatus();
}

void ConfigurationStore::SetDeadlineListener(std::function<void()> listener) {
  const std::lock_guard lock(mutex_);
  deadline_listener_ = std::move(listener);
}

}  // namespace fieldgate::config_store
