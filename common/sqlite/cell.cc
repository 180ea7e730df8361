#include "common/sqlite/cell.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "common/sqlite/bytes.h"

namespace fieldgate::sqlite {
namespace {

// A row of ours has at most some megabytes.
constexpr uint64_t kMaxPayload = 64 << 20;
// SQLite's own bound of columns.
constexpr size_t kMaxFields = 2000;

// Bytes of a value of this serial type; false: there is no such type.
bool SizeOfType(uint64_t type, uint64_t& size) {
  constexpr uint8_t kSizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
  if (type < std::size(kSizes)) {
    size = kSizes[type];
    return true;
  }
  if (type < 12) return false;
  size = (type - 12) / 2;
  return true;
}

int64_t SignedBe(absl::string_view bytes) {
  uint64_t value = !bytes.empty() && (Byte(bytes, 0) & 0x80u) != 0 ? ~uint64_t{0} : 0;
  for (size_t i = 0; i < bytes.size(); ++i) value = (value << 8) | Byte(bytes, i);
  return static_cast<int64_t>(value);
}

Field Decode(uint64_t type, absl::string_view bytes) {
  Field field;
  if (type == 0) return field;
  if (type == 7) {
    field.type = Field::Type::kReal;
    field.real = std::bit_cast<double>(Be64(bytes, 0));
  } else if (type >= 12) {
    field.type = type % 2 == 0 ? Field::Type::kBlob : Field::Type::kText;
    field.bytes = std::string(bytes);
  } else {
    field.type = Field::Type::kInt;
    field.number = type >= 8 ? static_cast<int64_t>(type - 8) : SignedBe(bytes);
  }
  return field;
}

// What of a payload is in the page itself.
uint64_t LocalBytes(uint64_t payload, uint64_t page_size, bool table) {
  const uint64_t most = table ? page_size - 35 : (page_size - 12) * 64 / 255 - 23;
  if (payload <= most) return payload;
  const uint64_t least = (page_size - 12) * 32 / 255 - 23;
  const uint64_t fitting = least + (payload - least) % (page_size - 4);
  return fitting <= most ? fitting : least;
}

}  // namespace

bool DecodeRecord(absl::string_view payload, std::vector<Field>& fields) {
  fields.clear();
  uint64_t header = 0;
  size_t at = Varint(payload, 0, header);
  if (at == 0 || header < at || header > payload.size()) return false;
  const absl::string_view types = payload.substr(0, static_cast<size_t>(header));
  uint64_t value_at = header;
  while (at < types.size()) {
    uint64_t type = 0;
    uint64_t size = 0;
    const size_t length = Varint(types, at, type);
    if (length == 0 || !SizeOfType(type, size) || size > payload.size() - value_at ||
        fields.size() == kMaxFields) {
      return false;
    }
    fields.push_back(
        Decode(type, payload.substr(static_cast<size_t>(value_at), static_cast<size_t>(size))));
    value_at += size;
    at += length;
  }
  return value_at == payload.size();
}

BtreePage::BtreePage(std::string bytes, uint32_t number)
    : bytes_(std::move(bytes)), header_(number == 1 ? 100 : 0) {
  switch (Byte(bytes_, header_)) {
    case 0x02:
      kind_ = PageKind::kIndexInner;
      break;
    case 0x05:
      kind_ = PageKind::kTableInner;
      break;
    case 0x0a:
      kind_ = PageKind::kIndexLeaf;
      break;
    case 0x0d:
      kind_ = PageKind::kTableLeaf;
      break;
    default:
      return;
  }
  // A cell takes at least 4 bytes with its pointer.
  const auto most = static_cast<uint32_t>(bytes_.size() / 4);
  cells_ = static_cast<int>(std::min(Be16(bytes_, header_ + 3), most));
}

size_t BtreePage::CellAt(int index) const {
  const size_t pointers = header_ + (IsInner() ? 12 : 8);
  const size_t at = Be16(bytes_, pointers + 2 * static_cast<size_t>(index));
  return at >= pointers + 2 * static_cast<size_t>(cells_) && at < bytes_.size() ? at : 0;
}

std::vector<uint32_t> BtreePage::Children() const {
  std::vector<uint32_t> children;
  if (!IsInner()) return children;
  for (int i = 0; i < cells_; ++i) {
    const size_t at = CellAt(i);
    if (at != 0) children.push_back(Be32(bytes_, at));
  }
  children.push_back(Be32(bytes_, header_ + 8));
  return children;
}

bool BtreePage::ReadCell(int index, PageImage& image, Cell& cell) const {
  size_t at = CellAt(index);
  if (at == 0 || kind_ == PageKind::kTableInner) return false;
  const absl::string_view page = bytes_;
  if (kind_ == PageKind::kIndexInner) at += 4;
  uint64_t size = 0;
  size_t length = Varint(page, at, size);
  if (length == 0 || size > kMaxPayload || size > uint64_t{image.pages()} * bytes_.size()) {
    return false;
  }
  at += length;
  const bool table = kind_ == PageKind::kTableLeaf;
  if (table) {
    uint64_t rowid = 0;
    length = Varint(page, at, rowid);
    if (length == 0) return false;
    at += length;
    cell.rowid = static_cast<int64_t>(rowid);
  }
  const uint64_t local = LocalBytes(size, bytes_.size(), table);
  if (at > bytes_.size() || local > bytes_.size() - at) return false;
  if (local == size) return DecodeRecord(page.substr(at, static_cast<size_t>(size)), cell.fields);

  std::string payload(page.substr(at, static_cast<size_t>(local)));
  uint32_t next = Be32(page, at + static_cast<size_t>(local));
  std::string more;
  // Each page adds some bytes, so a circle comes to an end.
  while (payload.size() < size) {
    if (next < 2 || next > image.pages() || !image.Read(next, more)) return false;
    image.MarkUsed(next);
    // No content of ours is a page of zeros.
    if (std::all_of(more.begin(), more.end(), [](char c) { return c == 0; })) return false;
    next = Be32(more, 0);
    const uint64_t part = std::min<uint64_t>(size - payload.size(), more.size() - 4);
    payload.append(more, 4, static_cast<size_t>(part));
  }
  return next == 0 && DecodeRecord(payload, cell.fields);
}

}  // namespace fieldgate::sqlite
