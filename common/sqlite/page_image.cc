#include "common/sqlite/page_image.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/sqlite/bytes.h"

namespace fieldgate::sqlite {
namespace {

constexpr absl::string_view kMagic("SQLite format 3\0", 16);
constexpr size_t kHeaderBytes = 100;
// A database of 4 KB pages may be this large; ours are bounded far below.
constexpr uint32_t kMaxPages = 1u << 24;

// What is wrong with the header of a database of ours.
std::string HeaderDamage(absl::string_view header) {
  if (!absl::StartsWith(header, kMagic)) return "it does not begin like a database";
  const uint32_t page_size = Be16(header, 16) == 1 ? 65536 : Be16(header, 16);
  const bool fractions = Byte(header, 21) == 64 && Byte(header, 22) == 32 && Byte(header, 23) == 32;
  const bool versions = Byte(header, 18) - 1u <= 1 && Byte(header, 19) - 1u <= 1;
  const bool utf8 = Be32(header, 56) <= 1;
  if (!IsPageSize(page_size) || !fractions || !versions || !utf8 || Byte(header, 20) != 0 ||
      Be32(header, 44) > 4 || Be32(header, 52) != 0) {
    return "its header is damaged";
  }
  return "";
}

// A page of a b-tree whose cells fill it from its end, which tells its size.
bool LooksLikeBtree(absl::string_view bytes) {
  const uint8_t kind = Byte(bytes, 0);
  if (kind != 0x02 && kind != 0x05 && kind != 0x0a && kind != 0x0d) return false;
  const size_t pointers = kind <= 0x05 ? 12 : 8;
  const size_t cells = Be16(bytes, 3);
  if (cells == 0 || pointers + 2 * cells > bytes.size()) return false;
  size_t last = 0;
  for (size_t i = 0; i < cells; ++i) {
    const size_t at = Be16(bytes, pointers + 2 * i);
    if (at < pointers + 2 * cells) return false;
    last = std::max(last, at);
  }
  return last < bytes.size() && last >= bytes.size() / 2;
}

// The size with which most of the pages look like pages. `expected` is taken unless
// another one fits better; former versions of the program had other ones.
int GuessPageSize(VfsFile& file, int64_t size, int expected) {
  constexpr int64_t kSamples = 200;
  const auto score = [&](int candidate) {
    const int64_t pages = size / candidate;
    const int64_t step = std::max<int64_t>(pages / kSamples, 1);
    int64_t fitting = 0;
    int64_t seen = 0;
    std::string bytes;
    for (int64_t page = 1; page < pages; page += step) {
      ++seen;
      const auto bytes_a_page = static_cast<size_t>(candidate);
      if (file.Read(page * candidate, bytes_a_page, bytes).ok() && LooksLikeBtree(bytes)) ++fitting;
    }
    return seen == 0 ? 0.0 : static_cast<double>(fitting) / static_cast<double>(seen);
  };
  double best = score(expected);
  int guess = expected;
  for (int candidate = 512; candidate <= 65536; candidate *= 2) {
    const double fit = score(candidate);
    if (fit <= best) continue;
    best = fit;
    guess = candidate;
  }
  return guess;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PageImage>> PageImage::Open(Disk& disk, const std::string& path,
                                                           int page_size) {
  absl::StatusOr<std::unique_ptr<VfsFile>> file = VfsFile::Open(disk, path, /*writable=*/false);
  if (!file.ok()) return file.status();
  std::unique_ptr<VfsFile> wal;
  const std::string wal_path = absl::StrCat(path, "-wal");
  const absl::StatusOr<FileIdentity> log = disk.Identify(wal_path);
  if (!log.ok()) return log.status();
  if (log->kind == FileIdentity::Kind::kFile) {
    absl::StatusOr<std::unique_ptr<VfsFile>> opened =
        VfsFile::Open(disk, wal_path, /*writable=*/false);
    if (!opened.ok()) return opened.status();
    wal = *std::move(opened);
  }
  std::unique_ptr<PageImage> image(new PageImage(*std::move(file), std::move(wal)));
  image->log_usable_ = log->kind != FileIdentity::Kind::kUnusable;
  if (absl::Status status = image->ReadHeaders(page_size); !status.ok()) return status;
  return image;
}

absl::Status PageImage::ReadHeaders(int page_size) {
  std::string header;
  const bool readable = file_->Read(0, kHeaderBytes, header).ok();
  damage_ = readable ? HeaderDamage(header) : "its header can't be read";
  if (damage_.empty()) {
    page_size = Be16(header, 16) == 1 ? 65536 : static_cast<int>(Be16(header, 16));
  }
  if (wal_ != nullptr) {
    absl::StatusOr<WalPages> pages = ReadWal(*wal_, page_size);
    if (!pages.ok()) {
      damage_ = std::string(pages.status().message());
    } else {
      in_wal_ = *std::move(pages);
      if (!damage_.empty() && in_wal_.page_size != 0) page_size = in_wal_.page_size;
      if (in_wal_.page_size != 0 && in_wal_.page_size != page_size) in_wal_ = {};
    }
  }
  const absl::StatusOr<int64_t> size = file_->Size();
  if (!size.ok()) return size.status();
  if (!damage_.empty() && in_wal_.page_size == 0)
    page_size = GuessPageSize(*file_, *size, page_size);
  page_size_ = page_size;
  const int64_t in_file = (*size + page_size_ - 1) / page_size_;
  pages_ = static_cast<uint32_t>(std::min<int64_t>(in_file, kMaxPages));
  for (const auto& [page, offset] : in_wal_.offset) {
    if (page <= kMaxPages) pages_ = std::max(pages_, page);
  }
  used_.resize(size_t{pages_} + 1);
  // The header as it is in force.
  std::string first;
  if (pages_ > 0 && Read(1, first)) {
    const std::string wrong = HeaderDamage(first);
    header_ok_ = wrong.empty();
    if (damage_.empty()) damage_ = wrong;
    // What the header says of the file's length is right if it is as new as the rest.
    if (header_ok_ && Be32(first, 24) == Be32(first, 92) && Be32(first, 28) > pages_) {
      missing_pages_ = std::min(Be32(first, 28), kMaxPages) - pages_;
      if (damage_.empty()) damage_ = absl::StrCat("it ends before its page ", Be32(first, 28));
    }
  }
  if (header_ok_) {
    user_version_ = Be32(first, 60);
    first_trunk_ = Be32(first, 32);
  }
  if (damage_.empty()) damage_ = in_wal_.damage;
  if (damage_.empty() && !log_usable_) {
    damage_ = "its log is a directory, or the service may not read and write it";
  }
  return absl::OkStatus();
}

bool PageImage::Read(uint32_t page, std::string& to) {
  const auto size = static_cast<size_t>(page_size_);
  const auto in_wal = in_wal_.offset.find(page);
  if (in_wal != in_wal_.offset.end()) {
    constexpr int64_t kFrameHeader = 24;
    return wal_->Read(in_wal->second + kFrameHeader, size, to).ok();
  }
  if (page == 0) return false;
  return file_->Read(int64_t{page - 1} * page_size_, size, to).ok();
}

bool PageImage::TakeTrunk(const std::string& bytes, std::vector<bool>& free) const {
  const uint32_t next = Be32(bytes, 0);
  const uint32_t count = Be32(bytes, 4);
  if (next > pages_ || next == 1 || count > static_cast<uint32_t>(page_size_) / 4 - 2) return false;
  std::vector<bool> named = free;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t page = Be32(bytes, 8 + size_t{4} * i);
    if (page < 2 || page > pages_ || named[page]) return false;
    named[page] = true;
  }
  free = std::move(named);
  return true;
}

std::vector<bool> PageImage::FreePages() {
  std::vector<bool> free(size_t{pages_} + 1);
  std::string bytes;
  if (header_ok_) {
    for (uint32_t trunk = first_trunk_; trunk > 1 && trunk <= pages_ && !free[trunk];) {
      free[trunk] = true;
      if (!Read(trunk, bytes) || !TakeTrunk(bytes, free)) break;
      trunk = Be32(bytes, 0);
    }
    return free;
  }
  // Pages of the list look like nothing else: numbers of pages that are all
  // different. A single one may be chance.
  for (uint32_t page = 2; page <= pages_; ++page) {
    if (free[page] || !Read(page, bytes) || Be32(bytes, 4) < 2) continue;
    if (TakeTrunk(bytes, free)) free[page] = true;
  }
  return free;
}

}  // namespace fieldgate::sqlite
