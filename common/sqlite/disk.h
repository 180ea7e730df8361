#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fieldgate::sqlite {

// What tells a file from every other, also from one that got its name or number
// later (a restored backup).
struct FileIdentity {
  enum class Kind {
    kMissing,
    kFile,
    kUnusable,  // a directory, or what may not be read and written
  };
  Kind kind = Kind::kMissing;
  uint64_t inode = 0;   // 0: unknown
  int64_t born_ns = 0;  // Unix time of its creation; 0: unknown

  // The same file, as far as is known. Some file systems number their files anew
  // at each start, so the birth counts where there is one.
  bool SameAs(const FileIdentity& other) const {
    if (born_ns != 0 && other.born_ns != 0) return born_ns == other.born_ns;
    return inode == other.inode;
  }
};

// What our databases need of a file system besides SQLite's own access to it, so
// that a test can put another disk below them. Every error is kUnavailable and
// names the path. Thread-safe; blocks.
class Disk {
 public:
  virtual ~Disk() = default;

  // Name of SQLite's VFS for this disk; nullptr: the default one.
  virtual const char* Vfs() const = 0;
  // Creates an empty file of mode 0600 if there is none.
  virtual absl::Status CreateIfMissing(const std::string& path) = 0;
  virtual bool Exists(const std::string& path) = 0;
  // Replaces what is at `to`.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // OK when there is none.
  virtual absl::Status Remove(const std::string& path) = 0;
  // Creations, renames and removals in the file's directory survive a power cut.
  virtual absl::Status SyncDirectoryOf(const std::string& path) = 0;
  // What is at `path`. A disk that doesn't override it knows no numbers.
  virtual absl::StatusOr<FileIdentity> Identify(const std::string& path);
  // Bytes that can still be written to the file system of the file.
  virtual absl::StatusOr<int64_t> FreeBytes(const std::string& path) = 0;
};

// The machine's.
Disk& RealDisk();

}  // namespace fieldgate::sqlite
