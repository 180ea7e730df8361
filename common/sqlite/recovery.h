#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/sqlite/recovery_journal.h"
#include "common/sqlite/salvage.h"
#include "common/sqlite/sqlite.h"

// A damaged database must not end the start of its service: it is put aside, never
// deleted, and a new one begins with all that could be read of it.
//
//   cloud_link.db                            the database
//   cloud_link.db.damaged-20261126T013000Z   put aside, with its -wal; -2, -3 ...
//                                            behind the name if that is taken
//   cloud_link.db.salvage                    the new one while it is built
//   cloud_link.db.recoveries                 RecoveryJournal
//   cloud_link.db.suspect                    damage was found while running
//
// Whatever dies meanwhile: until the new database is complete and synced the old
// one is where it was, and the next start begins anew; then the renames are done,
// by this start or the next.
namespace fieldgate::sqlite {

// SIGTERM or SIGINT waits, as it does while a service starts; see service::Main.
bool StopIsPending();

struct RecoveryRules {
  // Of the file: page size, disk.
  Options options;
  absl::Span<const Migration> migrations;
  SalvageRules rows;
  // Ends a salvage when it turns true.
  std::function<bool()> stopped = StopIsPending;
  // The file of no byte is one that lost its content, not one to be begun.
  bool empty_is_damaged = false;
  // The same of a file that is missing; then nothing is put aside.
  bool missing_is_damaged = false;
  // Salvages again however often it was damaged: nothing would be worse than to
  // go on without its content.
  bool salvage_always = false;
  // Makes a whole of the rows in the new database, within a transaction; there are
  // none if nothing could be read. Sets `effect` and adds to `rows_lost`.
  std::function<absl::Status(Database&, const Salvaged&, Recovery&)> mend;
};

// Checks the database at `path`, in a directory that exists, and recovers it if it
// is damaged, or was found to be so while running. At most 3 s for a check; then
// some seconds for each 100 MB that are salvaged. Logs what it does.
//
// Nothing: it is sound, or there is none and that is no damage.
// kUnavailable: the disk fails or is full, another process holds the file, or a stop
//               came meanwhile. The damaged file is where it was, or aside with the
//               new one in place; a later start goes on.
// kFailedPrecondition: of a newer program; nothing changed.
absl::StatusOr<std::optional<Recovery>> RecoverIfDamaged(const std::string& path,
                                                         const RecoveryRules& rules,
                                                         absl::Time now);

// Notes that the database was found damaged while it was open: the next
// RecoverIfDamaged salvages it, whatever its check says.
absl::Status NoteDamage(Disk& disk, const std::string& path, absl::string_view why);

// The recoveries of a database, newest first; none when that can't be read now.
std::vector<Recovery> ListRecoveries(Disk& disk, const std::string& path);

// Those that are not in the SupportLog yet, oldest first, and that they are now.
// MarkTold is kUnavailable, and notes nothing, when they can't be read or written.
std::vector<Recovery> UntoldRecoveries(Disk& disk, const std::string& path);
absl::Status MarkTold(Disk& disk, const std::string& path);

// A line for people.
std::string Describe(const Recovery& recovery);

}  // namespace fieldgate::sqlite
