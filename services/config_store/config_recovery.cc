#include "services/config_store/config_recovery.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/sqlite/rows.h"
#include "common/sqlite/vfs_file.h"
#include "services/config_store/revision_texts.h"
#include "services/config_store/schema.h"

namespace fieldgate::config_store {
namespace {

using sqlite::Database;
using sqlite::Recovery;
using sqlite::SalvagedRow;
using sqlite::Statement;

constexpr absl::string_view kCeiling = "revisions below ";

std::string CeilingOf(const std::string& path) { return absl::StrCat(path, ".witness"); }

bool IsPlausible(const SalvagedRow& row) {
  const std::string& table = row.table.name;
  if (table == "revision") {
    return row.Int("revision") >= 1 && row.Int("created_at_us") >= 0 &&
           !row.Bytes("database").empty();
  }
  if (table == "database_body") {
    return row.Int("revision") >= 1 && row.Int("part") >= 0 && !row.Bytes("database").empty();
  }
  if (table == "identity") return !row.Bytes("gateway_id").empty();
  if (table == "message") return row.Int("id") >= 1 && !row.Bytes("log").empty();
  if (table == "probation" || table == "probation_body") return !row.orphan;
  if (table == "factory") return row.Int("epoch") >= 0;
  return true;
}

class Mender {
 public:
  Mender(Database& db, int64_t ceiling, absl::Time now, const sqlite::Salvaged& salvaged,
         Recovery& recovery)
      : db_(db), ceiling_(ceiling), now_(now), salvaged_(salvaged), recovery_(recovery) {}

  absl::Status Mend() {
    absl::Status status =
        db_.Execute("INSERT INTO factory (id, epoch) VALUES (1, 0) ON CONFLICT DO NOTHING");
    if (status.ok()) status = ReadRevisions();
    if (!status.ok()) return status;
    const int64_t newest = std::max(Last(listed_), Last(stored_));
    absl::StatusOr<int64_t> sound = FindSound();
    if (!sound.ok()) return sound.status();
    const bool nothing_lost = salvaged_.lost_pages == 0 && salvaged_.damaged_pages == 0 &&
                              salvaged_.damaged_rows == 0 && !salvaged_.disk_full;
    if (*sound != 0 && *sound == newest && nothing_lost) {
      recovery_.effect = absl::StrCat("configuration: revision ", newest, " is in force as before");
      return absl::OkStatus();
    }
    return Begin(*sound, newest);
  }

 private:
  static int64_t Last(const std::set<int64_t>& numbers) {
    return numbers.empty() ? 0 : *numbers.rbegin();
  }
  static int64_t Last(const std::map<int64_t, std::pair<std::string, std::string>>& numbers) {
    return numbers.empty() ? 0 : numbers.rbegin()->first;
  }

  absl::Status ReadRevisions() {
    absl::Status status = sqlite::ForEachRow(
        db_, "SELECT revision, database, digest FROM revision", [&](const Statement& row) {
          listed_[row.Int(0)] = {std::string(row.Text(1)), std::string(row.Text(2))};
        });
    if (!status.ok()) return status;
    // Where a part is missing the text would seem whole.
    return sqlite::ForEachRow(db_,
                              "SELECT database, revision, count(*), max(part) FROM database_body"
                              " GROUP BY database, revision",
                              [&](const Statement& row) {
                                stored_.insert(row.Int(1));
                                bodies_.insert({std::string(row.Text(0)), row.Int(1)});
                                if (row.Int(2) != row.Int(3) + 1)
                                  torn_.insert({std::string(row.Text(0)), row.Int(1)});
                              });
  }

  // The newest revision that is as it was; of those whose entry in the list is lost
  // nobody can tell, so they come last. 0: none.
  absl::StatusOr<int64_t> FindSound() {
    int64_t sound = 0;
    for (auto listed = listed_.rbegin(); listed != listed_.rend(); ++listed) {
      const auto& [path, digest] = listed->second;
      absl::StatusOr<bool> whole = IsWhole(listed->first, path, digest);
      if (!whole.ok()) return whole.status();
      if (!*whole) {
        unsound_.push_back(listed->first);
      } else if (sound == 0) {
        sound = listed->first;
      }
    }
    for (auto stored = stored_.rbegin(); sound == 0 && stored != stored_.rend(); ++stored) {
      if (listed_.count(*stored) > 0) continue;
      absl::StatusOr<bool> whole = IsWhole(*stored, "all", "");
      if (!whole.ok()) return whole.status();
      if (*whole) sound = *stored;
    }
    return sound;
  }

  absl::StatusOr<bool> IsWhole(int64_t revision, const std::string& path,
                               const std::string& digest) {
    const absl::StatusOr<Texts> texts = ReadTexts(db_, revision);
    if (!texts.ok()) return texts.status();
    for (const auto& [name, parts] : *texts) {
      if (!ReadParts(parts).ok()) return false;
    }
    // A version of the program that did not keep it.
    if (!digest.empty()) return digest == DigestOf(*texts);
    for (const auto& [name, torn] : torn_) {
      if (torn <= revision && texts->count(name) > 0) return false;
    }
    const std::string changed = path.substr(0, path.find('/'));
    return changed == "all" || bodies_.count({changed, revision}) > 0;
  }

  // A revision with the content of `sound`; 0: without any.
  absl::Status Begin(int64_t sound, int64_t newest) {
    absl::StatusOr<Texts> texts = ReadTexts(db_, sound);
    if (!texts.ok()) return texts.status();
    const int64_t revision =
        ceiling_ > newest
            ? ceiling_
            : std::max(newest, newest > 0 ? 0 : absl::ToUnixSeconds(now_) / 60) + kRevisionsToLeave;
    // What is newer is not whole, and would be taken for a part of it.
    absl::Status status =
        db_.Execute(absl::StrCat("DELETE FROM revision WHERE revision > ", sound,
                                 ";DELETE FROM database_body WHERE revision > ", sound));
    if (status.ok()) status = DropProbations(sound == newest ? sound : 0);
    for (const int64_t number : unsound_) {
      if (!status.ok()) return status;
      status = db_.Execute(absl::StrCat("DELETE FROM revision WHERE revision = ", number));
    }
    absl::StatusOr<Statement*> insert = db_.Cached(
        "INSERT INTO revision (revision, created_at_us, database, origin)"
        " VALUES (?1, ?2, 'all', ?3)");
    if (!insert.ok()) return insert.status();
    const std::string origin =
        sound == 0 ? kNothingLeft : absl::StrCat("recovery of a damaged disk: revision ", sound);
    (*insert)->BindInt(1, revision).BindInt(2, absl::ToUnixMicros(now_)).BindText(3, origin);
    if (status.ok()) status = (*insert)->Run();
    for (const auto& [name, text] : *texts) {
      if (status.ok()) status = WriteText(db_, name, revision, text);
    }
    if (status.ok()) status = WriteDigest(db_, revision);
    if (!status.ok()) return status;

    recovery_.effect = sound == 0
                           ? absl::StrCat("configuration: no revision could be read; revision ",
                                          revision, " begins with the factory's, if there is one")
                           : absl::StrCat("configuration: revision ", revision,
                                          " is in force, with the "
                                          "content of revision ",
                                          sound);
    if (newest > sound) {
      absl::StrAppend(&recovery_.effect, "; what came after it, up to ", newest,
                      ", could not be read");
    }
    return absl::OkStatus();
  }

  // But for those up to the revision that stays in force; of what has no digest
  // nobody can tell whether it is whole. 0: all.
  absl::Status DropProbations(int64_t in_force) {
    return db_.Execute(absl::StrCat("DELETE FROM probation WHERE revision > ", in_force,
                                    " OR (state = 'PENDING' AND digest = '');"
                                    "DELETE FROM probation_body WHERE position NOT IN"
                                    " (SELECT position FROM probation)"));
  }

  Database& db_;
  const int64_t ceiling_;
  const absl::Time now_;
  const sqlite::Salvaged& salvaged_;
  Recovery& recovery_;
  std::map<int64_t, std::pair<std::string, std::string>> listed_;  // path, digest
  std::set<int64_t> stored_;                                       // revisions with bodies
  std::set<std::pair<std::string, int64_t>> bodies_;               // database, revision
  std::set<std::pair<std::string, int64_t>> torn_;                 // of these, with a part missing
  std::vector<int64_t> unsound_;
};

}  // namespace

absl::StatusOr<std::optional<Recovery>> RecoverConfig(const std::string& path, sqlite::Disk& disk,
                                                      absl::Time now) {
  const int64_t ceiling = ReadRevisionCeiling(disk, path);
  sqlite::RecoveryRules rules;
  rules.options.disk = &disk;
  rules.migrations = Migrations();
  // They follow from the databases, and are written at the start.
  rules.rows.derived = {"connector", "realtime_section", "realtime_point", "realtime_metadata"};
  rules.rows.bulk = [](absl::string_view table) { return table == "message"; };
  rules.rows.plausible = IsPlausible;
  rules.empty_is_damaged = rules.missing_is_damaged = ceiling > 0;
  rules.salvage_always = true;
  rules.mend = [&](Database& db, const sqlite::Salvaged& salvaged, Recovery& recovery) {
    return Mender(db, ceiling, now, salvaged, recovery).Mend();
  };
  return sqlite::RecoverIfDamaged(path, rules, now);
}

int64_t ReadRevisionCeiling(sqlite::Disk& disk, const std::string& path) {
  constexpr int64_t kMaxBytes = 100;
  if (!disk.Exists(CeilingOf(path))) return 0;
  const absl::StatusOr<std::string> text = sqlite::ReadFile(disk, CeilingOf(path), kMaxBytes);
  if (!text.ok()) return 0;
  absl::string_view line = absl::StripSuffix(*text, "\n");
  int64_t ceiling = 0;
  if (!absl::ConsumePrefix(&line, kCeiling) || !absl::SimpleAtoi(line, &ceiling)) return 0;
  // A number that no gateway reaches: the file is damaged.
  return ceiling > 0 && ceiling < int64_t{1} << 40 ? ceiling : 0;
}

absl::Status WriteRevisionCeiling(sqlite::Disk& disk, const std::string& path, int64_t revision) {
  return sqlite::ReplaceFile(disk, CeilingOf(path),
                             absl::StrCat(kCeiling, revision + kRevisionsToLeave, "\n"));
}

}  // namespace fieldgate::config_store
