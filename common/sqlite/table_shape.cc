#include "common/sqlite/table_shape.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace fieldgate::sqlite {
namespace {

bool MayHold(const TableShape::Column& column, const Field& field) {
  switch (field.type) {
    case Field::Type::kNull:
      return !column.not_null;
    case Field::Type::kInt:
      return column.type == "INTEGER" || column.type == "REAL" || column.type.empty();
    case Field::Type::kReal:
      return column.type == "REAL" || column.type.empty();
    case Field::Type::kText:
      return column.type == "TEXT" || column.type.empty();
    case Field::Type::kBlob:
      return column.type == "BLOB" || column.type.empty();
  }
  return false;
}

absl::StatusOr<TableShape> ReadShape(Database& database, const std::string& name,
                                     bool without_rowid) {
  TableShape shape;
  shape.name = name;
  shape.without_rowid = without_rowid;
  absl::StatusOr<Statement> read = database.Prepare(
      "SELECT name, upper(type), \"notnull\", pk, dflt_value IS NOT NULL FROM "
      "pragma_table_info(?1) ORDER BY cid");
  if (!read.ok()) return read.status();
  read->BindText(1, name);
  std::vector<std::pair<int64_t, TableShape::Column>> key;
  std::vector<TableShape::Column> rest;
  int keys = 0;
  while (true) {
    absl::StatusOr<bool> row = read->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    TableShape::Column column{std::string(read->Text(0)), std::string(read->Text(1)),
                              read->Int(2) != 0, read->Int(2) == 0 || read->Int(4) != 0};
    const int64_t pk = read->Int(3);
    if (pk > 0) ++keys;
    if (pk > 0 && without_rowid) {
      column.not_null = true;
      column.may_miss = false;
      key.emplace_back(pk, std::move(column));
      continue;
    }
    if (pk > 0 && column.type == "INTEGER") shape.rowid_column = static_cast<int>(rest.size());
    rest.push_back(std::move(column));
  }
  if (keys != 1) shape.rowid_column = -1;
  std::sort(key.begin(), key.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [place, column] : key) shape.columns.push_back(std::move(column));
  for (TableShape::Column& column : rest) shape.columns.push_back(std::move(column));
  return shape;
}

}  // namespace

int TableShape::Find(absl::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column) return static_cast<int>(i);
  }
  return -1;
}

const Field& SalvagedRow::operator[](absl::string_view column) const {
  static const Field& null = *new Field;
  const int place = table.Find(column);
  return place < 0 || static_cast<size_t>(place) >= fields.size()
             ? null
             : fields[static_cast<size_t>(place)];
}

absl::StatusOr<std::vector<TableShape>> ReadShapes(Database& database) {
  absl::StatusOr<Statement> read = database.Prepare(
      "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
      " AND (name NOT LIKE 'sqlite_%' OR name = 'sqlite_sequence') ORDER BY name");
  if (!read.ok()) return read.status();
  std::vector<TableShape> shapes;
  while (true) {
    absl::StatusOr<bool> row = read->Step();
    if (!row.ok()) return row.status();
    if (!*row) return shapes;
    absl::StatusOr<TableShape> shape =
        ReadShape(database, std::string(read->Text(0)), read->Int(1) != 0);
    if (!shape.ok()) return shape.status();
    if (shape->name == "sqlite_sequence" && shape->columns.size() == 2) {
      shape->columns = {{"name", "TEXT", true, false}, {"seq", "INTEGER", true, false}};
    }
    shapes.push_back(*std::move(shape));
  }
}

bool Fit(const TableShape& table, Cell cell, std::vector<Field>& fields) {
  fields = std::move(cell.fields);
  if (fields.empty() || fields.size() > table.columns.size()) return false;
  for (size_t i = fields.size(); i < table.columns.size(); ++i) {
    if (!table.columns[i].may_miss) return false;
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    if (static_cast<int>(i) == table.rowid_column) {
      if (fields[i].type != Field::Type::kNull) return false;
      fields[i].type = Field::Type::kInt;
      fields[i].number = cell.rowid;
      continue;
    }
    if (!MayHold(table.columns[i], fields[i])) return false;
  }
  return true;
}

}  // namespace fieldgate::sqlite
