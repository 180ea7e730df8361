#include "common/sqlite/vfs_file.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace fieldgate::sqlite {

VfsFile::VfsFile(std::string path, const char* name, std::unique_ptr<char[]> memory)
    : path_(std::move(path)), name_(name), memory_(std::move(memory)) {}

VfsFile::~VfsFile() {
  if (file_ != nullptr) file_->pMethods->xClose(file_);
  sqlite3_free_filename(const_cast<char*>(name_));
}

absl::Status VfsFile::Error(int result, absl::string_view doing) const {
  return absl::UnavailableError(
      absl::StrCat(path_, ": ", doing, ": ", sqlite3_errstr(result), " (SQLite ", result, ")"));
}

absl::StatusOr<std::unique_ptr<VfsFile>> VfsFile::Open(Disk& disk, const std::string& path,
                                                       bool writable) {
  sqlite3_vfs* const vfs = sqlite3_vfs_find(disk.Vfs());
  if (vfs == nullptr) return absl::UnavailableError(absl::StrCat(path, ": its disk is unknown"));
  const char* const name =
      sqlite3_create_filename(path.c_str(), absl::StrCat(path, "-journal").c_str(),
                              absl::StrCat(path, "-wal").c_str(), 0, nullptr);
  if (name == nullptr) return absl::UnavailableError(absl::StrCat(path, ": no memory"));
  const auto size = static_cast<size_t>(vfs->szOsFile);
  std::unique_ptr<VfsFile> file(new VfsFile(path, name, std::make_unique<char[]>(size)));
  auto* const raw = reinterpret_cast<sqlite3_file*>(file->memory_.get());
  const int kind = absl::EndsWith(path, "-wal") ? SQLITE_OPEN_WAL : SQLITE_OPEN_MAIN_DB;
  int flags = (writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | kind;
  const int result = vfs->xOpen(vfs, name, raw, flags, &flags);
  // Even a failed xOpen may leave something to be closed.
  if (raw->pMethods != nullptr) file->file_ = raw;
  if (result != SQLITE_OK) return file->Error(result, "opening");
  return file;
}

absl::StatusOr<int64_t> VfsFile::Size() {
  sqlite3_int64 size = 0;
  const int result = file_->pMethods->xFileSize(file_, &size);
  if (result != SQLITE_OK) return Error(result, "its size");
  return size;
}

absl::Status VfsFile::Read(int64_t offset, size_t size, std::string& to) {
  to.assign(size, '\0');
  const int result = file_->pMethods->xRead(file_, to.data(), static_cast<int>(size), offset);
  if (result == SQLITE_OK || result == SQLITE_IOERR_SHORT_READ) return absl::OkStatus();
  return Error(result, absl::StrCat("reading at ", offset));
}

absl::Status VfsFile::Write(int64_t offset, absl::string_view bytes) {
  const int result =
      file_->pMethods->xWrite(file_, bytes.data(), static_cast<int>(bytes.size()), offset);
  return result == SQLITE_OK ? absl::OkStatus() : Error(result, "writing");
}

absl::Status VfsFile::Sync() {
  const int result = file_->pMethods->xSync(file_, SQLITE_SYNC_NORMAL);
  return result == SQLITE_OK ? absl::OkStatus() : Error(result, "syncing");
}

absl::StatusOr<std::string> ReadFile(Disk& disk, const std::string& path, int64_t max_bytes) {
  absl::StatusOr<std::unique_ptr<VfsFile>> file = VfsFile::Open(disk, path, /*writable=*/false);
  if (!file.ok()) return file.status();
  const absl::StatusOr<int64_t> size = (*file)->Size();
  if (!size.ok()) return size.status();
  std::string content;
  const absl::Status status =
      (*file)->Read(0, static_cast<size_t>(std::min(*size, max_bytes)), content);
  if (!status.ok()) return status;
  return content;
}

absl::Status ReplaceFile(Disk& disk, const std::string& path, absl::string_view content) {
  const std::string fresh = absl::StrCat(path, ".new");
  absl::Status status = disk.Remove(fresh);
  if (status.ok()) status = disk.CreateIfMissing(fresh);
  if (!status.ok()) return status;
  {
    absl::StatusOr<std::unique_ptr<VfsFile>> file = VfsFile::Open(disk, fresh, /*writable=*/true);
    status = file.status();
    if (status.ok()) status = (*file)->Write(0, content);
    if (status.ok()) status = (*file)->Sync();
  }
  if (status.ok()) status = disk.Rename(fresh, path);
  if (status.ok()) status = disk.SyncDirectoryOf(path);
  return status;
}

}  // namespace fieldgate::sqlite
