#include "tests/fault/stored.h"

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/sqlite/sqlite.h"

namespace fieldgate::fault {
namespace {

absl::StatusOr<std::vector<std::string>> ReadTexts(sqlite::Database& database,
                                                   const std::string& sql) {
  absl::StatusOr<sqlite::Statement> read = database.Prepare(sql);
  if (!read.ok()) return read.status();
  std::vector<std::string> texts;
  while (true) {
    const absl::StatusOr<bool> row = read->Step();
    if (!row.ok()) return row.status();
    if (!*row) return texts;
    texts.emplace_back(read->Text(0));
  }
}

// A SELECT of each row of a table as one text.
absl::StatusOr<std::string> SelectOf(sqlite::Database& database, const std::string& table) {
  const auto columns = ReadTexts(
      database, absl::StrCat("SELECT 'quote(\"' || name || '\")' FROM pragma_table_info('", table,
                             "') ORDER BY cid"));
  if (!columns.ok()) return columns.status();
  return absl::StrCat("SELECT ", absl::StrJoin(*columns, "||'|'||"), " FROM ", table);
}

}  // namespace

absl::StatusOr<std::string> ReadStored(sqlite::Disk& disk, const std::string& path) {
  sqlite::Options options;
  options.disk = &disk;
  const auto database = sqlite::Database::Open(path, options);
  if (!database.ok()) return database.status();
  for (const char* check : {"PRAGMA integrity_check", "PRAGMA foreign_key_check"}) {
    auto problems = ReadTexts(**database, check);
    if (!problems.ok()) return problems.status();
    if (*problems == std::vector<std::string>{"ok"}) problems->clear();
    if (!problems->empty()) {
      return absl::DataLossError(absl::StrCat(check, ": ", absl::StrJoin(*problems, "; ")));
    }
  }
  const auto tables = ReadTexts(**database,
                                "SELECT name FROM sqlite_schema WHERE type = 'table'"
                                " ORDER BY name");
  if (!tables.ok()) return tables.status();
  std::string text;
  for (const std::string& table : *tables) {
    const auto select = SelectOf(**database, table);
    if (!select.ok()) return select.status();
    const auto rows = ReadTexts(**database, *select);
    if (!rows.ok()) return rows.status();
    for (const std::string& row : *rows) absl::StrAppend(&text, table, "|", row, "\n");
  }
  return text;
}

absl::StatusOr<std::string> ReadAll(Writer& writer, sqlite::Disk& disk, const std::string& path) {
  absl::StatusOr<std::string> content = writer.Content();
  if (!content.ok()) return content.status();
  const absl::StatusOr<std::string> stored = ReadStored(disk, path);
  if (!stored.ok()) return stored.status();
  return absl::StrCat(*content, *stored);
}

std::string FirstDifference(const std::string& is, const std::string& expected) {
  constexpr size_t kBefore = 20;
  constexpr size_t kMost = 160;
  const std::vector<absl::string_view> a = absl::StrSplit(is, '\n');
  const std::vector<absl::string_view> b = absl::StrSplit(expected, '\n');
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const absl::string_view left = i < a.size() ? a[i] : "";
    const absl::string_view right = i < b.size() ? b[i] : "";
    if (left == right) continue;
    const size_t same = static_cast<size_t>(
        std::mismatch(left.begin(), left.end(), right.begin(), right.end()).first - left.begin());
    const size_t from = same - std::min(same, kBefore);
    return absl::StrCat("'", absl::CHexEscape(left.substr(from, kMost)), "' instead of '",
                        absl::CHexEscape(right.substr(from, kMost)), "'");
  }
  return "nothing";
}

}  // namespace fieldgate::fault
