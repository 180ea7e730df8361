#include "common/testing/simulated_disk.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/testing/simulated_disk_state.h"

namespace fieldgate {
namespace {

using Outcome = SimulatedDisk::State::Outcome;

absl::Status StatusOf(Outcome outcome, absl::string_view path, absl::string_view doing) {
  if (outcome == Outcome::kOk) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(path, ": ", doing, ": ",
                   outcome == Outcome::kFull ? "No space left on device" : "Input/output error"));
}

const char* NameOf(DiskCall call) {
  switch (call) {
    case DiskCall::kOpen:
      return "open";
    case DiskCall::kCreate:
      return "create";
    case DiskCall::kRead:
      return "read";
    case DiskCall::kWrite:
      return "write";
    case DiskCall::kTruncate:
      return "truncate";
    case DiskCall::kSync:
      return "sync";
    case DiskCall::kRename:
      return "rename";
    case DiskCall::kRemove:
      return "remove";
    case DiskCall::kSyncDirectory:
      return "sync the directory of";
  }
  return "";
}

bool Changes(DiskCall call) { return call != DiskCall::kRead && call != DiskCall::kOpen; }

}  // namespace

void SimulatedHandle::Release() {
  if (level > 0) --locks->shared;
  if (locks->writer == this) locks->writer = nullptr;
  level = 0;
  ReleaseMemory();
}

void SimulatedHandle::ReleaseMemory() {
  if (memory == nullptr) return;
  for (int i = 0; i < SharedMemory::kLocks; ++i) {
    if ((shared_memory_locks >> i & 1) != 0) --memory->shared[i];
    if ((exclusive_memory_locks >> i & 1) != 0) memory->exclusive[i] = nullptr;
  }
  shared_memory_locks = exclusive_memory_locks = 0;
  // The last user takes it away; who died keeps its bytes.
  if (--memory->users == 0 && locks->memory == memory) locks->memory = nullptr;
  if (!dead) memory = nullptr;
}

SimulatedDisk::State::State(uint64_t seed, bool sqlite_syncs_directory)
    : sqlite_syncs_directory(sqlite_syncs_directory),
      chances(seed),
      vfs(std::make_unique<SimulatedVfs>(*this)) {
  // The mutex is locked with each call of SQLite's, and abseil's look for deadlocks
  // costs more with each disk that there ever was.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

SimulatedDisk::State::~State() = default;

Outcome SimulatedDisk::State::Enter(DiskCall call, absl::string_view path,
                                    const SimulatedHandle* handle, int64_t offset, int64_t size) {
  if (power_is_off || (handle != nullptr && handle->dead)) return Outcome::kError;
  ++calls[static_cast<size_t>(call)];
  if (Changes(call)) {
    last_call = call;
    last_path.assign(path.data(), path.size());
    if (operations_left.has_value() && (*operations_left)-- == 0) {
      power_is_off = true;
      return Outcome::kPowerFails;
    }
    ++operations;
  }
  for (auto fault = faults.begin(); fault != faults.end(); ++fault) {
    if (fault->call != call || !absl::EndsWith(path, fault->path_ends_with)) continue;
    if (fault->at.has_value() && (*fault->at < offset || *fault->at - offset >= size)) continue;
    if (fault->nth > 1) {
      --fault->nth;
      continue;
    }
    const Outcome outcome = fault->full ? Outcome::kFull : Outcome::kError;
    if (!fault->lasting) faults.erase(fault);
    return outcome;
  }
  return Outcome::kOk;
}

Outcome SimulatedDisk::State::Read(SimulatedHandle& handle, int64_t offset, int64_t size, char* to,
                                   int64_t& count) {
  absl::MutexLock lock(&mutex);
  const Outcome outcome = Enter(DiskCall::kRead, handle.path, &handle, offset, size);
  if (outcome == Outcome::kOk) count = handle.file->Read(offset, size, to);
  return outcome;
}

Outcome SimulatedDisk::State::Write(SimulatedHandle& handle, int64_t offset,
                                    absl::string_view bytes) {
  absl::MutexLock lock(&mutex);
  if (power_is_off || handle.dead) return Outcome::kError;
  Outcome outcome =
      Enter(DiskCall::kWrite, handle.path, &handle, offset, static_cast<int64_t>(bytes.size()));
  if (outcome == Outcome::kError || outcome == Outcome::kFull) {
    bytes = bytes.substr(0, chances.Below(bytes.size() + 1));
  } else if (outcome == Outcome::kOk && capacity.has_value()) {
    const int64_t room = handle.file->size() + std::max<int64_t>(*capacity - Used(), 0) - offset;
    if (room < static_cast<int64_t>(bytes.size())) {
      bytes = bytes.substr(0, static_cast<size_t>(std::max<int64_t>(room, 0)));
      outcome = Outcome::kFull;
    }
  }
  handle.file->Write(offset, bytes);
  return outcome;
}

Outcome SimulatedDisk::State::Truncate(SimulatedHandle& handle, int64_t size) {
  absl::MutexLock lock(&mutex);
  const Outcome outcome = Enter(DiskCall::kTruncate, handle.path, &handle);
  if (outcome == Outcome::kOk || outcome == Outcome::kPowerFails) handle.file->Truncate(size);
  return outcome;
}

Outcome SimulatedDisk::State::Sync(SimulatedHandle& handle) {
  {
    absl::MutexLock lock(&mutex);
    if (power_is_off || handle.dead) return Outcome::kError;
    const Outcome outcome = Enter(DiskCall::kSync, handle.path, &handle);
    if (outcome == Outcome::kError || outcome == Outcome::kFull) handle.file->FailSync(chances);
    if (outcome != Outcome::kOk || ignores_syncs) return outcome;
    handle.file->Sync();
    if (!std::exchange(handle.sync_directory, false)) return Outcome::kOk;
  }
  // As SQLite: that a directory can't be synced is no error of the file.
  SyncDirectoryOf(handle.path);
  return Outcome::kOk;
}

Outcome SimulatedDisk::State::Open(const std::string& path, bool create,
                                   SimulatedDirectory::File& file) {
  absl::MutexLock lock(&mutex);
  Outcome outcome = Enter(DiskCall::kOpen, path);
  if (outcome != Outcome::kOk) return outcome;
  file = directory.Find(path);
  if (file != nullptr || !create) return Outcome::kOk;
  outcome = Enter(DiskCall::kCreate, path);
  if (outcome == Outcome::kOk || outcome == Outcome::kPowerFails) {
    file = std::make_shared<SimulatedFile>();
    directory.Link(path, file);
  }
  return outcome;
}

Outcome SimulatedDisk::State::Remove(const std::string& path) {
  absl::MutexLock lock(&mutex);
  const Outcome outcome = Enter(DiskCall::kRemove, path);
  if (outcome == Outcome::kOk || outcome == Outcome::kPowerFails) directory.Remove(path);
  return outcome;
}

Outcome SimulatedDisk::State::Rename(const std::string& from, const std::string& to) {
  absl::MutexLock lock(&mutex);
  const Outcome outcome = Enter(DiskCall::kRename, from);
  if (outcome == Outcome::kOk || outcome == Outcome::kPowerFails) directory.Rename(from, to);
  return outcome;
}

Outcome SimulatedDisk::State::SyncDirectoryOf(absl::string_view path) {
  absl::MutexLock lock(&mutex);
  const Outcome outcome = Enter(DiskCall::kSyncDirectory, path);
  if (outcome == Outcome::kOk && !ignores_syncs) directory.Sync(path);
  return outcome;
}

std::shared_ptr<FileLocks> SimulatedDisk::State::LocksOf(const SimulatedDirectory::File& file) {
  constexpr size_t kMany = 64;
  if (locks.size() > kMany) {
    for (auto it = locks.begin(); it != locks.end();) {
      it = it->second.expired() ? locks.erase(it) : std::next(it);
    }
  }
  std::weak_ptr<FileLocks>& known = locks[file.get()];
  std::shared_ptr<FileLocks> found = known.lock();
  if (found == nullptr) known = found = std::make_shared<FileLocks>();
  return found;
}

int64_t SimulatedDisk::State::Used() const {
  int64_t used = 0;
  for (const auto& [path, file] : directory.entries()) used += file->size();
  return used;
}

SimulatedDirectory SimulatedDisk::State::AfterPowerCut(SeededChances& chances) const {
  SimulatedDirectory after;
  for (const auto& [path, file] : directory.AfterPowerCut(chances)) {
    after.Link(path, std::make_shared<SimulatedFile>(file->AfterPowerCut(chances)));
    after.Sync(path);
  }
  return after;
}

void SimulatedDisk::State::EndConnections(absl::string_view prefix) {
  for (SimulatedHandle* handle : handles) {
    if (handle->dead || !absl::StartsWith(handle->path, prefix)) continue;
    handle->dead = true;
    handle->Release();
  }
}

SimulatedDisk::SimulatedDisk(uint64_t seed, bool sqlite_syncs_directory)
    : state_(std::make_unique<State>(seed, sqlite_syncs_directory)) {}

SimulatedDisk::~SimulatedDisk() = default;

const char* SimulatedDisk::Vfs() const { return state_->vfs->name(); }

absl::Status SimulatedDisk::CreateIfMissing(const std::string& path) {
  SimulatedDirectory::File file;
  return StatusOf(state_->Open(path, /*create=*/true, file), path, "creating the database");
}

bool SimulatedDisk::Exists(const std::string& path) {
  absl::MutexLock lock(&state_->mutex);
  return state_->directory.Find(path) != nullptr;
}

absl::Status SimulatedDisk::Rename(const std::string& from, const std::string& to) {
  if (!Exists(from)) {
    return absl::UnavailableError(
        absl::StrCat(from, ": renaming to ", to, ": No such file or directory"));
  }
  return StatusOf(state_->Rename(from, to), from, absl::StrCat("renaming to ", to));
}

absl::Status SimulatedDisk::Remove(const std::string& path) {
  if (!Exists(path)) return absl::OkStatus();
  return StatusOf(state_->Remove(path), path, "removing");
}

absl::Status SimulatedDisk::SyncDirectoryOf(const std::string& path) {
  return StatusOf(state_->SyncDirectoryOf(path), path, "fsync of the directory");
}

absl::StatusOr<int64_t> SimulatedDisk::FreeBytes(const std::string&) {
  constexpr int64_t kPlenty = int64_t{1} << 40;
  absl::MutexLock lock(&state_->mutex);
  if (!state_->capacity.has_value()) return kPlenty;
  return std::max<int64_t>(*state_->capacity - state_->Used(), 0);
}

void SimulatedDisk::PowerCut(uint64_t seed) {
  absl::MutexLock lock(&state_->mutex);
  SeededChances chances(seed);
  state_->directory = state_->AfterPowerCut(chances);
  state_->EndConnections("");
  state_->power_is_off = false;
  state_->operations_left.reset();
}

void SimulatedDisk::Kill(absl::string_view prefix) {
  absl::MutexLock lock(&state_->mutex);
  state_->EndConnections(prefix);
}

std::unique_ptr<SimulatedDisk> SimulatedDisk::Image(uint64_t seed) const {
  auto image = std::make_unique<SimulatedDisk>(seed, state_->sqlite_syncs_directory);
  absl::MutexLock lock(&state_->mutex);
  SeededChances chances(seed);
  SimulatedDirectory directory = state_->AfterPowerCut(chances);
  const std::optional<int64_t> capacity = state_->capacity;
  absl::MutexLock image_lock(&image->state_->mutex);
  image->state_->directory = std::move(directory);
  image->state_->capacity = capacity;
  return image;
}

void SimulatedDisk::CutPowerAfter(int64_t operations) {
  absl::MutexLock lock(&state_->mutex);
  state_->operations_left = operations;
}

bool SimulatedDisk::power_is_off() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->power_is_off;
}

int64_t SimulatedDisk::operations() const {
  absl::MutexLock lock(&state_->mutex);
  return state_->operations;
}

std::string SimulatedDisk::last_operation() const {
  absl::MutexLock lock(&state_->mutex);
  if (state_->last_call == DiskCall::kOpen) return "";
  return absl::StrCat(NameOf(state_->last_call), " ", state_->last_path);
}

int64_t SimulatedDisk::calls(DiskCall call) const {
  absl::MutexLock lock(&state_->mutex);
  return state_->calls[static_cast<size_t>(call)];
}

void SimulatedDisk::SetIgnoresSyncs(bool ignores) {
  absl::MutexLock lock(&state_->mutex);
  state_->ignores_syncs = ignores;
}

void SimulatedDisk::Inject(const DiskFault& fault) {
  absl::MutexLock lock(&state_->mutex);
  state_->faults.push_back(fault);
}

void SimulatedDisk::Heal() {
  absl::MutexLock lock(&state_->mutex);
  state_->faults.clear();
}

void SimulatedDisk::SetCapacity(std::optional<int64_t> bytes) {
  absl::MutexLock lock(&state_->mutex);
  state_->capacity = bytes;
}

std::vector<SimulatedDisk::FileInfo> SimulatedDisk::Files() const {
  absl::MutexLock lock(&state_->mutex);
  std::vector<FileInfo> files;
  for (const auto& [path, file] : state_->directory.entries()) {
    files.push_back({path, file->size()});
  }
  return files;
}

absl::StatusOr<std::string> SimulatedDisk::Content(const std::string& path) const {
  absl::MutexLock lock(&state_->mutex);
  const SimulatedDirectory::File file = state_->directory.Find(path);
  if (file == nullptr) return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  return file->seen();
}

void SimulatedDisk::SetContent(const std::string& path, absl::string_view bytes) {
  absl::MutexLock lock(&state_->mutex);
  state_->directory.Link(path, std::make_shared<SimulatedFile>(std::string(bytes)));
  state_->directory.Sync(path);
}

absl::Status SimulatedDisk::CopyTo(const std::string& directory) const {
  for (const FileInfo& file : Files()) {
    const std::string to = absl::StrCat(directory, "/", file.path.substr(file.path.rfind('/') + 1));
    const absl::StatusOr<std::string> content = Content(file.path);
    if (!content.ok()) return content.status();
    if (!(std::ofstream(to, std::ios::binary) << *content)) {
      return absl::UnavailableError(absl::StrCat(to, ": writing"));
    }
  }
  return absl::OkStatus();
}

}  // namespace fieldgate
