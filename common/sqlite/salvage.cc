#include "common/sqlite/salvage.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/sqlite/row_size.h"

namespace fieldgate::sqlite {
namespace {

// A b-tree of 2^24 pages has fewer levels.
constexpr size_t kMaxDepth = 24;

// Of an object of the schema.
struct Root {
  std::string type;  // "table", "index"
  std::string name;
  std::string table;
  uint32_t page = 0;
};

const TableShape& SchemaShape() {
  static const TableShape& shape = *new TableShape{
      .name = "sqlite_schema",
      .without_rowid = false,
      .columns = {{"type", "TEXT", true, false},
                  {"name", "TEXT", true, false},
                  {"tbl_name", "TEXT", true, false},
                  {"rootpage", "INTEGER", true, false},
                  {"sql", "TEXT", false, false}},
      .rowid_column = -1,
  };
  return shape;
}

// Adds rows to one table.
class Writer {
 public:
  static absl::StatusOr<Writer> Make(Database& to, const TableShape& table) {
    std::vector<std::string> names;
    std::vector<std::string> places;
    for (size_t i = 0; i < table.columns.size(); ++i) {
      names.push_back(absl::StrCat("\"", table.columns[i].name, "\""));
      places.push_back(absl::StrCat("?", i + 1));
    }
    // A row of fewer columns is older than the others, which have their defaults.
    return Writer(to, table, std::move(names), std::move(places));
  }

  // False: a constraint refuses the row, or the key is there already.
  absl::StatusOr<bool> Add(const std::vector<Field>& fields) {
    absl::StatusOr<Statement*> insert = InsertOf(fields.size());
    if (!insert.ok()) return insert.status();
    Statement& statement = **insert;
    for (size_t i = 0; i < fields.size(); ++i) {
      const int place = static_cast<int>(i) + 1;
      const Field& field = fields[i];
      switch (field.type) {
        case Field::Type::kNull:
          statement.BindNull(place);
          break;
        case Field::Type::kInt:
          statement.BindInt(place, field.number);
          break;
        case Field::Type::kReal:
          statement.BindDouble(place, field.real);
          break;
        case Field::Type::kText:
          statement.BindText(place, field.bytes);
          break;
        case Field::Type::kBlob:
          statement.BindBlob(place, field.bytes);
          break;
      }
    }
    const absl::Status status = statement.Run();
    if (absl::IsAlreadyExists(status)) return false;
    if (!status.ok()) return status;
    return to_->Changes() > 0;
  }

 private:
  Writer(Database& to, const TableShape& table, std::vector<std::string> names,
         std::vector<std::string> places)
      : to_(&to), table_(&table), names_(std::move(names)), places_(std::move(places)) {}

  absl::StatusOr<Statement*> InsertOf(size_t columns) {
    const auto found = inserts_.find(columns);
    if (found != inserts_.end()) {
      found->second.Reset();
      return &found->second;
    }
    const auto first = static_cast<std::ptrdiff_t>(columns);
    absl::StatusOr<Statement> insert = to_->Prepare(
        absl::StrCat("INSERT OR IGNORE INTO \"", table_->name, "\" (",
                     absl::StrJoin(names_.begin(), names_.begin() + first, ", "), ") VALUES (",
                     absl::StrJoin(places_.begin(), places_.begin() + first, ", "), ")"));
    if (!insert.ok()) return insert.status();
    return &inserts_.emplace(columns, *std::move(insert)).first->second;
  }

  Database* to_;
  const TableShape* table_;
  std::vector<std::string> names_;
  std::vector<std::string> places_;
  std::map<size_t, Statement> inserts_;
};

class Copier {
 public:
  Copier(PageImage& from, Database& to, const SalvageRules& rules, int64_t max_bytes,
         const std::function<bool()>& stopped)
      : from_(from),
        to_(to),
        rules_(rules),
        stopped_(stopped),
        bytes_left_(max_bytes),
        seen_(size_t{from.pages()} + 1),
        free_(from.FreePages()) {}

  absl::StatusOr<Salvaged> Run() {
    result_.extent_unknown = !from_.header_ok();
    if (from_.pages() == 0) return result_;
    ReadSchema();
    if (absl::Status s = CreateTables(); !s.ok()) return s;
    if (absl::Status s = ReadTables(); !s.ok()) return s;
    // What migrations put there gives way to what the file had.
    for (const TableShape& shape : shapes_) {
      absl::Status s = to_.Execute(absl::StrCat("DELETE FROM \"", shape.name, "\""));
      if (!s.ok()) return s;
    }
    // Indexes come along with their tables, but their pages must not be taken for
    // rows. So must those of tables that we don't know.
    for (const Root& root : roots_) {
      if (FindShape(root) != nullptr) continue;
      Walk(root.page, root.type == "table", [](const BtreePage&) {
        return absl::OkStatus();
      }).IgnoreError();
      result_.damaged_pages = 0;
    }
    std::stable_partition(roots_.begin(), roots_.end(),
                          [this](const Root& root) { return !IsBulk(root.name); });
    for (const Root& root : roots_) {
      const TableShape* const shape = FindShape(root);
      if (shape == nullptr) continue;
      const absl::Status status = WalkRoot(root, !shape->without_rowid, [&](const BtreePage& page) {
        return CopyPage(page, *shape, /*orphan=*/false);
      });
      if (!status.ok()) return status;
    }
    if (absl::Status s = CopyOrphans(); !s.ok()) return s;
    if (absl::Status s = CopyMissingTables(); !s.ok()) return s;
    CountLost();
    return result_;
  }

 private:
  using Visit = std::function<absl::Status(const BtreePage&)>;

  bool Usable(uint32_t page) const { return page >= 1 && page <= from_.pages() && !seen_[page]; }

  const TableShape* FindShape(const Root& root) const {
    if (root.type != "table") return nullptr;
    for (const TableShape& shape : shapes_) {
      if (shape.name == root.name) return &shape;
    }
    return nullptr;
  }

  bool IsBulk(absl::string_view table) const {
    return rules_.bulk != nullptr && rules_.bulk(table);
  }

  absl::Status WalkRoot(const Root& root, bool table, const Visit& visit) {
    const uint64_t before = result_.damaged_pages;
    const absl::Status status = Walk(root.page, table, visit);
    result_.damaged_pages_of[root.table] += result_.damaged_pages - before;
    return status;
  }

  // All pages of a b-tree that can be reached, from left to right.
  absl::Status Walk(uint32_t root, bool table, const Visit& visit) {
    std::vector<std::pair<uint32_t, size_t>> open = {{root, 0}};  // page, depth
    std::string bytes;
    while (!open.empty()) {
      const auto [number, depth] = open.back();
      open.pop_back();
      if (!Usable(number) || depth > kMaxDepth || !from_.Read(number, bytes)) {
        ++result_.damaged_pages;
        continue;
      }
      const BtreePage page(bytes, number);
      const PageKind kind = page.kind();
      const bool fits = table ? kind == PageKind::kTableInner || kind == PageKind::kTableLeaf
                              : kind == PageKind::kIndexInner || kind == PageKind::kIndexLeaf;
      if (!fits) {
        ++result_.damaged_pages;
        continue;
      }
      seen_[number] = true;
      if (kind != PageKind::kTableInner) {
        if (absl::Status s = visit(page); !s.ok()) return s;
      }
      const std::vector<uint32_t> children = page.Children();
      for (auto child = children.rbegin(); child != children.rend(); ++child) {
        open.emplace_back(*child, depth + 1);
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadTables() {
    absl::StatusOr<std::vector<TableShape>> shapes = ReadShapes(to_);
    if (!shapes.ok()) return shapes.status();
    writers_.clear();
    shapes_ = *std::move(shapes);
    for (const TableShape& shape : shapes_) {
      absl::StatusOr<Writer> writer = Writer::Make(to_, shape);
      if (!writer.ok()) return writer.status();
      writers_.emplace(shape.name, *std::move(writer));
    }
    return absl::OkStatus();
  }

  // From the schema's b-tree, and any page that holds rows like its rows.
  void ReadSchema() {
    const auto take = [this](const BtreePage& page) {
      Cell cell;
      std::vector<Field> fields;
      for (int i = 0; i < page.cells(); ++i) {
        if (!page.ReadCell(i, from_, cell) || !Fit(SchemaShape(), cell, fields)) continue;
        if (fields.size() != SchemaShape().columns.size()) continue;
        const std::string& type = fields[0].bytes;
        const int64_t root = fields[3].number;
        if ((type != "table" && type != "index") || root < 2 || root > from_.pages()) continue;
        const bool known = std::any_of(roots_.begin(), roots_.end(), [&](const Root& r) {
          return r.name == fields[1].bytes || r.page == root;
        });
        if (known) continue;
        // An automatic index has no text.
        const bool text = absl::StartsWith(fields[4].bytes, "CREATE ");
        if (!text && (type == "table" || fields[4].type != Field::Type::kNull)) continue;
        roots_.push_back({type, fields[1].bytes, fields[2].bytes, static_cast<uint32_t>(root)});
        ++found_;
      }
      return absl::OkStatus();
    };
    Walk(1, /*table=*/true, take).IgnoreError();
    if (result_.damaged_pages == 0) return;
    std::string bytes;
    for (uint32_t number = 2; number <= from_.pages(); ++number) {
      if (seen_[number] || free_[number] || !from_.Read(number, bytes)) continue;
      const BtreePage page(bytes, number);
      if (page.kind() != PageKind::kTableLeaf) continue;
      found_ = 0;
      take(page).IgnoreError();
      if (found_ > 0) seen_[number] = true;
    }
  }

  absl::Status CreateTables() {
    if (rules_.create == nullptr) return absl::OkStatus();
    for (const Root& root : roots_) {
      if (root.type != "table") continue;
      const std::string sql = rules_.create(root.name);
      if (sql.empty()) continue;
      if (absl::Status s = to_.Execute(sql); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  // The rows of a page that fit the table. Of a page of rowids, one that is out of
  // order is damaged.
  std::vector<std::vector<Field>> RowsOf(const BtreePage& page, const TableShape& table,
                                         bool orphan, uint64_t& damaged) {
    std::vector<std::pair<int64_t, std::vector<Field>>> rows;
    Cell cell;
    for (int i = 0; i < page.cells(); ++i) {
      std::vector<Field> fields;
      if (!page.ReadCell(i, from_, cell) || !Fit(table, cell, fields)) {
        ++damaged;
        continue;
      }
      SalvagedRow row{table, orphan, std::move(fields)};
      if (rules_.plausible != nullptr && !rules_.plausible(row)) {
        ++damaged;
        continue;
      }
      rows.emplace_back(cell.rowid, std::move(row.fields));
    }
    std::vector<std::vector<Field>> sorted;
    int64_t last = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (!table.without_rowid) {
        const int64_t id = rows[i].first;
        const bool behind = !sorted.empty() && id <= last;
        const bool ahead = i + 1 < rows.size() && id >= rows[i + 1].first &&
                           (sorted.empty() || rows[i + 1].first > last);
        // One that is larger than its successor is wrong if the others go on as if it
        // were not there.
        const bool last_but_one = i + 2 >= rows.size();
        const bool wrong = ahead && (last_but_one || rows[i + 2].first > rows[i + 1].first);
        if (behind || wrong) {
          ++damaged;
          continue;
        }
        last = id;
      }
      sorted.push_back(std::move(rows[i].second));
    }
    return sorted;
  }

  absl::Status CopyPage(const BtreePage& page, const TableShape& table, bool orphan) {
    if (stopped_()) return absl::UnavailableError("the salvage was stopped");
    if (rules_.derived.count(table.name) > 0) return absl::OkStatus();
    Writer& writer = writers_.at(table.name);
    const bool bulk = IsBulk(table.name);
    uint64_t damaged = 0;
    const std::vector<std::vector<Field>> rows = RowsOf(page, table, orphan, damaged);
    // A page without any row is none of the table, whatever it says.
    if (rows.empty() && damaged > 0) ++result_.damaged_pages;
    if (!rows.empty()) result_.damaged_rows += damaged;
    for (const std::vector<Field>& fields : rows) {
      int64_t bytes = 0;
      for (const Field& field : fields) bytes += static_cast<int64_t>(field.bytes.size());
      bytes = DiskBytes(bytes);
      if (bulk && bytes > bytes_left_) {
        result_.disk_full = true;
        ++result_.damaged_rows;
        continue;
      }
      const absl::StatusOr<bool> added =
          table.name == "sqlite_sequence" ? AddSequence(fields) : writer.Add(fields);
      if (!added.ok()) return added.status();
      if (!*added) continue;
      bytes_left_ -= bytes;
      if (table.name != "sqlite_sequence") ++result_.rows;
    }
    return absl::OkStatus();
  }

  // Numbers that were given out stay so, whatever became of their rows.
  absl::StatusOr<bool> AddSequence(const std::vector<Field>& fields) {
    if (fields.size() != 2) return false;
    absl::StatusOr<Statement*> update =
        to_.Cached("UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1");
    if (!update.ok()) return update.status();
    absl::Status s = (*update)->BindText(1, fields[0].bytes).BindInt(2, fields[1].number).Run();
    if (!s.ok()) return s;
    if (to_.Changes() > 0) return true;
    absl::StatusOr<Statement*> insert = to_.Cached(
        "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, ?2 WHERE ?1 IN"
        " (SELECT name FROM sqlite_schema WHERE type = 'table')");
    if (!insert.ok()) return insert.status();
    s = (*insert)->BindText(1, fields[0].bytes).BindInt(2, fields[1].number).Run();
    if (!s.ok()) return s;
    return to_.Changes() > 0;
  }

  // The table whose rows the page holds, as far as can be seen; nullptr: none's. Of
  // two that fit as well, the one whose columns are all there.
  const TableShape* OwnerOf(const BtreePage& page) {
    const bool table = page.kind() == PageKind::kTableLeaf;
    const TableShape* owner = nullptr;
    std::pair<size_t, size_t> best;  // rows, values in them
    for (const TableShape& shape : shapes_) {
      if (shape.without_rowid == table) continue;
      uint64_t damaged = 0;
      const std::vector<std::vector<Field>> rows = RowsOf(page, shape, /*orphan=*/true, damaged);
      if (rows.empty()) continue;
      const bool whole = rows[0].size() == shape.columns.size();
      const std::pair<size_t, size_t> fit = {rows.size(), whole ? 1 : 0};
      if (owner != nullptr && fit <= best) continue;
      best = fit;
      owner = &shape;
    }
    return owner;
  }

  absl::Status CopyOrphans() {
    std::string bytes;
    for (uint32_t number = 2; number <= from_.pages(); ++number) {
      if (seen_[number] || free_[number] || !from_.Read(number, bytes)) continue;
      const BtreePage page(bytes, number);
      if (page.kind() == PageKind::kTableInner) seen_[number] = true;
      if (page.kind() == PageKind::kOther || page.kind() == PageKind::kTableInner) continue;
      const TableShape* const owner = OwnerOf(page);
      if (owner == nullptr) continue;
      seen_[number] = true;
      if (absl::Status s = CopyPage(page, *owner, /*orphan=*/true); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status CopyMissingTables() {
    if (rules_.create_missing == nullptr) return absl::OkStatus();
    const absl::StatusOr<std::string> sql = rules_.create_missing(to_);
    if (!sql.ok()) return sql.status();
    if (sql->empty()) return absl::OkStatus();
    absl::Status status = to_.Execute(*sql);
    if (status.ok()) status = ReadTables();
    return status.ok() ? CopyOrphans() : status;
  }

  void CountLost() {
    result_.lost_pages = from_.missing_pages();
    for (uint32_t number = 1; number <= from_.pages(); ++number) {
      if (!seen_[number] && !free_[number] && !from_.used(number)) ++result_.lost_pages;
    }
  }

  PageImage& from_;
  Database& to_;
  const SalvageRules& rules_;
  const std::function<bool()>& stopped_;
  int64_t bytes_left_;
  std::vector<bool> seen_;
  const std::vector<bool> free_;
  std::vector<Root> roots_;
  int found_ = 0;
  std::vector<TableShape> shapes_;
  std::map<std::string, Writer> writers_;
  Salvaged result_;
};

}  // namespace

absl::StatusOr<Salvaged> CopyRows(PageImage& from, Database& to, const SalvageRules& rules,
                                  int64_t max_bytes, const std::function<bool()>& stopped) {
  return Copier(from, to, rules, max_bytes, stopped).Run();
}

}  // namespace fieldgate::sqlite
