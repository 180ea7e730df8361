#include "common/sqlite/wal_reader.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sqlite/bytes.h"

namespace fieldgate::sqlite {
namespace {

constexpr int64_t kHeaderBytes = 32;
constexpr size_t kFrameHeaderBytes = 24;
constexpr uint32_t kMagic = 0x377f0682;  // its lowest bit: sums of big-endian words

struct Sum {
  uint32_t first = 0;
  uint32_t second = 0;

  friend bool operator==(const Sum&, const Sum&) = default;
};

struct Frame {
  uint32_t page = 0;
  uint32_t commit = 0;  // pages of the database after it; 0: the transaction goes on
  uint64_t salt = 0;
  Sum sum;
};

Sum Add(Sum sum, absl::string_view bytes, bool big_endian) {
  for (size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    const uint32_t a = big_endian ? Be32(bytes, i) : Le32(bytes, i);
    const uint32_t b = big_endian ? Be32(bytes, i + 4) : Le32(bytes, i + 4);
    sum.first += a + sum.second;
    sum.second += b + sum.first;
  }
  return sum;
}

class Reader {
 public:
  Reader(VfsFile& wal, int64_t size, int page_size) : wal_(wal), page_size_(page_size) {
    if (size > kHeaderBytes) frames_ = (size - kHeaderBytes) / FrameBytes();
  }

  int64_t frames() const { return frames_; }
  int64_t OffsetOf(int64_t frame) const { return kHeaderBytes + frame * FrameBytes(); }

  // False: it can't be read. `before` is the sum of what comes before it;
  // `verified` tells whether the frame is what was written.
  bool Read(int64_t frame, Sum before, bool big_endian, Frame& out, bool& verified) {
    if (!wal_.Read(OffsetOf(frame), static_cast<size_t>(FrameBytes()), bytes_).ok()) return false;
    out.page = Be32(bytes_, 0);
    out.commit = Be32(bytes_, 4);
    out.salt = Be64(bytes_, 8);
    out.sum = {Be32(bytes_, 16), Be32(bytes_, 20)};
    const absl::string_view view = bytes_;
    const Sum sum =
        Add(Add(before, view.substr(0, 8), big_endian), view.substr(kFrameHeaderBytes), big_endian);
    verified = out.page != 0 && sum == out.sum;
    return true;
  }

 private:
  int64_t FrameBytes() const {
    return static_cast<int64_t>(kFrameHeaderBytes) + static_cast<int64_t>(page_size_);
  }

  VfsFile& wal_;
  const int page_size_;
  int64_t frames_ = 0;
  std::string bytes_;
};

// What frames up to the last committed one add.
class Overlay {
 public:
  explicit Overlay(WalPages& pages) : pages_(pages) {}

  void Take(const Frame& frame, int64_t offset) {
    pending_.emplace_back(frame.page, offset);
    if (frame.commit == 0) return;
    for (const auto& [page, at] : pending_) pages_.offset[page] = at;
    pending_.clear();
  }
  void Drop() { pending_.clear(); }

 private:
  WalPages& pages_;
  std::vector<std::pair<uint32_t, int64_t>> pending_;
};

struct Found {
  WalPages pages;
  bool any = false;  // a frame that verifies
};

// Frames of `salt` (any if 0, then that of the first one that verifies), the
// first of which follows `start`.
Found Follow(Reader& reader, Sum start, uint64_t salt, bool big_endian, bool header_ok) {
  Found found;
  WalPages tail;  // what is behind the first damage, with all that is before it
  Overlay overlay(found.pages);
  int64_t damaged_at = header_ok ? -1 : 0;
  int64_t committed_behind = -1;
  bool proven = !header_ok;
  Frame last_commit;
  Sum before = start;
  for (int64_t i = 0; i < reader.frames(); ++i) {
    Frame frame;
    bool verified = false;
    if (!reader.Read(i, before, big_endian, frame, verified)) {
      before = {};
      verified = false;
    } else {
      before = frame.sum;
    }
    const bool ours = salt == 0 || frame.salt == salt;
    if (!verified || !ours) {
      if (damaged_at < 0) {
        damaged_at = i;
        overlay.Drop();
        tail = found.pages;
      }
      continue;
    }
    salt = frame.salt;
    found.any = true;
    if (damaged_at >= 0) {
      // A commit is synced before the next transaction begins (but for copies of
      // its last frame, which fill a sector): so one that was followed by another
      // had come to its end, and what is damaged in it was whole once.
      const bool copy = frame.page == last_commit.page && frame.commit == last_commit.commit;
      if (committed_behind >= 0 && !copy) proven = true;
      if (frame.commit != 0) committed_behind = i;
    }
    if (frame.commit != 0) last_commit = frame;
    overlay.Take(frame, reader.OffsetOf(i));
  }
  if (damaged_at >= 0 && !proven) {
    found.pages = std::move(tail);
  } else if (damaged_at >= 0 && found.any) {
    found.pages.damage =
        header_ok ? absl::StrCat("the write-ahead log is damaged at its frame ", damaged_at + 1)
                  : "the header of the write-ahead log is damaged";
  }
  return found;
}

}  // namespace

absl::StatusOr<WalPages> ReadWal(VfsFile& wal, int page_size) {
  const absl::StatusOr<int64_t> size = wal.Size();
  if (!size.ok()) return size.status();
  if (*size <= kHeaderBytes) return WalPages();
  std::string header;
  absl::Status status = wal.Read(0, static_cast<size_t>(kHeaderBytes), header);
  const uint32_t magic = status.ok() ? Be32(header, 0) : 0;
  const int header_page_size = status.ok() ? static_cast<int>(Be32(header, 8)) : 0;
  const bool big_endian = (magic & 1) != 0;
  const Sum sum =
      status.ok() ? Add({}, absl::string_view(header).substr(0, 24), big_endian) : Sum();
  if (status.ok() && (magic & ~1u) == kMagic && IsPageSize(header_page_size) &&
      sum == Sum{Be32(header, 24), Be32(header, 28)}) {
    Reader reader(wal, *size, header_page_size);
    Found found = Follow(reader, sum, Be64(header, 16), big_endian, /*header_ok=*/true);
    found.pages.page_size = header_page_size;
    return std::move(found.pages);
  }
  if (!IsPageSize(page_size)) return WalPages();
  // Without a header the first frame can't be verified, but those behind it can.
  for (const bool big : {false, true}) {
    Reader reader(wal, *size, page_size);
    Found found = Follow(reader, {}, 0, big, /*header_ok=*/false);
    if (!found.any) continue;
    return std::move(found.pages);
  }
  return WalPages();
}

}  // namespace fieldgate::sqlite
