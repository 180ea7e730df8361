#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sqlite/cell.h"
#include "common/sqlite/sqlite.h"

namespace fieldgate::sqlite {

// A table as its schema has it.
struct TableShape {
  struct Column {
    std::string name;
    std::string type;  // "INTEGER", as declared
    bool not_null = false;
    bool may_miss = false;  // in rows that are older than the column

    friend bool operator==(const Column&, const Column&) = default;
  };

  std::string name;
  bool without_rowid = false;
  // In the order in which a record has them: that of the table, but the primary
  // key first without rowids.
  std::vector<Column> columns;
  // The column that is the rowid; -1: none is.
  int rowid_column = -1;

  // The column's place; -1: there is none.
  int Find(absl::string_view column) const;
};

// A row of a damaged database that fits its table.
struct SalvagedRow {
  const TableShape& table;
  // From a page that no page known to belong to the table names: perhaps of rows
  // that were removed long ago.
  bool orphan = false;
  std::vector<Field> fields;  // as table.columns; the rowid filled in

  // Of a column of the table.
  const Field& operator[](absl::string_view column) const;
  int64_t Int(absl::string_view column) const { return (*this)[column].number; }
  const std::string& Bytes(absl::string_view column) const { return (*this)[column].bytes; }
};

// The tables of a sound database, sqlite_sequence included; without views and
// virtual tables.
absl::StatusOr<std::vector<TableShape>> ReadShapes(Database& database);

// Makes a row of the table of a cell; false: it can't be one, by the number, the
// types and the constraint NOT NULL of its columns. Columns at the end that may
// have come later may be missing.
bool Fit(const TableShape& table, Cell cell, std::vector<Field>& fields);

}  // namespace fieldgate::sqlite
