#pragma once

#include <string>

struct sqlite3;

// What the errors of SQLite say of the file. Codes are SQLite's extended ones.
namespace fieldgate::sqlite {

// The file is damaged; other errors are of the moment, or mistakes of ours.
bool IsDamage(int result);

// A part of the file could not be read, this time or ever again.
bool IsReadError(int result);

// The first place of an open database or its log that can't be read now, for people;
// "": all can. Reads both through.
std::string FindUnreadable(sqlite3* connection);

}  // namespace fieldgate::sqlite
