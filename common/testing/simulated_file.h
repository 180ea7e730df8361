#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/string_view.h"

namespace fieldgate {

// Chances that are the same for the same seed, on every machine.
class SeededChances {
 public:
  explicit SeededChances(uint64_t seed) : engine_(seed) {}

  uint64_t Below(uint64_t bound) { return engine_() % bound; }
  bool OneIn(uint64_t count) { return Below(count) == 0; }

 private:
  std::mt19937_64 engine_;
};

// A file as the disk below the page cache has it: what a reader sees, and what
// of it is on the disk for certain. Thread-compatible.
class SimulatedFile {
 public:
  // What a disk writes whole or not at all.
  static constexpr int64_t kSector = 512;

  SimulatedFile() = default;
  explicit SimulatedFile(std::string durable) : seen_(durable), durable_(std::move(durable)) {}

  int64_t size() const { return static_cast<int64_t>(seen_.size()); }
  const std::string& seen() const { return seen_; }

  // Bytes read, fewer than `size` at the end of the file.
  int64_t Read(int64_t offset, int64_t size, char* to) const;
  void Write(int64_t offset, absl::string_view bytes);
  void Truncate(int64_t size);

  // All that was written is on the disk.
  void Sync();
  // Of what was written, any part is on the disk; the rest will never be, not
  // even by a later Sync (the kernel takes those pages for clean), though a
  // reader still sees it.
  void FailSync(SeededChances& chances);
  // What is on the disk after a power cut: what was synced, and of the rest
  // nothing, all, a beginning or any sectors in any order.
  std::string AfterPowerCut(SeededChances& chances) const;

 private:
  struct Change {
    bool truncate;
    int64_t offset;  // of a truncation: the new size
    std::string bytes;
  };

  std::string seen_;
  std::string durable_;
  std::vector<Change> unsynced_;
};

// Names of files, with what of them is on the disk for certain.
// Thread-compatible.
class SimulatedDirectory {
 public:
  using File = std::shared_ptr<SimulatedFile>;
  using Entries = absl::btree_map<std::string, File>;

  const Entries& entries() const { return seen_; }
  File Find(absl::string_view path) const;

  void Link(const std::string& path, File file);
  void Rename(const std::string& from, const std::string& to);
  void Remove(const std::string& path);
  // Of the directory that holds `path`.
  void Sync(absl::string_view path);
  // Each name that was not synced is there or not.
  Entries AfterPowerCut(SeededChances& chances) const;

 private:
  struct Change {
    std::string path;
    File file;         // nullptr: removed
    std::string from;  // of a renaming
  };

  void Note(Change change);
  static void Apply(const Change& change, Entries& entries);

  Entries seen_;
  Entries durable_;
  std::vector<Change> unsynced_;
};

}  // namespace fieldgate
