#include "services/cloud_link/outbox/id_witness.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/log/log.h"
#include "common/sqlite/vfs_file.h"
#include "common/status/status.h"
#include "services/cloud_link/outbox/loss_log.h"
#include "services/cloud_link/outbox/loss_table.h"
#include "services/cloud_link/outbox/outbox.h"

namespace fieldgate::cloud_link {
namespace {

using sqlite::Disk;
using sqlite::FileIdentity;

constexpr int64_t kMaxBytes = 1 << 16;
// The first line has always the same length, since it is written in place.
constexpr absl::string_view kHead = "fieldgate-ids-1 ";
constexpr size_t kHeadBytes = 16 + 1 + 1 + 16 + 1 + 16 + 1;
// After a failure to write it, the next try is so many ids later.
constexpr int64_t kTryAgain = 100;

// FNV-1a: damage is to be noticed, nobody to be kept out.
uint64_t SumOf(absl::string_view text) {
  uint64_t sum = 0xcbf29ce484222325u;
  for (const char c : text) sum = (sum ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return sum;
}

std::string HeadOf(bool settled, const FileIdentity& self) {
  return absl::StrFormat("%s%d %016x %016x\n", kHead, settled ? 1 : 0, self.inode,
                         static_cast<uint64_t>(self.born_ns));
}

bool ReadIdentity(absl::string_view inode, absl::string_view born, FileIdentity& identity) {
  uint64_t born_ns = 0;
  if (!absl::SimpleHexAtoi(inode, &identity.inode) || !absl::SimpleHexAtoi(born, &born_ns)) {
    return false;
  }
  identity.born_ns = static_cast<int64_t>(born_ns);
  return true;
}

}  // namespace

std::string WitnessContent::Text() const {
  std::string body = absl::StrFormat("previous %016x %016x\n", previous.inode,
                                     static_cast<uint64_t>(previous.born_ns));
  for (const auto& [key, ceiling] : ceilings) {
    absl::StrAppend(&body, "below ", ceiling, " ", absl::CHexEscape(key), "\n");
  }
  for (const auto& [key, id] : oldest) {
    absl::StrAppend(&body, "oldest ", id, " ", absl::CHexEscape(key), "\n");
  }
  return absl::StrCat(HeadOf(settled, self), body, absl::StrFormat("sum %016x\n", SumOf(body)));
}

bool WitnessContent::Parse(absl::string_view text) {
  *this = {};
  if (text.size() < kHeadBytes || !absl::ConsumePrefix(&text, kHead)) return false;
  const absl::string_view head = text.substr(0, kHeadBytes - kHead.size() - 1);
  const std::vector<absl::string_view> words = absl::StrSplit(head, ' ');
  if (words.size() != 3 || !ReadIdentity(words[1], words[2], self)) return false;
  settled = words[0] == "1";
  const absl::string_view body = text.substr(head.size() + 1);
  const size_t sum_at = body.rfind("sum ");
  uint64_t sum = 0;
  if (sum_at == absl::string_view::npos ||
      !absl::SimpleHexAtoi(absl::StripSuffix(body.substr(sum_at + 4), "\n"), &sum) ||
      sum != SumOf(body.substr(0, sum_at))) {
    return false;
  }
  for (const absl::string_view line : absl::StrSplit(body.substr(0, sum_at), '\n')) {
    const std::vector<absl::string_view> fields = absl::StrSplit(line, absl::MaxSplits(' ', 2));
    int64_t id = 0;
    std::string key;
    if (fields.size() != 3) continue;
    if (fields[0] == "previous" && !ReadIdentity(fields[1], fields[2], previous)) return false;
    if (!absl::SimpleAtoi(fields[1], &id) || !absl::CUnescape(fields[2], &key)) continue;
    if (fields[0] == "below") ceilings[key] = id;
    if (fields[0] == "oldest") oldest[key] = id;
  }
  return true;
}

std::string IdWitness::PathOf(const std::string& database) {
  return absl::StrCat(database, ".witness");
}

std::string IdWitness::MessageKey(int64_t connector, absl::string_view name) {
  return absl::StrCat("message/", connector, "/", name);
}

std::string IdWitness::CounterKey(absl::string_view name) { return absl::StrCat("counter/", name); }

WitnessContent IdWitness::Read(Disk& disk, const std::string& path) {
  WitnessContent content;
  if (!disk.Exists(PathOf(path))) return content;
  const absl::StatusOr<std::string> text = sqlite::ReadFile(disk, PathOf(path), kMaxBytes);
  if (!text.ok() || !content.Parse(*text)) return {};
  return content;
}

IdWitness::IdWitness(sqlite::Database& database)
    : database_(database), disk_(database.disk()), path_(PathOf(database.path())) {}

absl::StatusOr<std::unique_ptr<IdWitness>> IdWitness::Open(sqlite::Database& database) {
  std::unique_ptr<IdWitness> witness(new IdWitness(database));
  if (absl::Status s = witness->Start(); !s.ok()) return Annotate(s, "the witness of ids");
  return witness;
}

IdWitness::~IdWitness() {
  absl::Status status = Renew();
  if (status.ok()) status = WriteSettled();
  if (!status.ok())
    log::Warning("the witness of ids can't be written", {{"why", status.ToString()}});
}

absl::Status IdWitness::Start() {
  const absl::StatusOr<FileIdentity> database_identity = disk_.Identify(database_.path());
  if (!database_identity.ok()) return database_identity.status();
  database_identity_ = *database_identity;
  const absl::StatusOr<FileIdentity> file = disk_.Identify(path_);
  if (!file.ok()) return file.status();
  bool unreadable = false;
  if (file->kind == FileIdentity::Kind::kFile) {
    const absl::StatusOr<std::string> text = sqlite::ReadFile(disk_, path_, kMaxBytes);
    unreadable = !text.ok();
    valid_ = text.ok() && content_.Parse(*text);
    if (!valid_) content_ = {};
  }
  const absl::StatusOr<Noted> noted = ReadNoted();
  if (!noted.ok()) return noted.status();

  const bool same_database = noted->database.SameAs(database_identity_);
  // A disk that fails to read it just now can still tell which file it is.
  const bool known_unread = unreadable && noted->any && noted->witness.SameAs(*file);
  const bool knows_witness =
      known_unread || (valid_ && (noted->witness.SameAs(*file) ||
                                  // The process died between the new witness and the note of it.
                                  (!content_.settled && noted->witness.SameAs(content_.previous))));
  // It is not a copy of the one that was written.
  const bool genuine =
      known_unread || (valid_ && (!content_.settled || content_.self.SameAs(*file)));
  std::string why;
  int64_t far = 0;
  if (noted->any && !(same_database && knows_witness && genuine)) {
    why = !valid_ ? "the witness of its ids is gone"
                  : "it is not the file that was last written here";
    far = genuine ? 0 : kFarLeap;
  } else if (!noted->any && valid_) {
    // A database from before there were witnesses, or a new one.
    why = "it is older than the witness of its ids";
    far = genuine ? 0 : kFarLeap;
  }
  if (!why.empty()) {
    const absl::StatusOr<bool> moved = Leap(far);
    if (!moved.ok()) return moved.status();
    if (*moved) {
      note_ = absl::StrCat("cloud_link.db: ", why,
                           " (a restored backup?); ids go on above all that may have been used");
      log::Warning(note_, {{"file", database_.path()}});
    }
  }
  const absl::Status renewed = Renew();
  if (renewed.ok() || absl::IsDataLoss(renewed)) return renewed;
  // A full disk must not end the start; it is written with the next ids.
  unsettled_ = false;
  log::Warning("the witness of ids can't be written", {{"why", renewed.ToString()}});
  return absl::OkStatus();
}

absl::StatusOr<IdWitness::Noted> IdWitness::ReadNoted() {
  absl::StatusOr<sqlite::Statement*> read = database_.Cached(
      "SELECT inode, born_ns, witness_inode, witness_born_ns FROM file_identity WHERE id = 1");
  if (!read.ok()) return read.status();
  const absl::StatusOr<bool> row = (*read)->Step();
  if (!row.ok()) return row.status();
  Noted noted;
  if (!*row) return noted;
  noted.any = true;
  noted.database.inode = static_cast<uint64_t>((*read)->Int(0));
  noted.database.born_ns = (*read)->Int(1);
  noted.witness.inode = static_cast<uint64_t>((*read)->Int(2));
  noted.witness.born_ns = (*read)->Int(3);
  (*read)->Reset();
  return noted;
}

// Moves all ids up to the ceilings, and `far` beyond; those of messages that are left
// out get a loss record, apart from what memory held. True: some were moved.
absl::StatusOr<bool> IdWitness::Leap(int64_t far) {
  absl::StatusOr<sqlite::Transaction> transaction = sqlite::Transaction::Begin(database_);
  if (!transaction.ok()) return transaction.status();
  struct Row {
    int64_t id;
    std::string name;
    int64_t next;
    int64_t unsure_from;
  };
  std::vector<Row> rows;
  {
    absl::StatusOr<sqlite::Statement> read = database_.Prepare(
        "SELECT id, name, next_message_id, unsure_from FROM connector ORDER BY id");
    if (!read.ok()) return read.status();
    while (true) {
      absl::StatusOr<bool> row = read->Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      rows.push_back({read->Int(0), std::string(read->Text(1)), read->Int(2), read->Int(3)});
    }
  }
  bool moved = false;
  for (const Row& row : rows) {
    const int64_t next = std::max(row.next, FirstId(row.name)) + far;
    if (next == row.next) continue;
    moved = true;
    LossRecord in_memory;
    if (row.unsure_from > 0 && row.unsure_from < row.next) {
      in_memory = {row.unsure_from,
                   row.next - 1,
                   0,
                   0,
                   row.next - row.unsure_from,
                   std::string(kLostWithProcess)};
    }
    // From unsure_from on, TieredOutbox would take the ids that are left out for lost.
    absl::StatusOr<sqlite::Statement*> update = database_.Cached(
        "UPDATE connector SET next_message_id = ?2, next_sequence = next_sequence + ?3,"
        " dropped = dropped + ?4, unsure_from = 0 WHERE id = ?1");
    if (!update.ok()) return update.status();
    (*update)
        ->BindInt(1, row.id)
        .BindInt(2, next)
        .BindInt(3, next - row.next)
        .BindInt(4, in_memory.count);
    if (absl::Status s = (*update)->Run(); !s.ok()) return s;
    LossTable losses(database_, row.id);
    LossRecord left_out;
    left_out.first_message_id = row.next;
    left_out.last_message_id = next - 1;
    left_out.reason = kLeftOutByBackup;
    absl::Status noted = losses.Load();
    if (noted.ok() && in_memory.count > 0) noted = losses.Note(in_memory);
    if (noted.ok()) noted = losses.Note(left_out);
    if (noted.ok()) noted = losses.Flush();
    if (!noted.ok()) return noted;
  }
  absl::Status status;
  if (far > 0) {
    absl::StatusOr<sqlite::Statement*> update =
        database_.Cached("UPDATE counter SET value = value + ?1");
    if (!update.ok()) return update.status();
    status = (*update)->BindInt(1, far).Run();
    moved = moved || database_.Changes() > 0;
  }
  for (const auto& [key, ceiling] : content_.ceilings) {
    absl::string_view name = key;
    if (!status.ok() || !absl::ConsumePrefix(&name, "counter/")) continue;
    absl::StatusOr<sqlite::Statement*> update = database_.Cached(
        "INSERT INTO counter (name, value) VALUES (?1, ?2)"
        " ON CONFLICT (name) DO UPDATE SET value = max(value, ?2)");
    if (!update.ok()) return update.status();
    status = (*update)->BindText(1, name).BindInt(2, ceiling + far).Run();
  }
  if (status.ok()) status = transaction->Commit();
  if (!status.ok()) return status;
  return moved;
}

int64_t IdWitness::FirstId(absl::string_view name) const {
  int64_t first = 1;
  // Also of a former database, which numbered the connectors otherwise.
  for (const auto& [key, ceiling] : content_.ceilings) {
    const std::vector<absl::string_view> words = absl::StrSplit(key, absl::MaxSplits('/', 2));
    if (words.size() != 3 || words[0] != "message" || words[2] != name) continue;
    first = std::max(first, ceiling);
  }
  return first;
}

void IdWitness::CoverMessages(int64_t connector, absl::string_view name, int64_t next) {
  Cover(MessageKey(connector, name), next, kMessagesAhead);
}

void IdWitness::CoverCounter(absl::string_view name, int64_t next) {
  Cover(CounterKey(name), next, kCountersAhead);
}

void IdWitness::Cover(const std::string& key, int64_t next, int64_t ahead) {
  int64_t& ceiling = content_.ceilings[key];
  if (next <= ceiling) return;
  const auto tried = tried_.find(key);
  if (tried != tried_.end() && next < tried->second) return;
  const int64_t before = std::exchange(ceiling, next + ahead);
  const absl::Status status = Renew();
  if (status.ok()) {
    tried_.erase(key);
    return;
  }
  // Else it would be taken for written.
  ceiling = before;
  tried_[key] = next + kTryAgain;
  log::Warning("the witness of ids can't be written", {{"why", status.ToString()}});
}

absl::Status IdWitness::Renew() {
  const absl::StatusOr<Noted> noted = ReadNoted();
  if (!noted.ok()) return noted.status();
  content_.settled = false;
  content_.self = {};
  content_.previous = noted->witness;
  if (absl::Status s = ReadOldest(); !s.ok()) return s;
  unsettled_ = true;
  if (absl::Status s = sqlite::ReplaceFile(disk_, path_, content_.Text()); !s.ok()) return s;
  const absl::StatusOr<FileIdentity> file = disk_.Identify(path_);
  if (!file.ok()) return file.status();
  content_.self = *file;
  valid_ = true;
  absl::StatusOr<sqlite::Statement*> note = database_.Cached(
      "INSERT OR REPLACE INTO file_identity (id, inode, born_ns, witness_inode, witness_born_ns)"
      " VALUES (1, ?1, ?2, ?3, ?4)");
  if (!note.ok()) return note.status();
  return (*note)
      ->BindInt(1, static_cast<int64_t>(database_identity_.inode))
      .BindInt(2, database_identity_.born_ns)
      .BindInt(3, static_cast<int64_t>(file->inode))
      .BindInt(4, file->born_ns)
      .Run();
}

absl::Status IdWitness::ReadOldest() {
  // What is in memory only is newer, and may be on the disk later.
  absl::StatusOr<sqlite::Statement*> read = database_.Cached(
      "SELECT id, name, coalesce((SELECT message_id FROM entry WHERE key >= ((id - 1) * 2 + 1)"
      " << 57 AND key < (id * 2) << 57 ORDER BY key LIMIT 1), nullif(unsure_from, 0),"
      " next_message_id) FROM connector");
  if (!read.ok()) return read.status();
  content_.oldest.clear();
  while (true) {
    const absl::StatusOr<bool> row = (*read)->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    content_.oldest[MessageKey((*read)->Int(0), (*read)->Text(1))] = (*read)->Int(2);
  }
}

void IdWitness::Settle() {
  if (!unsettled_) return;
  if (absl::Status s = WriteSettled(); !s.ok()) {
    log::Warning("the witness of ids can't be settled", {{"why", s.ToString()}});
  }
}

// The database has noted the file, unless that was rolled back; then it does so
// with the next one.
absl::Status IdWitness::WriteSettled() {
  unsettled_ = false;
  const absl::StatusOr<Noted> noted = ReadNoted();
  if (!noted.ok()) return noted.status();
  if (!noted->witness.SameAs(content_.self)) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<sqlite::VfsFile>> file =
      sqlite::VfsFile::Open(disk_, path_, /*writable=*/true);
  if (!file.ok()) return file.status();
  absl::Status status = (*file)->Write(0, HeadOf(true, content_.self));
  if (status.ok()) status = (*file)->Sync();
  if (status.ok()) content_.settled = true;
  return status;
}

}  // namespace fieldgate::cloud_link
