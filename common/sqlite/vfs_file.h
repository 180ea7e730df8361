#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sqlite/disk.h"

struct sqlite3_file;

namespace fieldgate::sqlite {

// A file of a Disk, through the access that SQLite has to it. Thread-compatible;
// blocks. Every error is kUnavailable and names the path.
class VfsFile {
 public:
  // Of a file that exists.
  static absl::StatusOr<std::unique_ptr<VfsFile>> Open(Disk& disk, const std::string& path,
                                                       bool writable);
  ~VfsFile();

  VfsFile(const VfsFile&) = delete;
  VfsFile& operator=(const VfsFile&) = delete;

  absl::StatusOr<int64_t> Size();
  // `size` bytes; those behind the file's end are zero.
  absl::Status Read(int64_t offset, size_t size, std::string& to);
  absl::Status Write(int64_t offset, absl::string_view bytes);
  // What was written survives a power cut.
  absl::Status Sync();

 private:
  VfsFile(std::string path, const char* name, std::unique_ptr<char[]> memory);
  absl::Status Error(int result, absl::string_view doing) const;

  const std::string path_;
  const char* const name_;  // SQLite's copy of it
  const std::unique_ptr<char[]> memory_;
  sqlite3_file* file_ = nullptr;  // in memory_; nullptr: not open
};

// The first `max_bytes` of a file.
absl::StatusOr<std::string> ReadFile(Disk& disk, const std::string& path, int64_t max_bytes);

// Puts a file with this content in place of the one at `path`: after a power cut
// it is there as it was, or as it is now. Uses `path`.new meanwhile.
absl::Status ReplaceFile(Disk& disk, const std::string& path, absl::string_view content);

}  // namespace fieldgate::sqlite
