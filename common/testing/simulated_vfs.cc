#include "common/testing/simulated_vfs.h"

#include <sqlite3.h>

#include <atomic>
#include <cstring>
#include <new>

#include "absl/strings/str_cat.h"
#include "common/testing/simulated_disk_state.h"

namespace fieldgate {
namespace {

using State = SimulatedDisk::State;
using Outcome = State::Outcome;

// What SQLite allocates for an open file.
struct OpenFile {
  sqlite3_file base;
  SimulatedHandle handle;
};

SimulatedHandle& HandleOf(sqlite3_file* file) { return reinterpret_cast<OpenFile*>(file)->handle; }

State& DiskOf(sqlite3_vfs* vfs) { return *static_cast<State*>(vfs->pAppData); }

int ResultOf(Outcome outcome, int error) {
  switch (outcome) {
    case Outcome::kOk:
      return SQLITE_OK;
    case Outcome::kFull:
      return SQLITE_FULL;
    case Outcome::kError:
    case Outcome::kPowerFails:
      return error;
  }
  return error;
}

int Close(sqlite3_file* file) {
  SimulatedHandle& handle = HandleOf(file);
  {
    absl::MutexLock lock(&handle.disk->mutex);
    handle.disk->handles.erase(&handle);
    if (!handle.dead) handle.Release();
  }
  handle.~SimulatedHandle();
  return SQLITE_OK;
}

int Read(sqlite3_file* file, void* to, int size, sqlite3_int64 offset) {
  SimulatedHandle& handle = HandleOf(file);
  int64_t count = 0;
  const Outcome outcome = handle.disk->Read(handle, offset, size, static_cast<char*>(to), count);
  if (outcome != Outcome::kOk) return SQLITE_IOERR_READ;
  if (count == size) return SQLITE_OK;
  std::memset(static_cast<char*>(to) + count, 0, static_cast<size_t>(size - count));
  return SQLITE_IOERR_SHORT_READ;
}

int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  SimulatedHandle& handle = HandleOf(file);
  return ResultOf(handle.disk->Write(handle, offset,
                                     absl::string_view(static_cast<const char*>(bytes),
                                                       static_cast<size_t>(size))),
                  SQLITE_IOERR_WRITE);
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  SimulatedHandle& handle = HandleOf(file);
  return ResultOf(handle.disk->Truncate(handle, size), SQLITE_IOERR_TRUNCATE);
}

int Sync(sqlite3_file* file, int) {
  SimulatedHandle& handle = HandleOf(file);
  return ResultOf(handle.disk->Sync(handle), SQLITE_IOERR_FSYNC);
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  SimulatedHandle& handle = HandleOf(file);
  absl::MutexLock lock(&handle.disk->mutex);
  *size = handle.file->size();
  return SQLITE_OK;
}

int Lock(sqlite3_file* file, int level) {
  SimulatedHandle& handle = HandleOf(file);
  absl::MutexLock lock(&handle.disk->mutex);
  if (handle.dead) return SQLITE_IOERR_LOCK;
  if (level <= handle.level) return SQLITE_OK;
  FileLocks& locks = *handle.locks;
  const bool others = locks.writer != nullptr && locks.writer != &handle;
  if (level == SQLITE_LOCK_SHARED) {
    if (others && locks.writer_level >= SQLITE_LOCK_PENDING) return SQLITE_BUSY;
    ++locks.shared;
    handle.level = level;
    return SQLITE_OK;
  }
  if (others) return SQLITE_BUSY;
  locks.writer = &handle;
  const bool busy = level == SQLITE_LOCK_EXCLUSIVE && locks.shared > 1;
  handle.level = locks.writer_level = busy ? SQLITE_LOCK_PENDING : level;
  return busy ? SQLITE_BUSY : SQLITE_OK;
}

int Unlock(sqlite3_file* file, int level) {
  SimulatedHandle& handle = HandleOf(file);
  absl::MutexLock lock(&handle.disk->mutex);
  if (handle.dead || level >= handle.level) return SQLITE_OK;
  if (handle.locks->writer == &handle) handle.locks->writer = nullptr;
  if (level == SQLITE_LOCK_NONE) --handle.locks->shared;
  handle.level = level;
  return SQLITE_OK;
}

int CheckReservedLock(sqlite3_file* file, int* reserved) {
  SimulatedHandle& handle = HandleOf(file);
  absl::MutexLock lock(&handle.disk->mutex);
  *reserved = handle.locks->writer != nullptr ? 1 : 0;
  return SQLITE_OK;
}

int FileControl(sqlite3_file* file, int operation, void* argument) {
  if (operation != SQLITE_FCNTL_HAS_MOVED) return SQLITE_NOTFOUND;
  SimulatedHandle& handle = HandleOf(file);
  absl::MutexLock lock(&handle.disk->mutex);
  *static_cast<int*>(argument) =
      !handle.path.empty() && handle.disk->directory.Find(handle.path) != handle.file ? 1 : 0;
  return SQLITE_OK;
}

int SectorSize(sqlite3_file*) { return 4096; }  // as SQLite's own

int DeviceCharacteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

int ShmMap(sqlite3_file* file, int region, int size, int extend, void volatile** to) {
  SimulatedHandle& handle = HandleOf(file);
  absl::MutexLock lock(&handle.disk->mutex);
  *to = nullptr;
  if (handle.dead) return SQLITE_IOERR_SHMMAP;
  if (handle.memory == nullptr) {
    if (handle.locks->memory == nullptr) handle.locks->memory = std::make_shared<SharedMemory>();
    handle.memory = handle.locks->memory;
    ++handle.memory->users;
  }
  auto& regions = handle.memory->regions;
  while (extend != 0 && static_cast<int>(regions.size()) <= region) {
    regions.push_back(std::make_unique<char[]>(static_cast<size_t>(size)));
  }
  if (region < static_cast<int>(regions.size())) *to = regions[static_cast<size_t>(region)].get();
  return SQLITE_OK;
}

int ShmLock(sqlite3_file* file, int first, int count, int flags) {
  SimulatedHandle& handle = HandleOf(file);
  absl::MutexLock lock(&handle.disk->mutex);
  if (handle.dead || handle.memory == nullptr) return SQLITE_IOERR_SHMLOCK;
  SharedMemory& memory = *handle.memory;
  const unsigned mask = ((1u << count) - 1) << first;
  if ((flags & SQLITE_SHM_UNLOCK) != 0) {
    for (int i = first; i < first + count; ++i) {
      if ((handle.shared_memory_locks >> i & 1) != 0) --memory.shared[i];
      if ((handle.exclusive_memory_locks >> i & 1) != 0) memory.exclusive[i] = nullptr;
    }
    handle.shared_memory_locks &= ~mask;
    handle.exclusive_memory_locks &= ~mask;
    return SQLITE_OK;
  }
  const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
  unsigned& held = exclusive ? handle.exclusive_memory_locks : handle.shared_memory_locks;
  if ((held & mask) == mask) return SQLITE_OK;
  for (int i = first; i < first + count; ++i) {
    if (memory.exclusive[i] != nullptr || (exclusive && memory.shared[i] > 0)) return SQLITE_BUSY;
  }
  for (int i = first; i < first + count; ++i) {
    if (exclusive) {
      memory.exclusive[i] = &handle;
    } else {
      ++memory.shared[i];
    }
  }
  held |= mask;
  return SQLITE_OK;
}

void ShmBarrier(sqlite3_file* file) {
  absl::MutexLock lock(&HandleOf(file).disk->mutex);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

int ShmUnmap(sqlite3_file* file, int) {
  SimulatedHandle& handle = HandleOf(file);
  absl::MutexLock lock(&handle.disk->mutex);
  if (handle.dead) {
    handle.memory = nullptr;
  } else {
    handle.ReleaseMemory();
  }
  return SQLITE_OK;
}

const sqlite3_io_methods kMethods = {
    /*iVersion=*/2,
    Close,
    Read,
    Write,
    Truncate,
    Sync,
    FileSize,
    Lock,
    Unlock,
    CheckReservedLock,
    FileControl,
    SectorSize,
    DeviceCharacteristics,
    ShmMap,
    ShmLock,
    ShmBarrier,
    ShmUnmap,
    /*xFetch=*/nullptr,
    /*xUnfetch=*/nullptr};

int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  file->pMethods = nullptr;
  State& disk = DiskOf(vfs);
  SimulatedDirectory::File found;
  if (name == nullptr) {
    found = std::make_shared<SimulatedFile>();
  } else if (disk.Open(name, (flags & SQLITE_OPEN_CREATE) != 0, found) != Outcome::kOk ||
             found == nullptr) {
    return SQLITE_CANTOPEN;
  }
  SimulatedHandle& handle = *new (&HandleOf(file)) SimulatedHandle;
  handle.disk = &disk;
  handle.path = name != nullptr ? name : "";
  handle.file = std::move(found);
  constexpr int kJournals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
  handle.sync_directory = disk.sqlite_syncs_directory && name != nullptr &&
                          (flags & SQLITE_OPEN_CREATE) != 0 && (flags & kJournals) != 0;
  {
    absl::MutexLock lock(&disk.mutex);
    handle.locks = disk.LocksOf(handle.file);
    disk.handles.insert(&handle);
  }
  file->pMethods = &kMethods;
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int Delete(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  State& disk = DiskOf(vfs);
  {
    absl::MutexLock lock(&disk.mutex);
    if (disk.directory.Find(name) == nullptr) return SQLITE_IOERR_DELETE_NOENT;
  }
  if (disk.Remove(name) != Outcome::kOk) return SQLITE_IOERR_DELETE;
  if (sync_directory == 0) return SQLITE_OK;
  return disk.SyncDirectoryOf(name) == Outcome::kOk ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

// As SQLite's own, an empty file doesn't exist.
int Access(sqlite3_vfs* vfs, const char* name, int, int* result) {
  State& disk = DiskOf(vfs);
  absl::MutexLock lock(&disk.mutex);
  const SimulatedDirectory::File file = disk.directory.Find(name);
  *result = file != nullptr && file->size() > 0 ? 1 : 0;
  return SQLITE_OK;
}

int FullPathname(sqlite3_vfs*, const char* name, int size, char* to) {
  sqlite3_snprintf(size, to, "%s", name);
  return SQLITE_OK;
}

// The rest is the machine's.
sqlite3_vfs* Machine() { return sqlite3_vfs_find(nullptr); }

int Randomness(sqlite3_vfs*, int size, char* to) {
  return Machine()->xRandomness(Machine(), size, to);
}

int Sleep(sqlite3_vfs*, int microseconds) { return Machine()->xSleep(Machine(), microseconds); }

int CurrentTime(sqlite3_vfs*, double* time) { return Machine()->xCurrentTime(Machine(), time); }

int GetLastError(sqlite3_vfs*, int, char*) { return 0; }

std::string NewName() {
  static std::atomic<int> count{0};
  return absl::StrCat("simulated-", ++count);
}

}  // namespace

SimulatedVfs::SimulatedVfs(SimulatedDisk::State& disk)
    : name_(NewName()), vfs_(std::make_unique<sqlite3_vfs>()) {
  vfs_->iVersion = 1;
  vfs_->szOsFile = sizeof(OpenFile);
  vfs_->mxPathname = 512;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = &disk;
  vfs_->xOpen = Open;
  vfs_->xDelete = Delete;
  vfs_->xAccess = Access;
  vfs_->xFullPathname = FullPathname;
  vfs_->xRandomness = Randomness;
  vfs_->xSleep = Sleep;
  vfs_->xCurrentTime = CurrentTime;
  vfs_->xGetLastError = GetLastError;
  sqlite3_vfs_register(vfs_.get(), /*makeDflt=*/0);
}

SimulatedVfs::~SimulatedVfs() { sqlite3_vfs_unregister(vfs_.get()); }

}  // namespace fieldgate
