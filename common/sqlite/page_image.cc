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

}  // namespace

absl::StatusOr<std::unique_ptr<PageImage>> PageImage::Open(Disk& disk, const std::string& path,
                                                           int page_size) {
  absl::StatusOr<std::unique_ptr<VfsFile>> file = VfsFile::Open(disk, path, /*writable=*/false);
  if (!file.ok()) return file.status();
  std::unique_ptr<VfsFile> wal;
  const std::string wal_path = absl::StrCat(path, "-wal");
  if (disk.Exists(wal_path)) {
    absl::StatusOr<std::unique_ptr<VfsFile>> opened =
        VfsFile::Open(disk, wal_path, /*writable=*/false);
    if (opened.ok()) wal = *std::move(opened);
  }
  std::unique_ptr<PageImage> image(new PageImage(*std::move(file), std::move(wal)));
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
  page_size_ = page_size;
  const absl::StatusOr<int64_t> size = file_->Size();
  if (!size.ok()) return size.status();
  const int64_t in_file = (*size + page_size_ - 1) / page_size_;
  pages_ = static_cast<uint32_t>(std::min<int64_t>(in_file, kMaxPages));
  for (const auto& [page, offset] : in_wal_.offset) {
    if (page <= kMaxPages) pages_ = std::max(pages_, page);
  }
  // The header as it is in force.
  std::string first;
  if (pages_ > 0 && Read(1, first)) {
    const std::string wrong = HeaderDamage(first);
    header_ok_ = wrong.empty();
    if (damage_.empty()) damage_ = wrong;
    // All that the header says of the file's length is there.
    if (header_ok_ && damage_.empty() && Be32(first, 24) == Be32(first, 92) &&
        Be32(first, 28) > pages_) {
      damage_ = absl::StrCat("it ends before its page ", Be32(first, 28));
    }
  }
  if (header_ok_) {
    user_version_ = Be32(first, 60);
    first_trunk_ = Be32(first, 32);
  }
  if (damage_.empty()) damage_ = in_wal_.damage;
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
