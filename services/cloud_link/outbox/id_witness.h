#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sqlite/disk.h"
#include "common/sqlite/sqlite.h"

namespace fieldgate::cloud_link {

// Reason of the loss record of ids that were left out (LossRecord::count is 0).
inline constexpr char kLeftOutByBackup[] = "left out after a restored backup";

// What the witness file says: a small text file beside cloud_link.db.
struct WitnessContent {
  // The database knows of the file, which has noted its own identity.
  bool settled = false;
  sqlite::FileIdentity self;
  // Of the file that was there before, which the database knew last.
  sqlite::FileIdentity previous;
  // Numbers below may have been given out: "message/1/CloudConn", "counter/rollout".
  std::map<std::string, int64_t, std::less<>> ceilings;
  // By the same names, the oldest message that waited when it was written, perhaps in
  // memory.
  std::map<std::string, int64_t, std::less<>> oldest;

  std::string Text() const;
  // False: it is damaged, or none.
  bool Parse(absl::string_view text);
};

// Ids are never given out twice, also after the database was replaced by an older
// one (a restored backup) or lost. The witness is written ahead of the ids, once
// for thousands of them, always as a new file; the database keeps in mind which
// file that was, and which one it is itself. A backup that is put back is
// another file, or knows another witness, and then the ids go on behind all that
// may have been given out. It can't be seen that a whole disk image was put back,
// nor a backup of only the database, made since the last start, whose bytes were
// written into the very same file after a kill.
//
// Thread-compatible; blocks on disk.
class IdWitness {
 public:
  // So far ahead of the ids it is written: at 10 messages a second each quarter of
  // an hour, and the largest gap that a salvage leaves.
  static constexpr int64_t kMessagesAhead = 10'000;
  static constexpr int64_t kCountersAhead = 1'000;
  // How far ids are moved when nothing tells how many were given out: a year of
  // three messages a second.
  static constexpr int64_t kFarLeap = 100'000'000;

  // With a database that has all its migrations. Moves the ids in it if it is not
  // the file that was last written here.
  static absl::StatusOr<std::unique_ptr<IdWitness>> Open(sqlite::Database& database);
  // Writes the witness once more, so that no backup of before knows it.
  ~IdWitness();

  // What was done about a restored backup, for people; empty: there was none.
  const std::string& note() const { return note_; }

  // The first id that a connector may give whose row is new.
  int64_t FirstId(absl::string_view name) const;

  // Ids of the connector below `next` are given out with the transaction that is
  // open, or without one at once. A witness that can't be written is logged and
  // tried again: data don't wait for it.
  void CoverMessages(int64_t connector, absl::string_view name, int64_t next);
  void CoverCounter(absl::string_view name, int64_t next);
  // No transaction is open.
  void Settle();

  // That of the database at `path`; empty if there is none.
  static WitnessContent Read(sqlite::Disk& disk, const std::string& path);
  static std::string PathOf(const std::string& database);
  static std::string MessageKey(int64_t connector, absl::string_view name);
  static std::string CounterKey(absl::string_view name);

 private:
  // What the database keeps in mind.
  struct Noted {
    bool any = false;
    sqlite::FileIdentity database;
    sqlite::FileIdentity witness;
  };

  explicit IdWitness(sqlite::Database& database);

  absl::Status Start();
  absl::StatusOr<Noted> ReadNoted();
  absl::StatusOr<bool> Leap(int64_t far);
  void Cover(const std::string& key, int64_t next, int64_t ahead);
  absl::Status Renew();
  absl::Status ReadOldest();
  absl::Status WriteSettled();

  sqlite::Database& database_;
  sqlite::Disk& disk_;
  const std::string path_;
  sqlite::FileIdentity database_identity_;
  WitnessContent content_;
  bool valid_ = false;                                 // content_ is that of the file
  bool unsettled_ = false;                             // the last Renew is not settled
  std::map<std::string, int64_t, std::less<>> tried_;  // after a failure: not before these
  std::string note_;
};

}  // namespace fieldgate::cloud_link
