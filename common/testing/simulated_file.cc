#include "common/testing/simulated_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace fieldgate {
namespace {

void Put(int64_t offset, absl::string_view bytes, std::string& content) {
  const size_t begin = static_cast<size_t>(offset);
  if (content.size() < begin + bytes.size()) content.resize(begin + bytes.size());
  std::memcpy(content.data() + begin, bytes.data(), bytes.size());
}

absl::string_view DirectoryOf(absl::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == absl::string_view::npos ? absl::string_view() : path.substr(0, slash);
}

// Which of the changes since the last sync a power cut leaves.
class Survival {
 public:
  Survival(size_t changes, SeededChances& chances)
      : chances_(chances),
        kind_(static_cast<Kind>(chances.Below(4))),
        beginning_(kind_ == kBeginning ? chances.Below(changes + 1) : 0),
        eighths_(1 + chances.Below(7)) {}

  bool any_order() const { return kind_ == kSome; }

  // Of a part of the change with this number.
  bool Of(size_t change) {
    switch (kind_) {
      case kNothing:
        return false;
      case kAll:
        return true;
      case kBeginning:  // the last one was being written
        return change < beginning_ || (change == beginning_ && chances_.OneIn(2));
      case kSome:
        return chances_.Below(8) < eighths_;
    }
    return true;
  }

 private:
  enum Kind { kNothing, kAll, kBeginning, kSome };

  SeededChances& chances_;
  const Kind kind_;
  const uint64_t beginning_;
  const uint64_t eighths_;
};

}  // namespace

int64_t SimulatedFile::Read(int64_t offset, int64_t size, char* to) const {
  const int64_t count = std::clamp<int64_t>(this->size() - offset, 0, size);
  std::memcpy(to, seen_.data() + (count > 0 ? offset : 0), static_cast<size_t>(count));
  return count;
}

void SimulatedFile::Write(int64_t offset, absl::string_view bytes) {
  if (bytes.empty()) return;
  Put(offset, bytes, seen_);
  unsynced_.push_back({false, offset, std::string(bytes)});
}

void SimulatedFile::Truncate(int64_t size) {
  seen_.resize(static_cast<size_t>(size));
  unsynced_.push_back({true, size, {}});
}

void SimulatedFile::Sync() {
  for (const Change& change : unsynced_) {
    if (change.truncate) {
      durable_.resize(static_cast<size_t>(change.offset));
    } else {
      Put(change.offset, change.bytes, durable_);
    }
  }
  unsynced_.clear();
}

void SimulatedFile::FailSync(SeededChances& chances) {
  durable_ = AfterPowerCut(chances);
  unsynced_.clear();
}

std::string SimulatedFile::AfterPowerCut(SeededChances& chances) const {
  std::string content = durable_;
  Survival survival(unsynced_.size(), chances);
  std::vector<std::pair<int64_t, absl::string_view>> sectors;
  // Sizes are metadata, which a journal keeps in order; what is written between
  // two of them is not.
  const auto flush = [&] {
    if (survival.any_order()) {
      for (size_t i = sectors.size(); i > 1; --i) {
        std::swap(sectors[i - 1], sectors[chances.Below(i)]);
      }
    }
    for (const auto& [offset, bytes] : sectors) Put(offset, bytes, content);
    sectors.clear();
  };
  for (size_t i = 0; i < unsynced_.size(); ++i) {
    const Change& change = unsynced_[i];
    if (change.truncate) {
      flush();
      if (survival.Of(i)) content.resize(static_cast<size_t>(change.offset));
      continue;
    }
    const int64_t end = change.offset + static_cast<int64_t>(change.bytes.size());
    for (int64_t at = change.offset; at < end;) {
      const int64_t next = std::min(end, (at / kSector + 1) * kSector);
      if (survival.Of(i)) {
        sectors.emplace_back(at, absl::string_view(change.bytes)
                                     .substr(static_cast<size_t>(at - change.offset),
                                             static_cast<size_t>(next - at)));
      }
      at = next;
    }
  }
  flush();
  return content;
}

SimulatedDirectory::File SimulatedDirectory::Find(absl::string_view path) const {
  const auto found = seen_.find(path);
  return found == seen_.end() ? nullptr : found->second;
}

void SimulatedDirectory::Link(const std::string& path, File file) {
  Note({path, std::move(file), {}});
}

void SimulatedDirectory::Rename(const std::string& from, const std::string& to) {
  Note({to, Find(from), from});
}

void SimulatedDirectory::Remove(const std::string& path) { Note({path, nullptr, {}}); }

void SimulatedDirectory::Note(Change change) {
  Apply(change, seen_);
  unsynced_.push_back(std::move(change));
}

void SimulatedDirectory::Apply(const Change& change, Entries& entries) {
  if (change.file == nullptr) {
    entries.erase(change.path);
    return;
  }
  if (!change.from.empty()) entries.erase(change.from);
  entries[change.path] = change.file;
}

void SimulatedDirectory::Sync(absl::string_view path) {
  const absl::string_view directory = DirectoryOf(path);
  std::vector<Change> rest;
  for (Change& change : unsynced_) {
    if (DirectoryOf(change.path) == directory) {
      Apply(change, durable_);
    } else {
      rest.push_back(std::move(change));
    }
  }
  unsynced_ = std::move(rest);
}

SimulatedDirectory::Entries SimulatedDirectory::AfterPowerCut(SeededChances& chances) const {
  Entries entries = durable_;
  Survival survival(unsynced_.size(), chances);
  for (size_t i = 0; i < unsynced_.size(); ++i) {
    if (survival.Of(i)) Apply(unsynced_[i], entries);
  }
  return entries;
}

}  // namespace fieldgate
