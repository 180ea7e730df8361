#include "services/config_store/config_database.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/rows.h"
#include "services/config_store/config_recovery.h"
#include "services/config_store/schema.h"

namespace fieldgate::config_store {
namespace {

using google::protobuf::RepeatedPtrField;
using google::protobuf::Timestamp;

void SetTimestamp(int64_t us, Timestamp& timestamp) {
  timestamp.set_seconds(us / 1'000'000);
  timestamp.set_nanos(static_cast<int32_t>(us % 1'000'000 * 1'000));
}

// "3 to 12, 1012": a recovery leaves a gap.
std::string Ranges(const std::vector<int64_t>& ascending) {
  std::string text;
  for (size_t i = 0, end = 0; i < ascending.size(); i = end) {
    end = i + 1;
    while (end < ascending.size() && ascending[end] == ascending[end - 1] + 1) ++end;
    absl::StrAppend(&text, text.empty() ? "" : ", ", ascending[i]);
    if (end > i + 1) absl::StrAppend(&text, " to ", ascending[end - 1]);
  }
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ConfigDatabase>> ConfigDatabase::Open(
    const std::string& path, sqlite::Disk* disk,
    std::function<void(const absl::Status&)> on_damage) {
  sqlite::Options options;
  options.disk = disk;
  options.on_damage = std::move(on_damage);
  absl::StatusOr<std::unique_ptr<sqlite::Database>> database =
      sqlite::Database::Open(path, options);
  if (!database.ok()) return database.status();
  if (absl::Status status = sqlite::Migrate(**database, Migrations()); !status.ok()) return status;
  return std::unique_ptr<ConfigDatabase>(
      new ConfigDatabase(*std::move(database), disk != nullptr ? *disk : sqlite::RealDisk()));
}

absl::StatusOr<ConfigDatabase::Content> ConfigDatabase::Load() {
  Content content;
  absl::StatusOr<sqlite::Statement*> revision =
      database_->Cached("SELECT ifnull(max(revision), 0) FROM revision");
  if (!revision.ok()) return revision.status();
  absl::Status status = sqlite::ForEachRow(
      **revision, [&](const sqlite::Statement& row) { content.revision = row.Int(0); });
  if (!status.ok()) return status;

  absl::StatusOr<Texts> databases = ReadTexts(*database_, content.revision);
  if (!databases.ok()) return databases.status();
  absl::StatusOr<sqlite::Statement*> digest =
      database_->Cached("SELECT digest FROM revision WHERE revision = ?1");
  if (!digest.ok()) return digest.status();
  bool whole = true;
  status = sqlite::ForEachRow((*digest)->BindInt(1, content.revision),
                              [&](const sqlite::Statement& row) {
                                // '': of a former version of the program.
                                whole = row.Text(0).empty() || row.Text(0) == DigestOf(*databases);
                              });
  if (!status.ok()) return status;
  if (!whole) {
    return absl::DataLossError(absl::StrCat(database_->path(), ": revision ", content.revision,
                                            " is not what was stored"));
  }
  content.databases = *std::move(databases);

  absl::StatusOr<sqlite::Statement*> identities = database_->Cached(
      "SELECT connector, gateway_id, customer_id, data_broker_url, data_broker_qos"
      " FROM identity ORDER BY connector");
  if (!identities.ok()) return identities.status();
  status = sqlite::ForEachRow(**identities, [&](const sqlite::Statement& row) {
    v1::Identity& identity = content.identities[std::string(row.Text(0))];
    identity.set_gateway_id(std::string(row.Text(1)));
    identity.set_customer_id(std::string(row.Text(2)));
    identity.set_data_broker_url(std::string(row.Text(3)));
    if (row.Int(4) >= 0) identity.set_data_broker_qos(static_cast<int32_t>(row.Int(4)));
  });
  if (!status.ok()) return status;
  absl::StatusOr<std::vector<StoredProbation>> probations = ReadProbations(*database_);
  if (!probations.ok()) return probations.status();
  content.probations = *std::move(probations);
  absl::StatusOr<sqlite::Statement*> epoch = database_->Cached("SELECT epoch FROM factory");
  if (!epoch.ok()) return epoch.status();
  status = sqlite::ForEachRow(
      **epoch, [&](const sqlite::Statement& row) { content.factory_epoch = row.Int(0); });
  if (!status.ok()) return status;
  return content;
}

absl::StatusOr<Texts> ConfigDatabase::LoadRevision(int64_t revision) {
  std::vector<int64_t> kept;
  const absl::Status status =
      sqlite::ForEachRow(*database_, "SELECT revision FROM revision ORDER BY revision",
                         [&](const sqlite::Statement& row) { kept.push_back(row.Int(0)); });
  if (!status.ok()) return status;
  if (std::binary_search(kept.begin(), kept.end(), revision)) {
    return ReadTexts(*database_, revision);
  }
  return absl::NotFoundError(absl::StrCat("revision ", revision, " is not kept; ",
                                          kept.empty() ? "there is none yet" : "kept are ",
                                          Ranges(kept)));
}

absl::Status ConfigDatabase::Commit(const Revision& revision,
                                    const RepeatedPtrField<v1::Connector>& connectors) {
  CoverRevision(revision.revision);
  absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(*database_);
  absl::Status status = transaction.status();
  if (status.ok() && revision.factory_epoch.has_value()) {
    status = ForgetAll(*revision.factory_epoch);
  }
  if (status.ok()) status = WriteRevision(revision);
  if (status.ok()) status = WriteDigest(*database_, revision.revision);
  if (status.ok()) status = WriteConnectors(connectors);
  if (status.ok() && revision.probations.has_value()) {
    status = WriteProbations(*database_, *revision.probations);
  }
  for (const auto& [connector, identity] : revision.identities) {
    if (!status.ok()) break;
    status = identity.gateway_id().empty() ? DeleteIdentity(connector)
                                           : SaveIdentity(connector, identity);
  }
  if (status.ok() && !revision.support_log.empty()) {
    status = WriteMessage("SupportLog", revision.created_at, "config_store", revision.support_log);
  }
  if (status.ok()) status = Prune();
  if (status.ok()) status = transaction->Commit();
  return status;
}

// A configuration does not wait for it.
void ConfigDatabase::CoverRevision(int64_t revision) {
  if (ceiling_ < 0) ceiling_ = ReadRevisionCeiling(disk_, database_->path());
  if (revision < ceiling_) return;
  const absl::Status written = WriteRevisionCeiling(disk_, database_->path(), revision);
  if (written.ok()) {
    ceiling_ = -1;
  } else {
    log::Warning("the witness of revisions can't be written", {{"why", written.ToString()}});
  }
}

absl::Status ConfigDatabase::RestoreConnectors(const RepeatedPtrField<v1::Connector>& connectors) {
  absl::StatusOr<sqlite::Statement*> count = database_->Cached("SELECT count(*) FROM connector");
  if (!count.ok()) return count.status();
  int64_t stored = 0;
  absl::Status status =
      sqlite::ForEachRow(**count, [&stored](const sqlite::Statement& row) { stored = row.Int(0); });
  if (!status.ok() || stored == connectors.size()) return status;
  absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(*database_);
  status = transaction.status();
  if (status.ok()) status = WriteConnectors(connectors);
  if (status.ok()) status = transaction->Commit();
  return status;
}

absl::Status ConfigDatabase::ForgetAll(int64_t factory_epoch) {
  for (const char* table : {"revision", "database_body", "identity", "message"}) {
    if (absl::Status s = database_->Execute(absl::StrCat("DELETE FROM ", table)); !s.ok()) {
      return s;
    }
  }
  absl::StatusOr<sqlite::Statement*> epoch = database_->Cached("UPDATE factory SET epoch = ?1");
  if (!epoch.ok()) return epoch.status();
  return (*epoch)->BindInt(1, factory_epoch).Run();
}

absl::Status ConfigDatabase::WriteRevision(const Revision& revision) {
  absl::StatusOr<sqlite::Statement*> insert = database_->Cached(
      "INSERT INTO revision (revision, created_at_us, database, origin) VALUES (?1, ?2, ?3, ?4)");
  if (!insert.ok()) return insert.status();
  (*insert)
      ->BindInt(1, revision.revision)
      .BindInt(2, absl::ToUnixMicros(revision.created_at))
      .BindText(3, revision.path)
      .BindText(4, revision.origin);
  absl::Status status = (*insert)->Run();
  for (const auto& [database, text] : revision.databases) {
    if (status.ok()) status = WriteText(*database_, database, revision.revision, text);
  }
  return status;
}

absl::Status ConfigDatabase::SaveProbations(const std::vector<StoredProbation>& probations) {
  absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(*database_);
  absl::Status status = transaction.status();
  if (status.ok()) status = WriteProbations(*database_, probations);
  if (status.ok()) status = transaction->Commit();
  return status;
}

absl::Status ConfigDatabase::WriteConnectors(const RepeatedPtrField<v1::Connector>& connectors) {
  absl::StatusOr<sqlite::Statement*> clear = database_->Cached("DELETE FROM connector");
  if (!clear.ok()) return clear.status();
  absl::Status status = (*clear)->Run();  // the other tables follow
  for (const v1::Connector& c : connectors) {
    if (!status.ok()) return status;
    absl::StatusOr<sqlite::Statement*> insert = database_->Cached(
        "INSERT INTO connector (name, start, base_url, username, gateway_id, customer_id, qos,"
        " format, keep_alive_s, client_id, clean_session, cache, cache_max_mb, server_auth,"
        " time_zone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)");
    if (!insert.ok()) return insert.status();
    (*insert)
        ->BindText(1, c.name())
        .BindInt(2, c.start())
        .BindText(3, c.base_url())
        .BindText(4, c.username())
        .BindText(5, c.gateway_id())
        .BindText(6, c.customer_id())
        .BindInt(7, c.qos())
        .BindText(8, v1::PayloadFormat_Name(c.format()))
        .BindInt(9, c.keep_alive_s())
        .BindText(10, c.client_id())
        .BindInt(11, c.clean_session())
        .BindInt(12, c.cache())
        .BindInt(13, c.cache_max_mb())
        .BindText(14, v1::Tls::ServerAuth_Name(c.tls().server_auth()))
        .BindText(15, c.time_zone());
    status = (*insert)->Run();
    for (int i = 0; status.ok() && i < c.sections_size(); ++i) {
      status = WriteSection(c.name(), c.sections(i));
    }
  }
  return status;
}

absl::Status ConfigDatabase::WriteSection(const std::string& connector,
                                          const v1::RealtimeSection& section) {
  absl::StatusOr<sqlite::Statement*> insert = database_->Cached(
      "INSERT INTO realtime_section (connector, section, mode, period_ms)"
      " VALUES (?1, ?2, ?3, ?4)");
  absl::StatusOr<sqlite::Statement*> insert_point = database_->Cached(
      "INSERT INTO realtime_point (connector, section, position, name, path, second_path,"
      " hysteresis, origin) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
  absl::StatusOr<sqlite::Statement*> insert_metadata = database_->Cached(
      "INSERT INTO realtime_metadata (connector, section, position, name, value)"
      " VALUES (?1, ?2, ?3, ?4, ?5)");
  for (const auto* statement : {&insert, &insert_point, &insert_metadata}) {
    if (!statement->ok()) return statement->status();
  }
  const bool cyclic = section.has_send_period_ms();
  (*insert)
      ->BindText(1, connector)
      .BindInt(2, section.number())
      .BindText(3, cyclic ? "cyclic" : "hysteresis")
      .BindInt(
          4, static_cast<int64_t>(cyclic ? section.send_period_ms() : section.update_period_ms()));
  absl::Status status = (*insert)->Run();
  for (int position = 0; position < section.points_size(); ++position) {
    if (!status.ok()) return status;
    const v1::DataPoint& point = section.points(position);
    (*insert_point)
        ->BindText(1, connector)
        .BindInt(2, section.number())
        .BindInt(3, position)
        .BindText(4, point.name())
        .BindText(5, point.path())
        .BindText(6, point.second_path())
        .BindDouble(7, point.hysteresis())
        .BindText(8, v1::DataPoint::Origin_Name(point.origin()));
    status = (*insert_point)->Run();
    for (int i = 0; status.ok() && i < point.metadata_size(); ++i) {
      (*insert_metadata)
          ->BindText(1, connector)
          .BindInt(2, section.number())
          .BindInt(3, position)
          .BindText(4, point.metadata(i).name())
          .BindText(5, point.metadata(i).value());
      status = (*insert_metadata)->Run();
    }
  }
  return status;
}

absl::Status ConfigDatabase::Prune() {
  absl::StatusOr<sqlite::Statement*> revisions = database_->Cached(
      "DELETE FROM revision WHERE revision NOT IN"
      " (SELECT revision FROM revision ORDER BY revision DESC LIMIT ?1)");
  if (!revisions.ok()) return revisions.status();
  if (absl::Status status = (*revisions)->BindInt(1, kRevisions).Run(); !status.ok()) {
    return status;
  }
  // Of each database the newest text that is not younger than the oldest kept
  // revision stays: that revision has it.
  absl::StatusOr<sqlite::Statement*> bodies = database_->Cached(
      "DELETE FROM database_body WHERE revision <"
      " (SELECT max(revision) FROM database_body AS b WHERE b.database = database_body.database"
      "  AND b.revision <= (SELECT min(revision) FROM revision))");
  if (!bodies.ok()) return bodies.status();
  return (*bodies)->Run();
}

absl::StatusOr<std::vector<v1::ListRevisionsResponse::Revision>> ConfigDatabase::ListRevisions() {
  absl::StatusOr<sqlite::Statement*> select = database_->Cached(
      "SELECT revision, created_at_us, database, origin FROM revision ORDER BY revision DESC");
  if (!select.ok()) return select.status();
  std::vector<v1::ListRevisionsResponse::Revision> revisions;
  const absl::Status status = sqlite::ForEachRow(**select, [&](const sqlite::Statement& row) {
    v1::ListRevisionsResponse::Revision& revision = revisions.emplace_back();
    revision.set_revision(row.Int(0));
    SetTimestamp(row.Int(1), *revision.mutable_created_at());
    revision.set_database(std::string(row.Text(2)));
    revision.set_origin(std::string(row.Text(3)));
  });
  if (!status.ok()) return status;
  return revisions;
}

absl::Status ConfigDatabase::SaveIdentity(absl::string_view connector,
                                          const v1::Identity& identity) {
  absl::StatusOr<sqlite::Statement*> replace = database_->Cached(
      "INSERT OR REPLACE INTO identity"
      " (connector, gateway_id, customer_id, data_broker_url, data_broker_qos)"
      " VALUES (?1, ?2, ?3, ?4, ?5)");
  if (!replace.ok()) return replace.status();
  (*replace)
      ->BindText(1, connector)
      .BindText(2, identity.gateway_id())
      .BindText(3, identity.customer_id())
      .BindText(4, identity.data_broker_url())
      .BindInt(5, identity.has_data_broker_qos() ? identity.data_broker_qos() : -1);
  return (*replace)->Run();
}

absl::Status ConfigDatabase::DeleteIdentity(absl::string_view connector) {
  absl::StatusOr<sqlite::Statement*> remove =
      database_->Cached("DELETE FROM identity WHERE connector = ?1");
  if (!remove.ok()) return remove.status();
  return (*remove)->BindText(1, connector).Run();
}

absl::Status ConfigDatabase::DeleteIdentities(
    const std::optional<std::vector<StoredProbation>>& probations) {
  absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(*database_);
  absl::Status status = transaction.status();
  if (status.ok()) status = database_->Execute("DELETE FROM identity");
  if (status.ok() && probations.has_value()) status = WriteProbations(*database_, *probations);
  if (status.ok()) status = transaction->Commit();
  return status;
}

absl::Status ConfigDatabase::AppendMessage(absl::string_view log, absl::Time at,
                                           absl::string_view source, absl::string_view message) {
  absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(*database_);
  absl::Status status = transaction.status();
  if (status.ok()) status = WriteMessage(log, at, source, message);
  if (status.ok()) status = transaction->Commit();
  return status;
}

absl::Status ConfigDatabase::WriteMessage(absl::string_view log, absl::Time at,
                                          absl::string_view source, absl::string_view message) {
  absl::StatusOr<sqlite::Statement*> insert = database_->Cached(
      "INSERT INTO message (log, id, at_us, source, message) VALUES"
      " (?1, (SELECT coalesce(max(id), 0) + 1 FROM message WHERE log = ?1), ?2, ?3, ?4)");
  absl::StatusOr<sqlite::Statement*> prune = database_->Cached(
      "DELETE FROM message WHERE log = ?1"
      " AND id <= (SELECT max(id) FROM message WHERE log = ?1) - ?2");
  if (!insert.ok()) return insert.status();
  if (!prune.ok()) return prune.status();
  (*insert)
      ->BindText(1, log)
      .BindInt(2, absl::ToUnixMicros(at))
      .BindText(3, source)
      .BindText(4, message);
  absl::Status status = (*insert)->Run();
  if (status.ok()) status = (*prune)->BindText(1, log).BindInt(2, kLogMessages).Run();
  return status;
}

absl::StatusOr<std::vector<v1::SupportLogEntry>> ConfigDatabase::ListMessages(absl::string_view log,
                                                                              int count) {
  absl::StatusOr<sqlite::Statement*> select = database_->Cached(
      "SELECT at_us, source, message FROM message WHERE log = ?1 ORDER BY id DESC LIMIT ?2");
  if (!select.ok()) return select.status();
  std::vector<v1::SupportLogEntry> entries;
  const absl::Status status = sqlite::ForEachRow(
      (*select)->BindText(1, log).BindInt(2, count), [&](const sqlite::Statement& row) {
        v1::SupportLogEntry& entry = entries.emplace_back();
        SetTimestamp(row.Int(0), *entry.mutable_at());
        entry.set_source(std::string(row.Text(1)));
        entry.set_message(std::string(row.Text(2)));
        entry.set_log(std::string(log));
      });
  if (!status.ok()) return status;
  return entries;
}

absl::StatusOr<int64_t> ConfigDatabase::CountMessages(absl::string_view log) {
  absl::StatusOr<sqlite::Statement*> select =
      database_->Cached("SELECT coalesce(max(id), 0) FROM message WHERE log = ?1");
  if (!select.ok()) return select.status();
  int64_t count = 0;
  const absl::Status status = sqlite::ForEachRow(
      (*select)->BindText(1, log), [&count](const sqlite::Statement& row) { count = row.Int(0); });
  if (!status.ok()) return status;
  return count;
}

}  // namespace fieldgate::config_store
