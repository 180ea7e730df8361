#include "common/sqlite/damage.h"

#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace fieldgate::sqlite {
namespace {

constexpr int kChunk = 64 << 10;

std::string FindUnreadable(sqlite3* connection, int which, absl::string_view name) {
  sqlite3_file* file = nullptr;
  if (sqlite3_file_control(connection, "main", which, &file) != SQLITE_OK || file == nullptr ||
      file->pMethods == nullptr) {
    return "";
  }
  sqlite3_int64 size = 0;
  if (file->pMethods->xFileSize(file, &size) != SQLITE_OK) return "";
  std::string bytes(kChunk, '\0');
  for (sqlite3_int64 at = 0; at < size; at += kChunk) {
    if (IsReadError(file->pMethods->xRead(file, bytes.data(), kChunk, at))) {
      return absl::StrCat(name, " at ", at);
    }
  }
  return "";
}

}  // namespace

bool IsDamage(int result) {
  const int primary = result & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB ||
         result == SQLITE_IOERR_CORRUPTFS || result == SQLITE_IOERR_DATA;
}

bool IsReadError(int result) { return result == SQLITE_IOERR_READ; }

std::string FindUnreadable(sqlite3* connection) {
  const std::string place = FindUnreadable(connection, SQLITE_FCNTL_FILE_POINTER, "the database");
  return place.empty() ? FindUnreadable(connection, SQLITE_FCNTL_JOURNAL_POINTER, "its log")
                       : place;
}

}  // namespace fieldgate::sqlite
