#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/sqlite/page_image.h"

namespace fieldgate::sqlite {

// A value of a row as it is stored.
struct Field {
  enum class Type { kNull, kInt, kReal, kText, kBlob };
  Type type = Type::kNull;
  int64_t number = 0;
  double real = 0;
  std::string bytes;  // of a text or blob
};

// A cell of a page of rows.
struct Cell {
  int64_t rowid = 0;  // of a table with rowids
  std::vector<Field> fields;
};

enum class PageKind {
  kOther,
  kTableInner,
  kTableLeaf,
  kIndexInner,  // also rows of a table without rowids
  kIndexLeaf,
};

// A page of a b-tree (SQLite's file format, section 1.6). It takes any bytes: what
// does not fit into the page is not there.
class BtreePage {
 public:
  BtreePage(std::string bytes, uint32_t number);

  PageKind kind() const { return kind_; }
  // That it claims to have.
  int cells() const { return cells_; }
  // Pages below it, from left to right; only those of inner pages.
  std::vector<uint32_t> Children() const;
  // False: the cell is damaged. Values that go on in other pages are read from
  // `image`.
  bool ReadCell(int index, PageImage& image, Cell& cell) const;

 private:
  bool IsInner() const { return kind_ == PageKind::kTableInner || kind_ == PageKind::kIndexInner; }
  size_t CellAt(int index) const;  // 0: outside of the page

  const std::string bytes_;
  const size_t header_;
  PageKind kind_ = PageKind::kOther;
  int cells_ = 0;
};

// The values of a record; false: it is none.
bool DecodeRecord(absl::string_view payload, std::vector<Field>& fields);

}  // namespace fieldgate::sqlite
