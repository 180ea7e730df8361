#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sqlite/page_image.h"
#include "common/sqlite/sqlite.h"
#include "common/sqlite/table_shape.h"

namespace fieldgate::sqlite {

struct SalvageRules {
  // Tables that are not copied, since they follow from others.
  std::set<std::string> derived;
  // Those that are copied last, and in part when the disk is short of space; all
  // others are copied wholly or the salvage fails. None: there are none.
  std::function<bool(absl::string_view table)> bulk;
  // Of a row that fits its table: false, it can't be true. None: all can.
  std::function<bool(const SalvagedRow&)> plausible;
  // The statement that creates a table that no migration does; "": it is unknown.
  std::function<std::string(absl::string_view table)> create;
  // The statements that create such tables that are missing by what the rows so far
  // say, when the schema of the damaged file did not name them; "": there are none.
  std::function<absl::StatusOr<std::string>(Database&)> create_missing;
};

struct Salvaged {
  uint64_t rows = 0;
  // Rows that are there but damaged. There may have been more in pages that can't
  // be read.
  uint64_t damaged_rows = 0;
  // Pages that a table's b-tree needs, but that are none of its pages.
  uint64_t damaged_pages = 0;
  // Of these, those that are known to be of a table, or of its indexes.
  std::map<std::string, uint64_t> damaged_pages_of;
  // Pages whose content is unknown, damaged and free ones whose list is lost
  // among them: all rows that are missing were there.
  uint64_t lost_pages = 0;
  // The header is lost, so the file may have had any number of pages more.
  bool extent_unknown = false;
  // Not all rows were copied: the disk is short of space.
  bool disk_full = false;
};

// Copies all rows of `from` that can be read into the tables of `to`, which is
// new and has the schema that `from` had. Where the b-tree of a table is sound, it
// is followed; pages that no b-tree leads to, and no list of free pages names, are
// rows of the table that they fit best. Of two rows with one key the first stays,
// those in b-trees come first. Constraints of the schema hold, but for foreign
// keys; whose tables must be mended afterwards.
//
// Of bulk tables no more is copied than `max_bytes` of the new file leave (DiskBytes),
// the rows of the others counted.
//
// kUnavailable: the disk fails or is full, or `stopped`, which is asked at each page,
//               says so.
absl::StatusOr<Salvaged> CopyRows(PageImage& from, Database& to, const SalvageRules& rules,
                                  int64_t max_bytes, const std::function<bool()>& stopped);

}  // namespace fieldgate::sqlite
