#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sqlite/disk.h"

namespace fieldgate {

// What can be made to fail.
enum class DiskCall {
  kOpen,
  kCreate,
  kRead,
  kWrite,
  kTruncate,
  kSync,
  kRename,
  kRemove,
  kSyncDirectory,
};

struct DiskFault {
  DiskCall call = DiskCall::kWrite;
  // Which of these calls from now on, counted from 1.
  int64_t nth = 1;
  // And all after it, until Heal.
  bool lasting = false;
  // Only calls for files whose path ends so ("-wal").
  std::string path_ends_with = "";
  // ENOSPC instead of EIO.
  bool full = false;
  // Only reads and writes of this byte: a bad sector.
  std::optional<int64_t> at = std::nullopt;
};

// A disk in memory below our databases, which keeps apart what was written and
// what was synced, and so can lose power as a real one does: what was not
// synced is lost, or there in part, in any order, torn between sectors of 512
// bytes; names of files whose directory was not synced are there or not. Every
// directory exists.
//
// The same calls and seeds give the same disk. Outlives the databases on it;
// any number of connections, also to one file. Thread-safe.
class SimulatedDisk : public sqlite::Disk {
 public:
  // Debian's SQLite syncs the directory with the first sync of a new journal or
  // log. `sqlite_syncs_directory` false: nobody does who doesn't say so, as
  // with a SQLite built without that.
  explicit SimulatedDisk(uint64_t seed = 1, bool sqlite_syncs_directory = true);
  ~SimulatedDisk() override;

  const char* Vfs() const override;
  absl::Status CreateIfMissing(const std::string& path) override;
  bool Exists(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status SyncDirectoryOf(const std::string& path) override;
  absl::StatusOr<int64_t> FreeBytes(const std::string& path) override;

  // The power fails now and comes back: the files are as the disk has them.
  // Connections that are open see errors only, change nothing any more and are
  // to be closed.
  void PowerCut(uint64_t seed);
  // The processes whose files begin with `prefix` die (kill -9): their
  // connections end as in PowerCut, their locks are free, but nothing that was
  // written is lost.
  void Kill(absl::string_view prefix = "");
  // Another disk, as this one could be after a power cut now. This one goes on.
  std::unique_ptr<SimulatedDisk> Image(uint64_t seed) const;

  // The power fails in the operation after so many: it and each later call
  // fails. Then PowerCut or Image. An operation is whatever changes the disk: a
  // write, truncation, sync, creation, renaming, removal, sync of a directory.
  void CutPowerAfter(int64_t operations);
  bool power_is_off() const;
  int64_t operations() const;
  // The last one, also if it failed: "write /state/x.db-wal"; "" if there was none.
  std::string last_operation() const;
  int64_t calls(DiskCall call) const;

  // Syncs, of directories too, say OK and do nothing, as disks do that are built
  // for speed. A test that passes on such a disk proves nothing.
  void SetIgnoresSyncs(bool ignores);

  void Inject(const DiskFault& fault);
  // No fault is left; a bound of the size stays.
  void Heal();
  // Bytes that all files together may have; std::nullopt: any. A write beyond
  // fails as on a full disk, and FreeBytes says what is left.
  void SetCapacity(std::optional<int64_t> bytes);

  struct FileInfo {
    std::string path;
    int64_t size = 0;
  };
  std::vector<FileInfo> Files() const;
  // kNotFound: there is no such file.
  absl::StatusOr<std::string> Content(const std::string& path) const;
  // Creates or replaces a file, durably; for damage by hand. The file must not
  // be open.
  void SetContent(const std::string& path, absl::string_view bytes);
  // Copies all files into a real directory, for a look with other tools.
  absl::Status CopyTo(const std::string& directory) const;

  class State;

 private:
  const std::unique_ptr<State> state_;
};

}  // namespace fieldgate
