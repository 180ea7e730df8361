#include "common/sqlite/recovery.h"

#include <algorithm>
#include <csignal>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/sqlite/check.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/vfs_file.h"
#include "common/status/status.h"

namespace fieldgate::sqlite {
namespace {

constexpr absl::Duration kCheckTime = absl::Seconds(3);
// A salvage that ended the process so often does so again.
constexpr int kMaxUnfinished = 3;
// So many damaged databases one after the other are not the rows' fault, or just
// that: begin without them.
constexpr int kMaxInARow = 5;
// Left to the running service.
constexpr int64_t kReservedBytes = 8 << 20;
constexpr int64_t kMaxNoteBytes = 1000;

constexpr const char* kSuffixes[] = {"-wal", "-shm", "-journal", ""};

std::string JournalOf(const std::string& path) { return absl::StrCat(path, ".recoveries"); }
std::string SuspectOf(const std::string& path) { return absl::StrCat(path, ".suspect"); }
std::string SalvageOf(const std::string& path) { return absl::StrCat(path, ".salvage"); }

std::string FileName(const std::string& path) { return path.substr(path.rfind('/') + 1); }
std::string Beside(const std::string& path, const std::string& name) {
  return absl::StrCat(path.substr(0, path.rfind('/') + 1), name);
}

absl::Status RemoveAll(Disk& disk, const std::string& path) {
  for (const char* suffix : kSuffixes) {
    if (absl::Status s = disk.Remove(absl::StrCat(path, suffix)); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// SQLite's words may hold names from a damaged schema.
std::string Plain(absl::string_view words) {
  std::string plain(words);
  for (char& c : plain) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = c == '\n' ? ' ' : '?';
  }
  return plain;
}

// A name that nothing has.
std::string AsideName(Disk& disk, const std::string& path, absl::Time now) {
  const std::string name = absl::StrCat(
      path, ".damaged-", absl::FormatTime("%Y%m%d%ET%H%M%SZ", now, absl::UTCTimeZone()));
  for (int i = 1;; ++i) {
    std::string candidate = i == 1 ? name : absl::StrCat(name, "-", i);
    const bool taken = std::any_of(
        std::begin(kSuffixes), std::end(kSuffixes),
        [&](const char* suffix) { return disk.Exists(absl::StrCat(candidate, suffix)); });
    if (!taken) return candidate;
  }
}

// What a foreign key points to must be there.
absl::Status RemoveDangling(Database& database, uint64_t& removed) {
  while (true) {
    std::vector<std::pair<std::string, int64_t>> rows;
    absl::StatusOr<Statement> check = database.Prepare(
        "SELECT DISTINCT \"table\", rowid FROM pragma_foreign_key_check WHERE rowid IS NOT NULL"
        " LIMIT 1000");
    if (!check.ok()) return check.status();
    while (true) {
      absl::StatusOr<bool> row = check->Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      rows.emplace_back(std::string(check->Text(0)), check->Int(1));
    }
    if (rows.empty()) return absl::OkStatus();
    for (const auto& [table, rowid] : rows) {
      absl::Status s =
          database.Execute(absl::StrCat("DELETE FROM \"", table, "\" WHERE rowid = ", rowid));
      if (!s.ok()) return s;
      ++removed;
    }
  }
}

// Builds the new database beside the damaged one.
class Builder {
 public:
  Builder(const std::string& path, const RecoveryRules& rules, Disk& disk)
      : path_(path), rules_(rules), disk_(disk) {}

  // `image` is nullptr when nothing is to be read.
  absl::Status Build(PageImage* image, int version, Recovery& recovery) {
    const std::string target = SalvageOf(path_);
    if (absl::Status s = RemoveAll(disk_, target); !s.ok()) return s;
    absl::StatusOr<std::unique_ptr<Database>> database = Database::Open(target, rules_.options);
    if (!database.ok()) return database.status();
    absl::Status status = Fill(**database, image, version, recovery);
    if (!status.ok()) return Annotate(status, "building a new database");
    database->reset();
    absl::StatusOr<std::unique_ptr<VfsFile>> file = VfsFile::Open(disk_, target, /*writable=*/true);
    status = file.status();
    if (status.ok()) status = (*file)->Sync();
    if (status.ok()) status = disk_.SyncDirectoryOf(target);
    return status;
  }

 private:
  absl::Status Fill(Database& database, PageImage* image, int version, Recovery& recovery) {
    // It counts only once it is complete and synced, so nothing has to be safe
    // before.
    absl::Status status = database.Execute(
        "PRAGMA foreign_keys=OFF;PRAGMA journal_mode=MEMORY;PRAGMA synchronous=OFF");
    if (status.ok()) status = Migrate(database, UpTo(rules_.migrations, version));
    if (!status.ok()) return status;
    Salvaged salvaged;
    salvaged.extent_unknown = image == nullptr;
    if (image != nullptr) {
      const absl::StatusOr<int64_t> free = disk_.FreeBytes(path_);
      if (!free.ok()) return free.status();
      absl::StatusOr<Transaction> transaction = Transaction::Begin(database);
      if (!transaction.ok()) return transaction.status();
      absl::StatusOr<Salvaged> copied =
          CopyRows(*image, database, rules_.rows, std::max<int64_t>(*free - kReservedBytes, 0),
                   rules_.stopped);
      if (!copied.ok()) return copied.status();
      salvaged = *copied;
      if (status = transaction->Commit(); !status.ok()) return status;
      if (status = Migrate(database, rules_.migrations); !status.ok()) return status;
    }
    recovery.rows_saved = salvaged.rows;
    recovery.rows_lost = salvaged.damaged_rows;
    absl::StatusOr<Transaction> transaction = Transaction::Begin(database);
    if (!transaction.ok()) return transaction.status();
    if (rules_.mend != nullptr) status = rules_.mend(database, salvaged, recovery);
    uint64_t removed = 0;
    if (status.ok()) status = RemoveDangling(database, removed);
    if (status.ok()) status = transaction->Commit();
    recovery.rows_lost += removed;
    recovery.rows_saved -= std::min(removed, recovery.rows_saved);
    if (salvaged.disk_full) {
      absl::StrAppend(&recovery.effect, recovery.effect.empty() ? "" : "; ",
                      "the disk has no space for all of it");
    }
    return status;
  }

  const std::string& path_;
  const RecoveryRules& rules_;
  Disk& disk_;
};

// Puts the damaged files aside and the new database in their place, as far as that
// was not done.
absl::Status Swap(Disk& disk, const std::string& path, const std::string& aside) {
  const std::string fresh = SalvageOf(path);
  if (!disk.Exists(fresh)) return absl::OkStatus();  // done
  // The database first: while it has its name, its log belongs to it.
  if (disk.Exists(path)) {
    if (absl::Status s = disk.Rename(path, aside); !s.ok()) return s;
    // The log of a database must never meet another one.
    if (absl::Status s = disk.SyncDirectoryOf(path); !s.ok()) return s;
  }
  // What it had in common memory follows from the log.
  if (absl::Status s = disk.Remove(absl::StrCat(path, "-shm")); !s.ok()) return s;
  for (const char* suffix : {"-wal", "-journal"}) {
    const std::string file = absl::StrCat(path, suffix);
    if (!disk.Exists(file)) continue;
    if (absl::Status s = disk.Rename(file, absl::StrCat(aside, suffix)); !s.ok()) return s;
  }
  absl::Status status = disk.SyncDirectoryOf(path);
  if (status.ok()) status = disk.Rename(fresh, path);
  if (status.ok()) status = disk.SyncDirectoryOf(path);
  return status;
}

class Recoverer {
 public:
  Recoverer(const std::string& path, const RecoveryRules& rules, absl::Time now)
      : path_(path),
        rules_(rules),
        now_(now),
        disk_(rules.options.disk != nullptr ? *rules.options.disk : RealDisk()) {}

  absl::StatusOr<std::optional<Recovery>> Run() {
    if (absl::Status s = MoveUnusableAside(); !s.ok()) return s;
    if (absl::Status s = LoadJournal(); !s.ok()) return s;
    if (!journal_.swap_to.empty()) return Finish();
    if (absl::Status s = FinishUnnoted(); !s.ok()) return s;
    if (absl::Status s = RemoveAll(disk_, SalvageOf(path_)); !s.ok()) return s;
    const absl::StatusOr<FileIdentity> identity = disk_.Identify(path_);
    if (!identity.ok()) return identity.status();
    missing_ = identity->kind == FileIdentity::Kind::kMissing;
    if (missing_ && !rules_.missing_is_damaged) {
      if (absl::Status s = disk_.Remove(SuspectOf(path_)); !s.ok()) return s;
      return std::nullopt;
    }
    Finding finding;
    readable_ = identity->kind == FileIdentity::Kind::kFile;
    if (readable_) {
      absl::StatusOr<Finding> checked = Check(path_, rules_.options, rules_.migrations, kCheckTime);
      if (!checked.ok()) return checked.status();
      finding = *std::move(checked);
      if (finding.empty && rules_.empty_is_damaged) finding.damage = "it has no content any more";
    } else if (missing_) {
      finding.damage = "it is missing";
    } else {
      finding.damage = "it is a directory, or the service may not read and write it";
    }
    if (disk_.Exists(SuspectOf(path_)) && finding.damage.empty()) {
      const absl::StatusOr<std::string> why = ReadFile(disk_, SuspectOf(path_), kMaxNoteBytes);
      finding.damage = absl::StrCat("found while running: ",
                                    why.ok() && !why->empty() ? *why : "no note of what");
    }
    if (finding.in_part && finding.damage.empty()) {
      log::Warning("a database is too large to be checked wholly at the start", {{"file", path_}});
    }
    if (!finding.damage.empty()) return Recover(finding);
    if (journal_.in_a_row > 0 || journal_.unfinished > 0) {
      journal_.in_a_row = journal_.unfinished = 0;
      SaveJournal().IgnoreError();
    }
    return std::nullopt;
  }

 private:
  // Whether only the new database is there, which waits for its name.
  bool IsBetweenNames() const { return !disk_.Exists(path_) && disk_.Exists(SalvageOf(path_)); }

  // What holds no rows but keeps SQLite from opening the database: directories, or
  // what may not be read and written.
  absl::Status MoveUnusableAside() {
    std::vector<absl::string_view> suffixes = {"-shm", "-journal"};
    // Else the log is a part of the database.
    if (!disk_.Exists(path_)) suffixes.push_back("-wal");
    for (const absl::string_view suffix : suffixes) {
      const std::string file = absl::StrCat(path_, suffix);
      const absl::StatusOr<FileIdentity> identity = disk_.Identify(file);
      if (!identity.ok()) return identity.status();
      if (identity->kind != FileIdentity::Kind::kUnusable) continue;
      const std::string aside = absl::StrCat(AsideName(disk_, path_, now_), suffix);
      log::Error("beside a database is what can't be used", {{"file", file}, {"put_aside", aside}});
      if (absl::Status s = disk_.Rename(file, aside); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status LoadJournal() {
    absl::StatusOr<RecoveryJournal> journal = RecoveryJournal::Load(disk_, JournalOf(path_));
    journal_read_ = journal.ok();
    if (journal_read_) {
      journal_ = *std::move(journal);
      return absl::OkStatus();
    }
    // Only here it must be known whether the new database is complete.
    if (IsBetweenNames()) return journal.status();
    log::Error("what is remembered of recoveries can't be read",
               {{"error", journal.status().ToString()}});
    return absl::OkStatus();
  }

  // A journal that knows neither of a swap nor of a salvage under way is damaged: only
  // a swap takes a database away, and what waits for its name is complete then.
  absl::Status FinishUnnoted() {
    if (!IsBetweenNames() || journal_.unfinished > 0 || !disk_.Exists(JournalOf(path_))) {
      return absl::OkStatus();
    }
    log::Error("a new database waits for its name, and no note says so", {{"file", path_}});
    return Swap(disk_, path_, AsideName(disk_, path_, now_));
  }

  // Without the journal nothing is lost but what it says.
  absl::Status SaveJournal() {
    const absl::Status saved = journal_.Save(disk_, JournalOf(path_));
    if (!saved.ok()) log::Error("no note of a recovery", {{"error", saved.ToString()}});
    return saved;
  }

  absl::StatusOr<std::optional<Recovery>> Recover(const Finding& finding) {
    const bool give_up = journal_.unfinished >= kMaxUnfinished ||
                         (journal_.in_a_row >= kMaxInARow && !rules_.salvage_always);
    log::Error(give_up ? "a database is damaged again and again; it is put aside as it is"
                       : "a database is damaged; its rows are saved into a new one",
               {{"file", path_}, {"why", finding.damage}});
    if (!journal_read_) {
      // Kept, since nobody knows what it says.
      const std::string aside = AsideName(disk_, JournalOf(path_), now_);
      if (absl::Status s = disk_.Rename(JournalOf(path_), aside); !s.ok()) return s;
    }
    const RecoveryJournal before = journal_;
    ++journal_.unfinished;
    const absl::Status saved = SaveJournal();
    // Else a new database that is half done would be taken for one that waits for its
    // name.
    if (missing_ && !saved.ok()) return saved;
    absl::StatusOr<std::optional<Recovery>> recovered = Replace(finding, give_up);
    if (absl::IsUnavailable(recovered.status())) TakeBack(before);
    return recovered;
  }

  // An error of the moment is none of the rows', so it does not count.
  void TakeBack(const RecoveryJournal& before) {
    const absl::StatusOr<RecoveryJournal> stored = RecoveryJournal::Load(disk_, JournalOf(path_));
    // The next start goes on with the swap.
    if (!stored.ok() || !stored->swap_to.empty()) return;
    // On a full disk the journal needs the room. The next start removes it, too.
    RemoveAll(disk_, SalvageOf(path_)).IgnoreError();
    journal_ = before;
    SaveJournal().IgnoreError();
  }

  absl::StatusOr<std::optional<Recovery>> Replace(const Finding& finding, bool give_up) {
    Recovery recovery;
    recovery.file = FileName(path_);
    recovery.at = absl::ToUnixSeconds(now_);
    recovery.why = Plain(finding.damage);
    const std::string aside = AsideName(disk_, path_, now_);
    if (!missing_) recovery.put_aside = FileName(aside);
    absl::Status built = absl::UnknownError("not tried");
    if (readable_ && !give_up) {
      absl::StatusOr<std::unique_ptr<PageImage>> image =
          PageImage::Open(disk_, path_, rules_.options.page_size);
      built = image.status();
      if (built.ok()) built = Build(image->get(), VersionOf(finding, **image), recovery);
      if (absl::IsUnavailable(built)) return built;
      if (!built.ok()) {
        log::Error("the rows of a damaged database can't be saved",
                   {{"file", path_}, {"error", built.ToString()}});
      }
    }
    if (!built.ok()) {
      recovery.rows_saved = recovery.rows_lost = 0;
      recovery.effect.clear();
      if (built = Build(nullptr, Newest(), recovery); !built.ok()) return built;
    }
    journal_.Add(std::move(recovery));
    journal_.swap_to = FileName(aside);
    journal_.unfinished = 0;
    ++journal_.in_a_row;
    // Until this is on the disk the old database counts.
    if (absl::Status s = journal_.Save(disk_, JournalOf(path_)); !s.ok()) return s;
    return Finish();
  }

  absl::StatusOr<std::optional<Recovery>> Finish() {
    const Recovery recovery = journal_.recoveries.back();
    const std::string aside = Beside(path_, journal_.swap_to);
    if (absl::Status s = Swap(disk_, path_, aside); !s.ok()) return s;
    absl::Status cleaned = RemoveAll(disk_, SuspectOf(path_));
    if (!cleaned.ok()) return cleaned;
    journal_.swap_to.clear();
    // Else the next start swaps again and finds it done.
    SaveJournal().IgnoreError();
    if (recovery.put_aside.empty()) {
      log::Error(Describe(recovery));
      return recovery;
    }
    const absl::StatusOr<int64_t> free = disk_.FreeBytes(path_);
    log::Error(Describe(recovery),
               {{"put_aside", aside},
                {"note", "it is never deleted; remove it when it is not needed any more"},
                {"free_bytes", free.ok() ? absl::StrCat(*free) : "unknown"}});
    return recovery;
  }

  absl::Status Build(PageImage* image, int version, Recovery& recovery) {
    return Builder(path_, rules_, disk_).Build(image, version, recovery);
  }

  int Newest() const { return rules_.migrations.empty() ? 0 : rules_.migrations.back().version; }

  // Of the tables in the damaged file.
  int VersionOf(const Finding& finding, const PageImage& image) const {
    if (finding.version != 0) return finding.version;
    const auto version = static_cast<int64_t>(image.user_version());
    return version > 0 && version < Newest() ? static_cast<int>(version) : Newest();
  }

  const std::string& path_;
  const RecoveryRules& rules_;
  const absl::Time now_;
  Disk& disk_;
  RecoveryJournal journal_;
  bool journal_read_ = false;
  bool missing_ = false;
  bool readable_ = false;
};

}  // namespace

bool StopIsPending() {
  sigset_t pending;
  return sigpending(&pending) == 0 &&
         (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

absl::StatusOr<std::optional<Recovery>> RecoverIfDamaged(const std::string& path,
                                                         const RecoveryRules& rules,
                                                         absl::Time now) {
  absl::StatusOr<std::optional<Recovery>> recovered = Recoverer(path, rules, now).Run();
  if (!recovered.ok()) return Annotate(recovered.status(), absl::StrCat("recovering ", path));
  return recovered;
}

absl::Status NoteDamage(Disk& disk, const std::string& path, absl::string_view why) {
  return ReplaceFile(disk, SuspectOf(path), why.substr(0, kMaxNoteBytes));
}

std::vector<Recovery> ListRecoveries(Disk& disk, const std::string& path) {
  absl::StatusOr<RecoveryJournal> journal = RecoveryJournal::Load(disk, JournalOf(path));
  if (!journal.ok()) return {};
  std::reverse(journal->recoveries.begin(), journal->recoveries.end());
  return std::move(journal->recoveries);
}

std::vector<Recovery> UntoldRecoveries(Disk& disk, const std::string& path) {
  absl::StatusOr<RecoveryJournal> journal = RecoveryJournal::Load(disk, JournalOf(path));
  std::vector<Recovery> untold;
  if (!journal.ok()) return untold;
  for (Recovery& recovery : journal->recoveries) {
    if (!recovery.told) untold.push_back(std::move(recovery));
  }
  return untold;
}

absl::Status MarkTold(Disk& disk, const std::string& path) {
  absl::StatusOr<RecoveryJournal> journal = RecoveryJournal::Load(disk, JournalOf(path));
  if (!journal.ok()) return journal.status();
  for (Recovery& recovery : journal->recoveries) recovery.told = true;
  return journal->Save(disk, JournalOf(path));
}

std::string Describe(const Recovery& recovery) {
  std::string lost;
  if (recovery.rows_lost > 0) lost = absl::StrCat(", ", recovery.rows_lost, " lost");
  std::string aside;
  if (!recovery.put_aside.empty()) aside = absl::StrCat("put aside as ", recovery.put_aside, ", ");
  return absl::StrCat(recovery.file, " was damaged (", recovery.why, "): ", aside,
                      recovery.rows_saved, " rows saved", lost, recovery.effect.empty() ? "" : "; ",
                      recovery.effect);
}

}  // namespace fieldgate::sqlite
