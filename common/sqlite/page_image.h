#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sqlite/vfs_file.h"
#include "common/sqlite/wal_reader.h"

namespace fieldgate::sqlite {

// The pages of a database that may be damaged: those of the file, and over them
// those of its write-ahead log. Nothing of the files is changed. Thread-
// compatible; blocks on disk.
class PageImage {
 public:
  // `page_size` is taken if neither file tells its own. A log that is no file, or may
  // not be read, is damage.
  // kUnavailable: the file or its log can't be opened.
  static absl::StatusOr<std::unique_ptr<PageImage>> Open(Disk& disk, const std::string& path,
                                                         int page_size);

  int page_size() const { return page_size_; }
  uint32_t pages() const { return pages_; }
  // What is wrong with the files' headers and the log; empty: nothing.
  const std::string& damage() const { return damage_; }
  bool header_ok() const { return header_ok_; }
  // False: SQLite can't open the database, either.
  bool log_usable() const { return log_usable_; }
  // PRAGMA user_version; 0 if the header is damaged.
  uint32_t user_version() const { return user_version_; }

  // The page with this number, from 1. False: it can't be read. What the file
  // ends before is zero.
  bool Read(uint32_t page, std::string& to);

  // The page goes on with a value of another one.
  void MarkUsed(uint32_t page) { used_[page] = true; }
  bool used(uint32_t page) const { return used_[page]; }
  // Pages that the header knows of, behind the end of the file.
  uint32_t missing_pages() const { return missing_pages_; }

  // By number: the page is free (has no content). With a damaged header, as far as
  // the list of free pages can be recognized.
  std::vector<bool> FreePages();

 private:
  PageImage(std::unique_ptr<VfsFile> file, std::unique_ptr<VfsFile> wal)
      : file_(std::move(file)), wal_(std::move(wal)) {}

  absl::Status ReadHeaders(int page_size);
  // Marks what a page of the list names; false: it is none.
  bool TakeTrunk(const std::string& bytes, std::vector<bool>& free) const;

  const std::unique_ptr<VfsFile> file_;
  const std::unique_ptr<VfsFile> wal_;  // nullptr: none
  WalPages in_wal_;
  int page_size_ = 0;
  uint32_t pages_ = 0;
  bool header_ok_ = false;
  bool log_usable_ = true;
  uint32_t user_version_ = 0;
  uint32_t first_trunk_ = 0;
  uint32_t missing_pages_ = 0;
  std::vector<bool> used_;
  std::string damage_;
};

}  // namespace fieldgate::sqlite
