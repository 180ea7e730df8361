#include "services/config_store/probation/probation_table.h"

#include <map>
#include <string>

#include "services/config_store/revision_texts.h"

namespace fieldgate::config_store {
namespace {

std::string DigestOfFormer(const std::vector<TextPart>& former) {
  return DigestOf({{"ISP", former}});
}

absl::Status WriteOne(sqlite::Database& database, int64_t position,
                      const StoredProbation& probation) {
  absl::StatusOr<sqlite::Statement*> insert = database.Cached(
      "INSERT INTO probation (position, connector, revision, former_revision, state,"
      " confirm_time_s, gateway_id, customer_id, data_broker_url, data_broker_qos, digest)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");
  if (!insert.ok()) return insert.status();
  const v1::Probation& record = probation.record;
  const v1::Identity& identity = probation.identity;
  (*insert)
      ->BindInt(1, position)
      .BindText(2, record.connector())
      .BindInt(3, record.revision())
      .BindInt(4, record.former_revision())
      .BindText(5, v1::Probation::State_Name(record.state()))
      .BindInt(6, record.confirm_time_s())
      .BindText(7, identity.gateway_id())
      .BindText(8, identity.customer_id())
      .BindText(9, identity.data_broker_url())
      .BindInt(10, identity.has_data_broker_qos() ? identity.data_broker_qos() : -1)
      .BindText(11, DigestOfFormer(probation.former));
  absl::Status status = (*insert)->Run();
  for (size_t part = 0; status.ok() && part < probation.former.size(); ++part) {
    absl::StatusOr<sqlite::Statement*> body = database.Cached(
        "INSERT INTO probation_body (position, part, parent, body) VALUES (?1, ?2, ?3, ?4)");
    if (!body.ok()) return body.status();
    (*body)
        ->BindInt(1, position)
        .BindInt(2, static_cast<int64_t>(part))
        .BindText(3, probation.former[part].parent)
        .BindText(4, probation.former[part].text);
    status = (*body)->Run();
  }
  return status;
}

}  // namespace

absl::Status WriteProbations(sqlite::Database& database,
                             const std::vector<StoredProbation>& probations) {
  absl::StatusOr<sqlite::Statement*> clear = database.Cached("DELETE FROM probation");
  if (!clear.ok()) return clear.status();
  absl::Status status = (*clear)->Run();  // the bodies follow
  for (size_t i = 0; status.ok() && i < probations.size(); ++i) {
    status = WriteOne(database, static_cast<int64_t>(i), probations[i]);
  }
  return status;
}

absl::StatusOr<std::vector<StoredProbation>> ReadProbations(sqlite::Database& database) {
  std::vector<StoredProbation> probations;
  std::vector<std::string> digests;
  std::map<int64_t, size_t> places;  // by position: a damaged disk may have taken some
  absl::StatusOr<sqlite::Statement*> rows = database.Cached(
      "SELECT connector, revision, former_revision, state, confirm_time_s, gateway_id,"
      " customer_id, data_broker_url, data_broker_qos, digest, position FROM probation"
      " ORDER BY position");
  if (!rows.ok()) return rows.status();
  while (true) {
    const absl::StatusOr<bool> row = (*rows)->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    places[(*rows)->Int(10)] = probations.size();
    digests.emplace_back((*rows)->Text(9));
    StoredProbation& probation = probations.emplace_back();
    v1::Probation& record = probation.record;
    record.set_connector(std::string((*rows)->Text(0)));
    record.set_revision((*rows)->Int(1));
    record.set_former_revision((*rows)->Int(2));
    v1::Probation::State state = v1::Probation::STATE_UNSPECIFIED;
    v1::Probation::State_Parse(std::string((*rows)->Text(3)), &state);
    record.set_state(state);
    record.set_confirm_time_s(static_cast<uint32_t>((*rows)->Int(4)));
    v1::Identity& identity = probation.identity;
    identity.set_gateway_id(std::string((*rows)->Text(5)));
    identity.set_customer_id(std::string((*rows)->Text(6)));
    identity.set_data_broker_url(std::string((*rows)->Text(7)));
    if ((*rows)->Int(8) >= 0) identity.set_data_broker_qos(static_cast<int32_t>((*rows)->Int(8)));
  }
  absl::StatusOr<sqlite::Statement*> bodies =
      database.Cached("SELECT position, parent, body FROM probation_body ORDER BY position, part");
  if (!bodies.ok()) return bodies.status();
  while (true) {
    const absl::StatusOr<bool> row = (*bodies)->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    const auto place = places.find((*bodies)->Int(0));
    if (place == places.end()) continue;  // never: a foreign key
    probations[place->second].former.push_back(
        {std::string((*bodies)->Text(1)), std::string((*bodies)->Text(2))});
  }
  for (size_t i = 0; i < probations.size(); ++i) {
    std::vector<TextPart>& former = probations[i].former;
    if (!digests[i].empty() && digests[i] != DigestOfFormer(former)) former.clear();
  }
  return probations;
}

}  // namespace fieldgate::config_store
