#pragma once

// Parts of SimulatedDisk; include simulated_disk.h.

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "common/testing/seeded_chances.h"
#include "common/testing/simulated_disk.h"
#include "common/testing/simulated_file.h"
#include "common/testing/simulated_vfs.h"

namespace fieldgate {

// SQLite's shared memory of one database, on the heap. Guarded by the disk's
// mutex, except the bytes of the regions, which SQLite guards itself.
struct SharedMemory {
  static constexpr int kLocks = 8;

  std::vector<std::unique_ptr<char[]>> regions;
  std::array<int, kLocks> shared{};
  std::array<const void*, kLocks> exclusive{};  // who
  int users = 0;
};

// SQLite's locks of one file.
struct FileLocks {
  int shared = 0;                // connections
  const void* writer = nullptr;  // who holds more than a shared lock
  int writer_level = 0;
  std::shared_ptr<SharedMemory> memory;
};

// An open file of SQLite.
struct SimulatedHandle {
  SimulatedDisk::State* disk = nullptr;
  std::string path;  // empty: a temporary file
  SimulatedDirectory::File file;
  std::shared_ptr<FileLocks> locks;
  bool sync_directory = false;  // with the next sync
  bool dead = false;            // its process or the power is gone
  int level = 0;                // of its lock
  std::shared_ptr<SharedMemory> memory;
  unsigned shared_memory_locks = 0;  // bits
  unsigned exclusive_memory_locks = 0;

  // Gives all locks back.
  void Release();
  void ReleaseMemory();
};

// Everything of a SimulatedDisk that its VFS shares. Thread-safe: each method
// takes the mutex unless it requires it.
class SimulatedDisk::State {
 public:
  // How a call goes. kPowerFails: it is the last one; it may be carried out, but
  // nobody hears of it.
  enum class Outcome { kOk, kError, kFull, kPowerFails };

  State(uint64_t seed, bool sqlite_syncs_directory);
  ~State();

  // Comes before each call. `handle`: nullptr when the file isn't open. `offset` and
  // `size` are of a read or write.
  Outcome Enter(DiskCall call, absl::string_view path, const SimulatedHandle* handle = nullptr,
                int64_t offset = 0, int64_t size = 0) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  Outcome Read(SimulatedHandle& handle, int64_t offset, int64_t size, char* to, int64_t& count);
  // A failing write has written a part.
  Outcome Write(SimulatedHandle& handle, int64_t offset, absl::string_view bytes);
  Outcome Truncate(SimulatedHandle& handle, int64_t size);
  Outcome Sync(SimulatedHandle& handle);
  // Leaves nullptr in `file` when there is none and `create` is false.
  Outcome Open(const std::string& path, bool create, SimulatedDirectory::File& file);
  Outcome Remove(const std::string& path);
  Outcome Rename(const std::string& from, const std::string& to);
  Outcome SyncDirectoryOf(absl::string_view path);

  std::shared_ptr<FileLocks> LocksOf(const SimulatedDirectory::File& file)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  int64_t Used() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  // What `chances` leave of the files, all of it durable.
  SimulatedDirectory AfterPowerCut(SeededChances& chances) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  // Ends the connections to files that begin with `prefix`.
  void EndConnections(absl::string_view prefix) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  const bool sqlite_syncs_directory;
  mutable absl::Mutex mutex;
  SimulatedDirectory directory ABSL_GUARDED_BY(mutex);
  std::set<SimulatedHandle*> handles ABSL_GUARDED_BY(mutex);
  std::vector<DiskFault> faults ABSL_GUARDED_BY(mutex);
  std::optional<int64_t> capacity ABSL_GUARDED_BY(mutex);
  std::optional<int64_t> operations_left ABSL_GUARDED_BY(mutex);
  bool ignores_syncs ABSL_GUARDED_BY(mutex) = false;
  bool power_is_off ABSL_GUARDED_BY(mutex) = false;
  std::string last_path ABSL_GUARDED_BY(mutex);
  DiskCall last_call ABSL_GUARDED_BY(mutex) = DiskCall::kOpen;  // kOpen: none
  int64_t operations ABSL_GUARDED_BY(mutex) = 0;
  std::array<int64_t, 9> calls ABSL_GUARDED_BY(mutex){};
  SeededChances chances ABSL_GUARDED_BY(mutex);
  std::map<const SimulatedFile*, std::weak_ptr<FileLocks>> locks ABSL_GUARDED_BY(mutex);

  const std::unique_ptr<SimulatedVfs> vfs;
};

}  // namespace fieldgate
