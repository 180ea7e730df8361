#include "common/sqlite/disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace fieldgate::sqlite {
namespace {

absl::Status ErrnoError(const std::string& path, absl::string_view doing) {
  return absl::UnavailableError(absl::StrCat(path, ": ", doing, ": ", std::strerror(errno)));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  const int fd_;
};

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// Of a file that is ours but lost its mode, the mode is mended.
bool MayUse(const std::string& path) {
  const auto may = [&path] { return faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS); };
  return may() == 0 || (chmod(path.c_str(), 0600) == 0 && may() == 0);
}

class PosixDisk : public Disk {
 public:
  const char* Vfs() const override { return nullptr; }

  // An empty file is a new database to SQLite; its log and shared memory files
  // get the same mode.
  absl::Status CreateIfMissing(const std::string& path) override {
    const FileDescriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (fd.get() < 0) {
      if (errno == EEXIST) return absl::OkStatus();
      return ErrnoError(path, "creating the database");
    }
    if (fchmod(fd.get(), 0600) != 0) return ErrnoError(path, "fchmod");
    return absl::OkStatus();
  }

  bool Exists(const std::string& path) override { return access(path.c_str(), F_OK) == 0; }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
    return ErrnoError(from, absl::StrCat("renaming to ", to));
  }

  absl::Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
    return ErrnoError(path, "removing");
  }

  // Without it, half of all power cuts after a creation lose the file.
  absl::Status SyncDirectoryOf(const std::string& path) override {
    const std::string dir = DirectoryOf(path);
    const FileDescriptor fd(open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0 || fsync(fd.get()) != 0) return ErrnoError(dir, "fsync of the directory");
    return absl::OkStatus();
  }

  absl::StatusOr<FileIdentity> Identify(const std::string& path) override {
    struct statx info;
    if (statx(AT_FDCWD, path.c_str(), 0, STATX_TYPE | STATX_INO | STATX_BTIME, &info) != 0) {
      if (errno == ENOENT) return FileIdentity();
      return ErrnoError(path, "statx");
    }
    FileIdentity identity;
    identity.kind = S_ISREG(info.stx_mode) && MayUse(path) ? FileIdentity::Kind::kFile
                                                           : FileIdentity::Kind::kUnusable;
    identity.inode = info.stx_ino;
    if ((info.stx_mask & STATX_BTIME) != 0) {
      identity.born_ns = int64_t{info.stx_btime.tv_sec} * 1'000'000'000 + info.stx_btime.tv_nsec;
    }
    return identity;
  }

  absl::StatusOr<int64_t> FreeBytes(const std::string& path) override {
    const std::string dir = DirectoryOf(path);
    struct statvfs fs;
    if (statvfs(dir.c_str(), &fs) != 0) return ErrnoError(dir, "statvfs");
    return static_cast<int64_t>(fs.f_bavail) * static_cast<int64_t>(fs.f_frsize);
  }
};

}  // namespace

absl::StatusOr<FileIdentity> Disk::Identify(const std::string& path) {
  FileIdentity identity;
  if (Exists(path)) identity.kind = FileIdentity::Kind::kFile;
  return identity;
}

Disk& RealDisk() {
  static PosixDisk disk;
  return disk;
}

}  // namespace fieldgate::sqlite
