#include "services/cloud_link/outbox/outbox_recovery.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/sqlite/rows.h"
#include "common/time/clock.h"
#include "services/cloud_link/outbox/id_witness.h"
#include "services/cloud_link/outbox/key.h"
#include "services/cloud_link/outbox/loss_news.h"
#include "services/cloud_link/outbox/outbox_schema.h"

namespace fieldgate::cloud_link {
namespace {

using sqlite::Database;
using sqlite::Recovery;
using sqlite::SalvagedRow;
using sqlite::Statement;

// Loss records that one recovery makes, of the 1,000 that are kept.
constexpr size_t kMaxGaps = 200;
// Without any row and any witness, ids begin so many a second since 1970: more than
// any gateway has sent over its life.
constexpr int64_t kIdsPerSecond = 100;

int64_t ConnectorOf(int64_t key) { return key / (2 * kLaneSize) + 1; }
bool IsData(int64_t key) { return key / kLaneSize % 2 == 1; }
bool IsConnector(int64_t id) { return id >= 1 && id <= kMaxConnectors; }

// `max_id`: beyond it, an id can't have been given. Rows of pages that are perhaps
// free must not make anything happen again.
bool IsPlausible(const SalvagedRow& row, int64_t max_id) {
  const std::string& table = row.table.name;
  if (table == "entry") {
    const auto bytes =
        static_cast<int64_t>(row.Bytes("topic").size() + row.Bytes("content").size());
    const int64_t size = row.Int("size");
    return row.Int("key") > 0 && row.Int("qos") >= 0 && row.Int("qos") <= 2 &&
           row.Int("message_id") >= 0 && row.Int("message_id") <= max_id &&
           row.Int("layout") >= 0 && size >= bytes && size <= bytes + 1024 &&
           !row.Bytes("topic").empty() && row.Bytes("topic").size() <= 65535;
  }
  if (table == "connector") {
    return IsConnector(row.Int("id")) && !row.Bytes("name").empty() &&
           row.Int("next_message_id") >= 1 && row.Int("next_message_id") <= max_id &&
           row.Int("next_sequence") >= 1;
  }
  if (table == "layout") return IsConnector(row.Int("connector")) && !row.Bytes("bytes").empty();
  if (table == "loss") {
    return IsConnector(row.Int("connector")) && row.Int("number") >= 1 && row.Int("count") >= 0 &&
           row.Int("last_message_id") >= row.Int("first_message_id");
  }
  if (table == "position") return IsConnector(row.Int("connector"));
  // The automatic index of connectors' names looks like it.
  if (table == "counter")
    return row.Int("value") >= 0 && !absl::StartsWith(row.Bytes("name"), "Cloud");
  if (table == "request") {
    constexpr int64_t kAnswered = 2;
    const int64_t state = row.Int("state");
    return state >= 0 && state <= 3 && (!row.orphan || state == kAnswered);
  }
  if (table == "event_handler" || table == "stopped_program") return !row.orphan;
  if (table == "factory") return !row.orphan || row["ordered"].type == sqlite::Field::Type::kNull;
  return true;
}

// What the mended database needs of a connector.
struct Connector {
  int64_t id = 0;
  std::string name;
  int64_t next_message_id = 1;  // 1: it is not known
  int64_t next_sequence = 1;
  int64_t unsure_from = 0;  // perhaps in memory only from here on; 0: none
  int64_t last_loss = 0;
  int64_t lost = 0;  // messages, by this recovery
  int64_t waiting = 0;
};

struct Gap {
  int64_t first = 0;
  int64_t last = 0;
};

class Mender {
 public:
  Mender(Database& db, const WitnessContent& witness, absl::Time now,
         const sqlite::Salvaged& salvaged, Recovery& recovery)
      : db_(db),
        witness_(witness),
        ceilings_(witness.ceilings),
        now_(now),
        salvaged_(salvaged),
        recovery_(recovery) {}

  absl::Status Mend() {
    absl::Status status = ReadConnectors();
    if (status.ok()) status = RemoveForeign();
    if (status.ok()) status = RemoveWithoutLayout();
    for (auto& [id, connector] : connectors_) {
      if (status.ok()) status = MendConnector(connector);
    }
    if (status.ok()) status = MendCounters();
    if (status.ok()) {
      status = db_.Execute(
          "INSERT INTO factory (id, epoch, next_epoch) VALUES (1, -1, -1) ON CONFLICT DO NOTHING");
    }
    if (status.ok()) status = CountHeld();
    if (status.ok()) Tell();
    return status;
  }

 private:
  // Those that the witness knows come back with their numbers.
  absl::Status ReadConnectors() {
    absl::Status status = sqlite::ForEachRow(
        db_, "SELECT id, name, next_message_id, next_sequence, unsure_from FROM connector",
        [&](const Statement& row) {
          Connector& c = connectors_[row.Int(0)];
          c = {.id = row.Int(0),
               .name = std::string(row.Text(1)),
               .next_message_id = row.Int(2),
               .next_sequence = row.Int(3),
               .unsure_from = row.Int(4)};
        });
    std::set<std::string> names;
    for (const auto& [id, connector] : connectors_) names.insert(connector.name);
    for (const auto& [key, ceiling] : ceilings_) {
      const std::vector<std::string> words = absl::StrSplit(key, absl::MaxSplits('/', 2));
      int64_t id = 0;
      if (words.size() != 3 || words[0] != "message" || !absl::SimpleAtoi(words[1], &id) ||
          !IsConnector(id) || connectors_.count(id) > 0 || !names.insert(words[2]).second) {
        continue;
      }
      if (status.ok()) status = AddConnector(id, words[2]);
    }
    if (!ceilings_.empty()) return status;
    // Those that nothing tells of any more must not begin anew, either; with ids
    // that no row may have had.
    int64_t id = kMaxConnectors;
    for (const char* name : {"CloudConn", "CloudConn2", "CloudConn3"}) {
      if (!status.ok() || !names.insert(name).second) continue;
      while (connectors_.count(id) > 0) --id;
      status = AddConnector(id, name);
    }
    return status;
  }

  absl::Status AddConnector(int64_t id, const std::string& name) {
    connectors_[id] = {.id = id, .name = name};
    absl::StatusOr<Statement*> insert = db_.Cached(
        "INSERT INTO connector (id, name, next_message_id, next_sequence, dropped)"
        " VALUES (?1, ?2, 1, 1, 0)");
    if (!insert.ok()) return insert.status();
    return (*insert)->BindInt(1, id).BindText(2, name).Run();
  }

  // What belongs to a connector whose name nobody knows would go to a wrong portal.
  absl::Status RemoveForeign() {
    const std::string unknown = "NOT IN (SELECT id FROM connector)";
    absl::Status status =
        db_.Execute(absl::StrCat("DELETE FROM entry WHERE (key >> 58) + 1 ", unknown));
    recovery_.rows_lost += static_cast<uint64_t>(db_.Changes());
    for (const char* table : {"layout", "loss", "position"}) {
      if (!status.ok()) return status;
      status = db_.Execute(absl::StrCat("DELETE FROM ", table, " WHERE connector ", unknown));
      recovery_.rows_lost += static_cast<uint64_t>(db_.Changes());
    }
    return status;
  }

  absl::Status RemoveWithoutLayout() {
    const std::string torn =
        " FROM entry WHERE layout <> 0 AND NOT EXISTS (SELECT 1 FROM layout"
        " WHERE id = entry.layout AND connector = (entry.key >> 58) + 1)";
    // Of data, the gaps of message_ids tell it as well.
    absl::Status status = sqlite::ForEachRow(db_, absl::StrCat("SELECT key, message_id", torn),
                                             [&](const Statement& row) {
                                               if (!IsData(row.Int(0))) return;
                                               torn_[ConnectorOf(row.Int(0))].insert(row.Int(1));
                                             });
    if (status.ok()) status = db_.Execute(absl::StrCat("DELETE", torn));
    recovery_.rows_lost += static_cast<uint64_t>(db_.Changes());
    return status;
  }

  absl::Status MendConnector(Connector& c) {
    std::vector<Gap> known;
    int64_t last_sequence = 0;
    const int64_t first_key = FirstKey(c.id, Lane::kResult);
    absl::Status status = sqlite::ForEachRow(
        db_,
        absl::StrCat("SELECT key, message_id FROM entry WHERE key BETWEEN ", first_key, " AND ",
                     first_key + (2 * kLaneSize - 1), " ORDER BY key"),
        [&](const Statement& row) {
          last_sequence = std::max(last_sequence, row.Int(0) % kLaneSize);
          ++c.waiting;
          if (IsData(row.Int(0)) && row.Int(1) > 0) known.push_back({row.Int(1), row.Int(1)});
        });
    if (!status.ok()) return status;
    std::vector<Gap> lost_before;
    status = sqlite::ForEachRow(
        db_,
        absl::StrCat(
            "SELECT number, first_message_id, last_message_id FROM loss WHERE connector = ", c.id,
            " ORDER BY number"),
        [&](const Statement& row) {
          c.last_loss = std::max(c.last_loss, row.Int(0));
          if (row.Int(1) > 0) lost_before.push_back({row.Int(1), row.Int(2)});
        });
    if (!status.ok()) return status;
    // Records that are gone may have been told of; with their numbers, others would
    // count as told.
    status = sqlite::ForEachRow(
        db_,
        absl::StrCat("SELECT position FROM position WHERE connector = ", c.id, " AND name = '",
                     LossNews::kToldPosition, "'"),
        [&](const Statement& row) { c.last_loss = std::max(c.last_loss, row.Int(0)); });
    if (!status.ok()) return status;
    const int64_t given_before = c.next_message_id;  // 1: unknown
    for (const Gap& gap : Gaps(c, known, lost_before, given_before)) {
      if (status = AddLoss(c, gap, gap.last - gap.first + 1, kLostOnDisk); !status.ok()) {
        return status;
      }
      lost_before.push_back(gap);
    }

    int64_t highest = given_before;
    for (const Gap& ids : known) highest = std::max(highest, ids.last + 1);
    for (const Gap& ids : lost_before) highest = std::max(highest, ids.last + 1);
    for (const int64_t id : torn_[c.id]) highest = std::max(highest, id + 1);
    const auto ceiling = ceilings_.find(IdWitness::MessageKey(c.id, c.name));
    if (ceiling != ceilings_.end()) {
      c.next_message_id = std::max(highest, ceiling->second);
    } else if (highest > 1) {
      c.next_message_id = highest + kIdsToLeave;
    } else {
      c.next_message_id = Seconds() * kIdsPerSecond;
    }
    if (highest > 1 && c.next_message_id > highest) {
      status = AddLoss(c, {highest, c.next_message_id - 1}, 0, kLeftOutOnDisk);
      if (!status.ok()) return status;
    }
    c.next_sequence = std::max(c.next_sequence, last_sequence + 1) + kIdsToLeave;
    absl::StatusOr<Statement*> update = db_.Cached(
        "UPDATE connector SET next_message_id = ?2, next_sequence = ?3, dropped = dropped + ?4"
        " WHERE id = ?1");
    if (!update.ok()) return update.status();
    return (*update)
        ->BindInt(1, c.id)
        .BindInt(2, c.next_message_id)
        .BindInt(3, c.next_sequence)
        .BindInt(4, c.lost)
        .Run();
  }

  // The ids from the first that waits to the last one given which are neither there
  // nor known as lost. In front of the first one they were acknowledged, or stood on
  // a page that is lost, or the disk had no space for them: so many as could have
  // been there are taken for lost.
  std::vector<Gap> Gaps(const Connector& c, const std::vector<Gap>& waiting,
                        const std::vector<Gap>& lost_before, int64_t next) {
    std::vector<Gap> taken = lost_before;
    taken.insert(taken.end(), waiting.begin(), waiting.end());
    std::sort(taken.begin(), taken.end(),
              [](const Gap& a, const Gap& b) { return a.first < b.first; });
    std::vector<int64_t> present(torn_[c.id].begin(), torn_[c.id].end());
    for (const Gap& ids : waiting) present.push_back(ids.first);
    const std::string key = IdWitness::MessageKey(c.id, c.name);
    const auto ceiling = ceilings_.find(key);
    const int64_t rows = RowsMissing();
    int64_t end = next;
    for (const int64_t id : present) end = std::max(end, id + 1);
    if (next <= 1 && ceiling != ceilings_.end()) {
      // The connector's row is lost, too.
      end = std::max(
          end, present.empty() || rows > ceiling->second - end ? ceiling->second : end + rows);
    }
    int64_t at = present.empty() ? end : *std::min_element(present.begin(), present.end());
    if (rows > 0) {
      const auto oldest = witness_.oldest.find(key);
      at = std::min(
          at, std::max<int64_t>(oldest != witness_.oldest.end() ? oldest->second : 1, at - rows));
    }
    // What was in memory is on no page.
    if (c.unsure_from > 0 && c.unsure_from < next) at = std::min(at, c.unsure_from);
    std::vector<Gap> gaps;
    for (const Gap& ids : taken) {
      if (ids.last < at) continue;
      if (ids.first > at) gaps.push_back({at, ids.first - 1});
      at = ids.last + 1;
    }
    if (at < end) gaps.push_back({at, end - 1});
    // A record may name too much, never too little.
    while (gaps.size() > kMaxGaps) {
      const int64_t last = gaps.back().last;
      gaps.pop_back();
      gaps.back().last = last;
    }
    return gaps;
  }

  // At most so many entries were on pages that are lost, were damaged themselves, or
  // found no space.
  int64_t RowsMissing() const {
    // Of 64 bytes at least; files of former versions have pages of 16 KB.
    constexpr uint64_t kRowsAPage = 16384 / 64;
    // More than a gateway ever sends.
    if (salvaged_.extent_unknown || salvaged_.disk_full) return int64_t{1} << 53;
    uint64_t pages = salvaged_.lost_pages;
    for (const auto& [table, damaged] : salvaged_.damaged_pages_of) {
      if (table != "entry") pages -= std::min(pages, damaged);
    }
    return static_cast<int64_t>(pages * kRowsAPage + salvaged_.damaged_rows);
  }

  absl::Status AddLoss(Connector& c, const Gap& gap, int64_t count, absl::string_view reason) {
    c.lost += count;
    absl::StatusOr<Statement*> insert = db_.Cached(
        "INSERT INTO loss (connector, number, first_message_id, last_message_id, first_timestamp,"
        " last_timestamp, count, reason) VALUES (?1, ?2, ?3, ?4, 0, 0, ?5, ?6)");
    if (!insert.ok()) return insert.status();
    return (*insert)
        ->BindInt(1, c.id)
        .BindInt(2, ++c.last_loss)
        .BindInt(3, gap.first)
        .BindInt(4, gap.last)
        .BindInt(5, count)
        .BindText(6, reason)
        .Run();
  }

  absl::Status MendCounters() {
    absl::Status status =
        db_.Execute(absl::StrCat("UPDATE counter SET value = value + ", IdWitness::kCountersAhead));
    for (const auto& [key, ceiling] : ceilings_) {
      if (!absl::StartsWith(key, "counter/")) continue;
      absl::StatusOr<Statement*> raise = db_.Cached(
          "INSERT INTO counter (name, value) VALUES (?1, ?2)"
          " ON CONFLICT (name) DO UPDATE SET value = max(value, ?2)");
      if (!raise.ok()) return raise.status();
      if (status.ok()) {
        status = (*raise)->BindText(1, key.substr(key.find('/') + 1)).BindInt(2, ceiling).Run();
      }
    }
    // Nothing tells how far they were.
    for (const char* name : {"rollout", "request"}) {
      absl::StatusOr<Statement*> begin =
          db_.Cached("INSERT INTO counter (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
      if (!begin.ok()) return begin.status();
      if (status.ok()) status = (*begin)->BindText(1, name).BindInt(2, Seconds()).Run();
    }
    return status;
  }

  // Since 1970. A clock that is not set would lead to numbers that were given before.
  int64_t Seconds() const { return std::max(absl::ToUnixSeconds(now_), kEarliestWall); }

  // What the rows of connectors say of their entries.
  absl::Status CountHeld() {
    // Of unsure_from, the loss records tell; the ids that are left free are no loss.
    return db_.Execute(
        "UPDATE connector SET unsure_from = 0, (results, result_bytes) ="
        " (SELECT count(*), coalesce(sum(size), 0) FROM entry"
        "  WHERE key >> 57 = (connector.id - 1) * 2), (data, data_bytes) ="
        " (SELECT count(*), coalesce(sum(size), 0) FROM entry"
        "  WHERE key >> 57 = (connector.id - 1) * 2 + 1)");
  }

  void Tell() {
    std::string& effect = recovery_.effect;
    for (const auto& [id, c] : connectors_) {
      absl::StrAppend(&effect, effect.empty() ? "" : "; ", c.name, ": ", c.waiting,
                      " messages wait, ", c.lost, " are known to be lost, ids go on at ",
                      c.next_message_id);
      recovery_.rows_lost += static_cast<uint64_t>(c.lost);
    }
    if (salvaged_.damaged_pages > 0) {
      absl::StrAppend(&effect, effect.empty() ? "" : "; ", salvaged_.damaged_pages,
                      " pages can't be read");
    }
  }

  Database& db_;
  const WitnessContent& witness_;
  const std::map<std::string, int64_t, std::less<>>& ceilings_;
  const absl::Time now_;
  const sqlite::Salvaged& salvaged_;
  Recovery& recovery_;
  std::map<int64_t, Connector> connectors_;
  std::map<int64_t, std::set<int64_t>> torn_;  // by connector: ids without a layout
};

}  // namespace

absl::StatusOr<std::optional<Recovery>> RecoverOutbox(const std::string& path, sqlite::Disk& disk,
                                                      absl::Time now) {
  sqlite::RecoveryRules rules;
  rules.options.disk = &disk;
  rules.options.page_size = kOutboxPageSize;
  rules.migrations = kOutboxMigrations;
  rules.rows.derived = {"file_identity"};
  rules.rows.bulk = [](absl::string_view table) { return table == "entry"; };
  const WitnessContent witness = IdWitness::Read(disk, path);
  // A number of JSON; and as long as the witness could be written, not far above it.
  int64_t max_id = int64_t{1} << 53;
  int64_t ceiling = 0;
  for (const auto& [key, id] : witness.ceilings) ceiling = std::max(ceiling, id);
  if (ceiling > 0 && ceiling < max_id / 4) max_id = 2 * ceiling + IdWitness::kFarLeap;
  rules.rows.plausible = [max_id](const SalvagedRow& row) { return IsPlausible(row, max_id); };
  rules.empty_is_damaged = !witness.ceilings.empty();
  rules.mend = [&](Database& db, const sqlite::Salvaged& salvaged, Recovery& recovery) {
    return Mender(db, witness, now, salvaged, recovery).Mend();
  };
  return sqlite::RecoverIfDamaged(path, rules, now);
}

}  // namespace fieldgate::cloud_link
